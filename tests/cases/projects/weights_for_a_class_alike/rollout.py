import torch
from models.mdrnn import MDRNNCell

if __name__ == "__main__":
    rnn_state = torch.load("rnn.tar")
    cell = MDRNNCell(32, 3, 64)
    cell.load_state_dict({k.strip("_l0"): v for k, v in rnn_state["state_dict"].items()})
    print(cell(torch.rand(4, 3), torch.rand(4, 32), (torch.zeros(4, 64), torch.zeros(4, 64)))[0].shape)
