import networks.vit


def vit():
    return networks.vit.Net(dict(networks.vit.CONFIGS["base"]))
