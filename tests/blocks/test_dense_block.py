"""DenseBlock against timm's."""

import pytest
from timm.models.densenet import DenseBlock


@pytest.mark.parametrize("channels, growth, layers, bottleneck", [(16, 8, 3, 4), (7, 5, 1, 2)])
def test_equals_timm(block, agree, channels, growth, layers, bottleneck):
    ours = block("dense-block")(channels, growth, layers, bottleneck)
    theirs = DenseBlock(layers, channels, bn_size=bottleneck, growth_rate=growth)
    agree(ours, theirs, (2, channels, 7, 5), (3, channels, 4, 4))
    agree(ours, theirs, (1, channels, 1, 6), modes=["eval"])
