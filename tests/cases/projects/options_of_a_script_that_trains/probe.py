from net import Net
from train import args

print(Net(args))
