"""One argument of a construction is changed while it is built."""

import dataclasses

import pytest
from torch import nn

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
    net = built({"change": change, "value": None, "key": None}, "widths", lambda: Net(widths))
    assert net.widths == wanted
    assert Net(widths).widths == widths, "the class is what it was"


class PassedOn(Net):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


def test_an_argument_that_is_only_passed_on_is_changed_where_it_is_named():
    variant = {
        "build": "",
        "class_key": "",
        "argument": "deep",
        "change": "value",
        "value": True,
        "key": None,
    }
    with OtherArgument(PassedOn, "deep", change_of(variant)):
        assert PassedOn([1]).deep is True
    assert PassedOn([1]).deep is False


def test_a_default_is_changed_too():
    net = built({"change": "value", "value": True, "key": None}, "deep", lambda: Net([1]))
    assert (net.widths, net.deep) == ([1], True)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"change": "value", "value": False, "key": None}, "deep"),
        ({"change": "longer", "value": None, "key": None}, "deep"),
        ({"change": "shorter", "value": None, "key": None}, "widths"),
        ({"change": "value", "value": 1, "key": None}, "other"),
    ],
)
def test_what_changes_nothing_is_no_variant(change, argument):
    with pytest.raises(NoVariant):
        built(change, argument, lambda: Net([1]))


class Options:
    def __init__(self, **values):
        vars(self).update(values)


@dataclasses.dataclass(frozen=True)
class Fixed:
    deep: bool = False


@pytest.mark.parametrize("value", [Options(deep=False), {"deep": False}, Fixed()])
@pytest.mark.parametrize(("change", "given"), [("turned", None), ("value", True)])
def test_an_option_of_a_configuration_object_is_changed_in_a_copy(value, change, given):
    variant = {"change": change, "value": given, "key": "deep"}
    other = change_of(variant)(value)
    assert type(other) is type(value)
    read = (lambda one: one["deep"]) if isinstance(value, dict) else (lambda one: one.deep)
    assert read(other) is True and read(value) is False


@pytest.mark.parametrize(
    "value", [Options(), {}, None, 3, nn.Linear(1, 1), Options(deep="no"), Options(deep=1)]
)
def test_what_is_no_flag_is_not_turned(value):
    with pytest.raises(NoVariant):
        change_of({"change": "turned", "value": None, "key": "deep"})(value)
