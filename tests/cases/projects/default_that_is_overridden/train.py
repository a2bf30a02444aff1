import json
import sys

import torch

import models

if __name__ == "__main__":
    config = json.load(open("config.json"))["arch"]
    for backbone in sys.argv[1:] or (config["args"]["backbone"], "resnet_small"):
        model = getattr(models, config["type"])(4, backbone=backbone)
        sum(y.mean() for y in model(torch.randn(2, 3, 32, 32))).backward()
        print(backbone, "ok")
