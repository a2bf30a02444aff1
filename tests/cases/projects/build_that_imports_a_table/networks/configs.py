def get_base_config():
    return {"hidden": 32, "n_skip": 0}
