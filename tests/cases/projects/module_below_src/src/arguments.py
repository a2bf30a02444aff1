import argparse


def common_arguments():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--feat_dim', type=int, default=96)
    parser.add_argument('--no_slack', action='store_true')
    return parser


def train_arguments():
    parser = argparse.ArgumentParser(parents=[common_arguments()])
    parser.add_argument('--lr', default=1e-4, type=float)
    return parser
