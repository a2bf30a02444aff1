import argparse

import torch

from danet import get_danet
from psp import get_psp

MODELS = {"danet": get_danet, "psp": get_psp}
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="danet", choices=["danet", "psp"])
parser.add_argument("--backbone", default="resnet50", choices=["resnet50", "resnet101"])

if __name__ == "__main__":
    args = parser.parse_args()
    model = MODELS[args.model](backbone=args.backbone)
    print(args.model, args.backbone, tuple(model(torch.randn(2, 3, 32, 32)).shape))
