from torch import nn


def strict_init(model):
    for name, one in model.named_parameters():
        nn.init.xavier_normal_(one) if "weight" in name else nn.init.zeros_(one)


def train(model, batches):
    for batch in batches:
        model(batch)
    for one in model.parameters():
        raise RuntimeError(one)


if __name__ == "__main__":
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    strict_init(net)
