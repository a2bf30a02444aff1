import torch

from net import Coder, Sampler

if __name__ == "__main__":
    for kind in (Coder, Sampler):
        for hidden in (None, [4, 12, 20]):
            model = kind(3, 10, hidden) if hidden else kind(3, 10)
            n = []
            for p, m in model.named_modules():
                if type(m).__name__ in ("SE", "CBAM"):
                    m.register_forward_hook(lambda m, i, o, p=p: n.append(p))
            model(torch.randn(2, 3, 32, 32)).mean().backward()
            print(kind.__name__, hidden, n)
