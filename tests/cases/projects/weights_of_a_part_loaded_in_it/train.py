import sys

import torch

from net.detector import Detector

if __name__ == "__main__":
    model = Detector(4, fresh=len(sys.argv) > 1)
    print(model(torch.rand(1, 3, 8, 8)).shape)
