from mobilenet import MobileNet
from ssd import SSD


def create_ssd(num_classes):
    return SSD(MobileNet().features)
