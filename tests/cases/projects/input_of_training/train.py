import torch

from model import Detector

detector = Detector()
losses = detector(torch.rand(2, 3, 8, 8), [{"boxes": torch.rand(4)}])
losses["loss"].backward()
assert all(parameter.grad is not None for parameter in detector.parameters())
