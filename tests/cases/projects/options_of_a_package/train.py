import configs.base
from net import Classifier


def main():
    model = Classifier(configs.base.cfg)
    print(len(list(model.parameters())))


if __name__ == "__main__":
    main()
