import torch

from models import PointNet, Segmentation

if __name__ == "__main__":
    print(Segmentation(PointNet())(torch.rand(10, 24, 3)).shape)
