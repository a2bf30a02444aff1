"""Which modules of an edited model are new, in place of others, or only under another name."""

import pytest
from torch import nn

from stitchgen.observer.edits.structure import Structure


def conv(width=4):
    return nn.Conv2d(width, width, 3)


class Holder(nn.Module):
    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


def found(old, new):
    structure = Structure(old, new)
    return {
        "added": structure.added,
        "removed": structure.removed,
        "replaced": [tuple(one) for one in structure.replaced],
        "moved": [tuple(one) for one in structure.moved],
        "parameters": structure.parameters,
    }


EDITS = {
    "an attribute more": (
        lambda: (Holder(a=conv()), Holder(a=conv(), b=conv())),
        {"added": ["b"]},
    ),
    "an attribute fewer": (
        lambda: (Holder(a=conv(), b=conv()), Holder(a=conv())),
        {"removed": ["b"]},
    ),
    "another class": (
        lambda: (Holder(a=conv()), Holder(a=nn.Linear(4, 4))),
        {"replaced": [("a", "a")]},
    ),
    "inside of a layer": (
        lambda: (Holder(a=Holder(b=conv())), Holder(a=Holder(b=conv(), c=nn.ReLU()))),
        {"added": ["a.c"]},
    ),
    "a Sequential around a layer": (
        lambda: (Holder(a=conv()), Holder(a=nn.Sequential(conv(), nn.Linear(4, 4)))),
        {"moved": [("a", "a.0")], "added": ["a.1"]},
    ),
    "the end of a Sequential": (
        lambda: (nn.Sequential(conv(), nn.ReLU()), nn.Sequential(conv(), nn.ReLU(), conv(8))),
        {"added": ["2"]},
    ),
    "the middle of a Sequential": (
        lambda: (nn.Sequential(conv(), conv(8)), nn.Sequential(conv(), nn.ReLU(), conv(8))),
        {"added": ["1"], "moved": [("1", "2")]},
    ),
    "an element of a Sequential": (
        lambda: (
            nn.Sequential(conv(), nn.ReLU(), conv(8)),
            nn.Sequential(conv(), nn.SiLU(), conv(8)),
        ),
        {"replaced": [("1", "1")]},
    ),
    "a parameter": (
        lambda: (
            Holder(a=conv()),
            Holder(a=conv(), scale=nn.Parameter(nn.Linear(1, 1).bias.detach())),
        ),
        {"parameters": ["scale"]},
    ),
    "another size": (lambda: (Holder(a=conv()), Holder(a=conv(8))), {}),
}


@pytest.mark.parametrize("name", EDITS)
def test_structure(name):
    models, expected = EDITS[name]
    none = {"added": [], "removed": [], "replaced": [], "moved": [], "parameters": []}
    assert found(*models()) == {**none, **expected}


def test_the_elements_of_a_new_list_are_what_is_new():
    old, new = Holder(a=conv()), Holder(a=conv(), more=nn.ModuleList([conv(), conv()]))
    structure = Structure(old, new)
    assert structure.added == ["more"]
    structure.open_lists({"a", "more.1"})
    assert structure.added == ["more.0", "more.1"]
