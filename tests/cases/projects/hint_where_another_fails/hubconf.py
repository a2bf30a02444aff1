from model import Detector


def detector_small():
    return Detector(16)
