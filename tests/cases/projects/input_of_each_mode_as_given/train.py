import torch
from model import Det

if __name__ == "__main__":
    model = Det(num_classes=80)
    model.train()
    loss = model([torch.rand(8, 3, 64, 64), torch.rand(8, 5, 5)])
    loss.backward()
    model.eval()
    print(model(torch.rand(1, 3, 64, 64)).shape)
