from config import cfg
from net import build_model

if __name__ == "__main__":
    print(build_model(cfg, 10).head.out_features)
