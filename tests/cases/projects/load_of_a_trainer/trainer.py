import torch


class Trainer:
    def __init__(self, *, model, resume=None):
        self.model = model
        if resume:
            self.resume(resume)

    def resume(self, path):
        self.model.load_state_dict(torch.load(path, map_location="cpu"))
