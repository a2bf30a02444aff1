import torch

from detector import Detector
from masks import WithMasks

WithMasks(Detector())(torch.rand(1, 3, 16, 16)).mean().backward()
