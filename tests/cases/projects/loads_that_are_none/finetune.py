import argparse

import torch

import utils
from net import Net

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--finetune")
    args = parser.parse_args()
    model = Net()
    checkpoint = torch.load(args.finetune, map_location="cpu")
    utils.load_state_dict(model, checkpoint["model"], prefix="")
    print(model(torch.randn(1, 3, 8, 8)).shape)
