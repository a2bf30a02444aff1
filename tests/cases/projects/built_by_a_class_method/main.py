import argparse
from net import Net

parser = argparse.ArgumentParser()
parser.add_argument('-a', '--arch', default='b0', help='model architecture (default: b0)')

if __name__ == '__main__':
    args = parser.parse_args()
    model = Net.from_name(args.arch)
    print(model)
