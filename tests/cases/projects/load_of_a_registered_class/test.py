import argparse

import torch

import net  # noqa: F401
import registry

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    args = parser.parse_args()
    model = registry.make(torch.load(args.model)["model"], load_sd=True)
    print(model(torch.randn(1, 3, 8, 8)).shape)
