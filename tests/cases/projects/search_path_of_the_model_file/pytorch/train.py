from mem import Net

if __name__ == "__main__":
    net = Net(32)
