import torch
from model import Discriminator, Generator


class Solver:
    def __init__(self, config):
        self.g_dim, self.d_dim = config.g_dim, config.d_dim
        self.build_model()

    def build_model(self):
        self.G = Generator(self.g_dim)
        self.D = Discriminator(self.d_dim)

    def restore_model(self, path):
        self.G.load_state_dict(torch.load(path + "-G.ckpt"))
        self.D.load_state_dict(torch.load(path + "-D.ckpt"))
