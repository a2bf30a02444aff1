"""The state of a model that was read from a file is an old one."""

from __future__ import annotations

import ast

import pytest

from stitchgen.project.advice import bound_in, load_warning


@pytest.mark.parametrize(
    ("before", "warned"),
    [
        ("old = checkpoint['model']", True),
        ("old = torch.load(path)", True),
        ("old = Net()", False),
        ("old = self.teacher", False),
    ],
)
def test_the_state_of_a_model_that_was_read(before: str, warned: bool) -> None:
    tree = ast.parse(f"{before}\nmodel.load_state_dict(old.state_dict())")
    call = tree.body[1].value
    assert bool(load_warning(call, "train.py:2", bound_in(tree, ()))) is warned
