import argparse
import sys

sys.path.append("../../")
from Net.task.model import Net

parser = argparse.ArgumentParser()
parser.add_argument("--nhid", type=int, default=12)
parser.add_argument("--levels", type=int, default=3)
args = parser.parse_args()

widths = [args.nhid] * args.levels
model = Net(2, 1, widths)

if __name__ == "__main__":
    print(sum(p.numel() for p in model.parameters()))
