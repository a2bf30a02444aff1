"""A catalog of somebody else with one block in it, and how a broken one is refused."""

from __future__ import annotations

import pytest

from stitchgen.errors import StitchError

#: The head of a block file, whole.
HEAD = """{#
name = "eca"
class = "ECA"
title = "Efficient channel attention"
family = "channel-attention"
summary = "Scales channels."
fits = "Anywhere."
oracle = "none"
layouts = ["NCHW"]
dims = [1, 2, 3]
channels = "same"
size = "same"

[paper]
title = "ECA-Net"
authors = "Wang et al."
year = 2019

[parameters]
channels = { type = "int", meaning = "channels of the input" }
#}
"""
#: What follows the head.
BODY = '''from torch import nn


class {{ cls }}(nn.Identity):
    """{{ dims }}"""
'''


def broken(run, where=None):
    """The refusal of `run`, which has to name the catalog as broken, at `where` if that is given."""
    with pytest.raises(StitchError) as error:
        run()
    assert error.value.code == "catalog-broken", error.value
    assert error.value.message and error.value.hint
    if where is not None:
        assert error.value.where == where
    return error.value
