small = {"name": "small", "width": 16}
large = {"name": "large", "width": 32}
