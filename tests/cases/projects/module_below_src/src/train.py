import torch
from arguments import train_arguments
from models.rpmnet import get_model

parser = train_arguments()
_args = parser.parse_args()


def main():
    model = get_model(_args)
    print(model(torch.rand(2, 50, 3)).shape)


if __name__ == '__main__':
    main()
