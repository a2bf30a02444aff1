"""What Ultralytics does with a model's YAML, as far as rows and their names are concerned, without torch."""

import re

import yaml

from .nn import tasks


class YOLO:
    def __init__(self, name):
        general, scale = re.sub(r"(\d)([nslmx])", r"\1", name), re.search(r"\d([nslmx])", name)
        with open(general, encoding="utf-8") as file:
            settings = yaml.safe_load(file)
        self.layers, self.widths = tasks.parse_model({**settings, "scale": scale.group(1)}, 3)
