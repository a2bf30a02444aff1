import torch

from lora import lora
from model import Language

if __name__ == "__main__":
    with lora():
        net = Language(vocab=50)
    print(net(torch.randint(0, 50, (2, 8))).shape)
