import torch
from net import Net


def main():
    model = Net(classes=3)
    modules_ori = [model.layer0]
    modules_new = [model.ppm, model.cls]
    params_list = []
    for module in modules_ori:
        params_list.append(dict(params=module.parameters(), lr=0.01))
    for module in modules_new:
        params_list.append(dict(params=module.parameters(), lr=0.1))
    optimizer = torch.optim.SGD(params_list, lr=0.01)
    model(torch.rand(2, 3, 32, 32)).pow(2).mean().backward()
    optimizer.step()


if __name__ == "__main__":
    main()
