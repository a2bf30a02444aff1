from discriminator import train
from net import Net

if __name__ == "__main__":
    model = Net()
    train(model, [])
