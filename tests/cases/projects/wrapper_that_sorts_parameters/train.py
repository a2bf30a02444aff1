import torch

from recogniser import Recogniser

if __name__ == "__main__":
    model = Recogniser(5, 4)
    optimizer = torch.optim.SGD(model.get_optim_policies(), lr=0.1)
    loss = model(torch.randn(2, 12, 32, 32)).square().mean()
    loss.backward()
    optimizer.step()
    print("trained")
