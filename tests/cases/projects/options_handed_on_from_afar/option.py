import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="plain")
parser.add_argument("--n_feats", type=int, default=12)
parser.add_argument("--n_blocks", type=int, default=2)
args = parser.parse_args()

for name, value in vars(args).items():
    if value == "True":
        setattr(args, name, True)
