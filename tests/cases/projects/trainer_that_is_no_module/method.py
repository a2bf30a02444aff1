import torch
from models.encoder import Encoder


class Method:
    """Trains an Encoder; no nn.Module itself."""

    def __init__(self, dims, hidden=64, device="cuda"):
        self._net = Encoder(dims, hidden).to(device)
        self.net = torch.optim.swa_utils.AveragedModel(self._net)
