import torch

from backbone import build

if __name__ == "__main__":
    for depth in ("50x", "18x"):
        build({"depth": depth})(torch.randn(2, 3, 32, 32)).mean().backward()
        print(depth, "runs")
