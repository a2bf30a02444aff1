from net import create
from trainer import Trainer

if __name__ == "__main__":
    Trainer(model=create(32))
