import torch
from net import Net


def with_new_head(path):
    model = Net(4)
    missing, unexpected = model.load_state_dict(torch.load(path), strict=False)
    if set(missing) != {"fc.weight", "fc.bias"}:
        raise ValueError(missing)
    return model


if __name__ == "__main__":
    print(len(list(Net().parameters())))
