import model
from option import args

if __name__ == "__main__":
    network = model.Model(args)
    print(sum(one.numel() for one in network.parameters()))
