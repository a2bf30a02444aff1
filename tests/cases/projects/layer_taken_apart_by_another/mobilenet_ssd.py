from mobilenet import MobileNet
from ssd import SSD


def create_ssd():
    return SSD(MobileNet().features)
