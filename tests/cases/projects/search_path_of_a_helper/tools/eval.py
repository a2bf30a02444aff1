import _init_paths  # noqa: F401
import models

if __name__ == "__main__":
    print(sum(one.numel() for one in models.Net().parameters()))
