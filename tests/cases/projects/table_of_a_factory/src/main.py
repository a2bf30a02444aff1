import _init_paths

import torch

from models.factory import create_model

if __name__ == "__main__":
    for arch in ("res_18", "res_50"):
        create_model(arch, {"heat": 4, "size": 2})(torch.randn(2, 3, 32, 32))["heat"].mean().backward()
        print(arch, "ok")
