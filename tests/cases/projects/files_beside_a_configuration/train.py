import argparse

import torch

from net import Net

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="config/large.cfg", help="Path to the model's definition")
    arguments = parser.parse_args()
    net = Net(arguments.model)
    net(torch.randn(2, 3, 32, 32)).mean().backward()
    print(arguments.model, "ok", [name for name, _ in net.named_children()])
