from networks.vit import CONFIGS, Net


def vit():
    return Net(dict(CONFIGS["base"]))
