import importlib
import torch
from argparse import ArgumentParser

NUM_CLASSES = 20


def train(args, model, enc=False):
    print(model(torch.rand(2, 3, 64, 64), only_encode=enc).shape)
    return model


def main(args):
    model_file = importlib.import_module(args.model)
    model = model_file.Net(NUM_CLASSES)
    model = train(args, model, True)  # train the encoder
    model = model_file.Net(NUM_CLASSES, encoder=model.encoder)
    train(args, model, False)  # train the decoder


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--model", default="net")
    main(parser.parse_args())
