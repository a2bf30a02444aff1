from net import Net

if __name__ == "__main__":
    print(type(Net()).__name__)
