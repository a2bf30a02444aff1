"""One argument of a construction is changed while it is built."""

import pytest

from stitchgen.observer.variants import NoVariant, OtherArgument, change_of


class Net:
    def __init__(self, widths, deep=False):
        self.widths, self.deep = widths, deep


def built(change, argument, make):
    variant = {"build": "", "class_key": "", "argument": argument, **change}
    with OtherArgument(Net, argument, change_of(variant)):
        return make()


@pytest.mark.parametrize(
    ("change", "widths", "wanted"),
    [
        ("longer", [8, 16], [8, 16, 24]),
        ("longer", (16, 8), (16, 8, 8)),
        ("longer", [8, 16, "M"], [8, 16, "M", "M"]),
        ("shorter", [8, 16], [8]),
    ],
)
def test_a_list_has_another_length(change, widths, wanted):
    net = built({"change": change, "value": None}, "widths", lambda: Net(widths))
    assert net.widths == wanted
    assert Net(widths).widths == widths, "the class is what it was"


class PassedOn(Net):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


def test_an_argument_that_is_only_passed_on_is_changed_where_it_is_named():
    variant = {"build": "", "class_key": "", "argument": "deep", "change": "value", "value": True}
    with OtherArgument(PassedOn, "deep", change_of(variant)):
        assert PassedOn([1]).deep is True
    assert PassedOn([1]).deep is False


def test_a_default_is_changed_too():
    net = built({"change": "value", "value": True}, "deep", lambda: Net([1]))
    assert (net.widths, net.deep) == ([1], True)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"change": "value", "value": False}, "deep"),
        ({"change": "longer", "value": None}, "deep"),
        ({"change": "shorter", "value": None}, "widths"),
        ({"change": "value", "value": 1}, "other"),
    ],
)
def test_what_changes_nothing_is_no_variant(change, argument):
    with pytest.raises(NoVariant):
        built(change, argument, lambda: Net([1]))
