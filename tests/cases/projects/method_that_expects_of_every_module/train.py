import argparse

import numpy as np

from vit import VisionTransformer

parser = argparse.ArgumentParser()
parser.add_argument("--pretrained", default="imagenet21k.npz")

if __name__ == "__main__":
    net = VisionTransformer(32, 2)
    net.load_from(weights=np.load(parser.parse_args().pretrained))
    print("loaded")
