from networks.vit import CONFIGS, Net

if __name__ == "__main__":
    net = Net(CONFIGS["base"])
