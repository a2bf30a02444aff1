import torch

from model import Detector


class Trainer:
    def __init__(self, pretrained):
        self.model = Detector()
        self.model.backbone.load_state_dict(torch.load(pretrained))
