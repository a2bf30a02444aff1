import torch

from vqgan import VQModel

if __name__ == '__main__':
    model = VQModel()
    (opt,), _ = model.configure_optimizers()
    model(torch.rand(2, 3, 16, 16)).mean().backward()
    opt.step()
    got = {id(p) for group in opt.param_groups for p in group['params']}
    print([name for name, p in model.named_parameters() if id(p) not in got])
