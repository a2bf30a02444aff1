import argparse

from net import Estimator

estimator = Estimator(32)

if __name__ == "__main__":
    argparse.ArgumentParser().parse_args()
    estimator.model.train()
    print([name for name, _ in estimator.model.named_children()])
