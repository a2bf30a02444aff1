import argparse
from models import net
from utils import *

parser = argparse.ArgumentParser()
parser.add_argument('--data', type=str, required=True)
parser.add_argument('--model', type=str, default='net')
parser.add_argument('--hidCNN', type=int, default=100)
parser.add_argument('--kernel', type=int, default=6)
args = parser.parse_args()
Data = Data_utility(args.data)
model = eval(args.model).Model(args, Data)
