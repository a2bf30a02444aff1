from nets.pair import Pair

if __name__ == "__main__":
    Pair()
