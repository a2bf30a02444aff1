import torch
from models.mdrnn import MDRNN

if __name__ == "__main__":
    mdrnn = MDRNN(32, 3, 64)
    mdrnn(torch.rand(16, 4, 3), torch.rand(16, 4, 32)).sum().backward()
    torch.save({"state_dict": mdrnn.state_dict()}, "rnn.tar")
