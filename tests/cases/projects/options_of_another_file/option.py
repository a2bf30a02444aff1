import argparse

parser = argparse.ArgumentParser(description="restoration")
parser.add_argument("--features", type=int, default=24)
parser.add_argument("--scale", default="2+4")
parser.add_argument("--residual", action="store_true")
opt = parser.parse_args()
opt.scale = [int(one) for one in opt.scale.split("+")]
