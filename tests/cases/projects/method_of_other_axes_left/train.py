import argparse

import torch

from model import Classifier, Tagger

parser = argparse.ArgumentParser()
parser.add_argument("--task", default="tag", choices=["tag", "classify"])

if __name__ == "__main__":
    args = parser.parse_args()
    model = Tagger() if args.task == "tag" else Classifier()
    print(model(torch.randint(0, 20, (2, 7))).shape)
