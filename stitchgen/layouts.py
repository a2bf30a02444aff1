"""Layouts of a tensor of features: which axis holds the batch, the channels, the space.

`NCHW` and `NHWC` are maps, `NCL` a sequence of channels, `NLC` and `LNC` sequences of tokens, `NC` a
vector. A block's head says `NCHW`, `NHWC` or `NLC` whatever the number of spatial dimensions.
"""

from __future__ import annotations

#: What a block's head may say.
HEAD_LAYOUTS = ("NCHW", "NHWC", "NLC", "any")
#: The layout of a feature, as both backends name it -> the word of a head, spatial dims.
FEATURES = {
    "NCL": ("NCHW", 1),
    "NCHW": ("NCHW", 2),
    "NCDHW": ("NCHW", 3),
    "NLC": ("NLC", 1),
    "NHWC": ("NHWC", 2),
    "NDHWC": ("NHWC", 3),
}

#: Maps with their channels last.
CHANNELS_LAST = {"NHWC", "NDHWC"}
#: The layout that a permutation makes of another, with the order of the axes in that.
PERMUTED = {
    "NHWC": ("NCHW", (0, 3, 1, 2)),
    "NDHWC": ("NCDHW", (0, 4, 1, 2, 3)),
    "LNC": ("NLC", (1, 0, 2)),
}
#: The same of sequences, for blocks of maps with one spatial dimension.
ALONG = {"NLC": ("NCL", (0, 2, 1)), "LNC": ("NCL", (1, 2, 0))}
