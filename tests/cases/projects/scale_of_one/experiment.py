import torch

from neck import Neck


class Experiment:
    def __init__(self, depth, width):
        self.depth = depth
        self.width = width

    def model(self):
        return Neck(self.depth, self.width, widths=[16, 32])


EXPERIMENTS = {"small": Experiment(0.33, 0.5), "large": Experiment(1.0, 1.0), "extra": Experiment(1.33, 1.25)}

if __name__ == "__main__":
    for name, experiment in EXPERIMENTS.items():
        experiment.model()(torch.randn(2, 3, 32, 32)).mean().backward()
        print(name, "ok")
