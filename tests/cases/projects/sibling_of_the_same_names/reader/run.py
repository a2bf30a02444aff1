import torch

from model import Tagger


def run():
    model = Tagger()
    groups = [{"params": model.words.parameters()}, {"params": model.classifier.parameters(), "lr": 1e-3}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4)
    model(torch.randint(0, 50, (2, 7))).mean().backward()
    optimizer.step()


if __name__ == "__main__":
    run()
