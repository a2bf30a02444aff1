import torch

from nets import build

if __name__ == "__main__":
    names, model, critic = build(data="birds", wide=True)
    score = critic(model(torch.rand(2, 3, 8, 8))).mean()
    score.backward()
    print(names, float(score))
