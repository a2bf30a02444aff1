"""ResNeXtBlock against timm's Bottleneck."""

import pytest
from timm.models.resnet import Bottleneck


@pytest.mark.parametrize(
    "channels, cardinality, base_width", [(256, 32, 4), (128, 8, 16), (64, 4, 4)]
)
def test_equals_timm(block, agree, channels, cardinality, base_width):
    theirs = Bottleneck(channels, channels // 4, cardinality=cardinality, base_width=base_width)
    ours = block("resnext-block")(channels, cardinality, base_width)
    agree(ours, theirs, (2, channels, 7, 5), (3, channels, 4, 4), scale=0.1)
    agree(ours, theirs, (1, channels, 3, 6), modes=["eval"], scale=0.1)


def test_few_channels(block, raises):
    """32 channels would leave each path half a channel."""
    assert block("resnext-block")(32).conv2.in_channels == 32
    raises(block("resnext-block"), "channels", 30)
