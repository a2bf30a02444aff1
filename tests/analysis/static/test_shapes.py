"""What the tables say of the functions and layers of torch is what torch does, on random shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from stitchgen.analysis.static import modules, names  # noqa: E402
from stitchgen.analysis.static.machine import Machine  # noqa: E402
from stitchgen.analysis.static.overlays import torch as functions  # noqa: E402
from stitchgen.analysis.static.overlays import torch_nn  # noqa: E402
from stitchgen.analysis.static.values import (  # noqa: E402
    DIMENSIONS,
    Known,
    Ref,
    Tensor,
    Unknown,
    Value,
)

nn, F = torch.nn, torch.nn.functional
SETTINGS = settings(max_examples=12, suppress_health_check=list(HealthCheck))
LAYOUTS = sorted(DIMENSIONS)


@st.composite
def shapes(draw: st.DrawFn, layouts: list[str]) -> tuple[str, tuple[int, ...]]:
    """A layout and the sizes of its axes."""
    layout = draw(st.sampled_from(layouts))
    every = {"N": draw(st.sampled_from([1, 2, 3])), "C": draw(st.sampled_from([4, 8, 12]))}
    sizes = {letter: draw(st.sampled_from([4, 6])) for letter in "DHWL"} | every
    return layout, tuple(sizes[letter] for letter in layout)


def value(machine: Machine, given: Any) -> Value:
    """What the reader has for a number, a text, or a sequence of these."""
    if isinstance(given, (list, tuple)):
        kind = "list" if isinstance(given, list) else "tuple"
        return machine.sequence([value(machine, one) for one in given], kind)
    return Known(given)


def agrees(machine: Machine, result: Value, actual: Any) -> bool:
    """Whether what is known of a result is so; whether its count is known, that is."""
    assert isinstance(result, (Tensor, Unknown)), result
    if isinstance(result, Unknown):
        return False
    assert isinstance(actual, torch.Tensor)
    if result.layout is not None:
        assert len(result.layout) == actual.dim(), (result.layout, actual.shape)
    count = machine.resolve(result.channels)
    if not isinstance(count, Known):
        return False
    if result.layout is not None:
        assert actual.shape[result.layout.index("C")] == count.value, (result.layout, actual.shape)
        if result.squeezed:
            others = [n for n, letter in zip(actual.shape, result.layout) if letter not in "NC"]
            assert set(others) <= {1}, (result.layout, actual.shape)
    return result.layout is not None


# Functions ------------------------------------------------------------------------------------

#: Arguments after the tensor, of functions that need some; `C` is the number of channels.
ARGUMENTS: dict[str, list[Any]] = {
    "clamp": [0, 1],
    "clamp_": [0, 1],
    "clip": [0, 1],
    "threshold": [0.1, 20],
    "full_like": [3.0],
    "pow": [2],
    "local_response_norm": [2],
    "add_": [1],
    "sub_": [1],
    "mul_": [2],
    "div_": [2],
    "fill_": [1],
    "roll": [1, 1],
    "group_norm": [2],
    "feature_dropout": [0.5, False],
    "softmax": [1],
    "log_softmax": [1],
}
#: Of these there is nothing to call without a graphics card, or without more tensors.
NOT_CALLED = {"cuda", "type", "type_as", "masked_fill", "masked_fill_", "batch_norm", "prelu"}
NOT_CALLED |= {"layer_norm", "flip", "to"}


def called(name: str, x: Any, arguments: list[Any]) -> Any:
    if hasattr(F, name):
        return getattr(F, name)(x, *arguments)
    if hasattr(x, name):
        return getattr(x, name)(*arguments)
    return getattr(torch, name)(x, *arguments)


@pytest.mark.parametrize("name", sorted(functions.SAME_SHAPE - NOT_CALLED))
@SETTINGS
@given(shape=shapes(["NCHW", "NCL", "NHWC", "NCDHW", "NC"]))
def test_a_function_of_the_table_keeps_the_shape(name: str, shape: tuple[str, tuple]) -> None:
    layout, sizes = shape
    x, arguments = torch.rand(sizes), ARGUMENTS.get(name, [])
    try:
        actual = called(name, x, arguments)
    except (RuntimeError, ValueError):
        return  # it takes other numbers of axes
    assert actual.shape == x.shape
    machine = Machine()
    given = machine.tensor(Known(sizes[layout.index("C")]), layout)
    result = functions.call(machine, name, [given, *(value(machine, a) for a in arguments)], {})
    assert agrees(machine, result, actual)


MORE: dict[str, Callable[[Any], Any]] = {
    "prelu": lambda x: F.prelu(x, torch.rand(1)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "masked_fill": lambda x: x.masked_fill(x > 0.5, 1),
    "masked_fill_": lambda x: x.masked_fill_(x > 0.5, 1),
    "type": lambda x: x.type(torch.float64),
    "type_as": lambda x: x.type_as(x),
    "flip": lambda x: x.flip(1),
    "to": lambda x: x.to(torch.float64),
}


@pytest.mark.parametrize("name", sorted(MORE))
def test_a_function_that_takes_more_keeps_the_shape(name: str) -> None:
    assert MORE.keys() | {"cuda"} == NOT_CALLED
    x = torch.rand(2, 4, 6, 6)
    assert MORE[name](x).shape == x.shape
    machine = Machine()
    result = functions.call(machine, name, [machine.tensor(Known(4), "NCHW")], {})
    assert agrees(machine, result, x)


AXES = st.integers(-4, 4)
CALLS: dict[str, st.SearchStrategy[list[Any]]] = {
    "flatten": st.lists(AXES, max_size=2),
    "mean": st.tuples(
        st.one_of(AXES, st.lists(AXES, min_size=1, max_size=3, unique=True)), st.booleans()
    ).map(list),
    "sum": st.tuples(st.one_of(AXES, st.lists(AXES, min_size=1, max_size=3, unique=True))).map(
        list
    ),
    "amax": st.tuples(AXES, st.booleans()).map(list),
    "permute": st.permutations(range(4)).map(list),
    "transpose": st.lists(AXES, min_size=2, max_size=2),
    "swapaxes": st.lists(AXES, min_size=2, max_size=2),
    "chunk": st.tuples(st.sampled_from([1, 2, 3, 4, 5, 40]), AXES).map(list),
    "squeeze": st.lists(AXES, max_size=1),
    "pad": st.tuples(
        st.sampled_from([[1, 1], [1, 2, 0, 1], [0, 0, 0, 0, 1, 2], [1, 1, 1, 1, 1, 1, 1, 1]])
    ).map(list),
    "max_pool2d": st.tuples(st.sampled_from([1, 2])).map(list),
    "avg_pool1d": st.tuples(st.sampled_from([1, 2])).map(list),
    "max_pool3d": st.tuples(st.sampled_from([1, 2])).map(list),
    "adaptive_avg_pool2d": st.tuples(st.sampled_from([1, 2, (1, 1), (1, 2)])).map(list),
    "adaptive_max_pool1d": st.tuples(st.sampled_from([1, 2])).map(list),
    "interpolate": st.tuples(st.sampled_from([8, 10])).map(list),
    "view": st.one_of(st.just([2, -1]), st.just([-1, 4]), st.just([1, -1, 4])),
    "reshape": st.one_of(st.just([2, -1]), st.just([-1, 4]), st.just([1, -1, 4])),
    "size": st.lists(AXES, min_size=1, max_size=1),
    "add": st.tuples(st.sampled_from([1, 0.5])).map(list),
    "mul": st.tuples(st.sampled_from([1, 0.5])).map(list),
    "dim": st.just([]),
}


@pytest.mark.parametrize("name", sorted(CALLS))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data(), shape=shapes(LAYOUTS))
def test_what_is_known_of_a_function_is_so(
    name: str, data: st.DataObject, shape: tuple[str, tuple]
) -> None:
    layout, sizes = shape
    arguments = data.draw(CALLS[name])
    x = torch.rand(sizes)
    try:
        if name in ("pad", "interpolate") or "pool" in name:
            actual = getattr(F, name)(x, *arguments)
        else:
            actual = getattr(x, name)(*arguments)
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, AssertionError):
        return
    machine = Machine()
    given = machine.tensor(Known(sizes[layout.index("C")]), layout)
    result = functions.call(machine, name, [given, *(value(machine, a) for a in arguments)], {})
    if name in ("size", "dim"):
        assert not isinstance(result, Known) or result.value == actual
    elif name == "chunk":
        parts = machine.items(result)
        assert parts is None or len(parts) == len(actual)
        for part, one in zip(parts or (), actual):
            agrees(machine, part, one)
    else:
        agrees(machine, result, actual)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    shape=shapes(["NCHW", "NCL", "NHWC", "NLC"]),
    axis=AXES,
    counts=st.lists(st.sampled_from([4, 8]), min_size=1, max_size=3),
)
def test_a_concatenation(shape: tuple[str, tuple], axis: int, counts: list[int]) -> None:
    layout, sizes = shape
    position = layout.index("C")
    parts = [torch.rand(*sizes[:position], n, *sizes[position + 1 :]) for n in counts]
    try:
        actual = torch.cat(parts, axis)
    except (RuntimeError, IndexError):
        return
    machine = Machine()
    given = machine.sequence([machine.tensor(Known(n), layout) for n in counts])
    result = functions.call(machine, "cat", [given, Known(axis)], {})
    known = agrees(machine, result, actual)
    assert known or axis not in (position, position - len(layout))


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(
    one=shapes(["NCHW", "NC", "NLC"]),
    other=shapes(["NCHW", "NC", "NLC"]),
    stretched=st.sampled_from(["", "C", "HW", "N"]),
    name=st.sampled_from(["add", "mul", "sub", "div"]),
)
def test_a_sum_of_tensors(
    one: tuple[str, tuple], other: tuple[str, tuple], stretched: str, name: str
) -> None:
    layout, sizes = other
    second = tuple(1 if letter in stretched else n for letter, n in zip(layout, sizes))
    try:
        actual = getattr(torch.rand(one[1]), name)(torch.rand(second))
    except RuntimeError:
        return
    machine = Machine()
    left = machine.tensor(Known(one[1][one[0].index("C")]), one[0])
    right = machine.tensor(Known(second[layout.index("C")]), layout)
    agrees(machine, functions.call(machine, name, [left, right], {}), actual)


# Layers ---------------------------------------------------------------------------------------

LAYERS: dict[str, tuple[Any, ...]] = {
    "Threshold": (0.1, 20),
    "LocalResponseNorm": (2,),
    "CrossMapLRN2d": (2,),
    "ChannelShuffle": (2,),
    "Softmax": (1,),
    "LogSoftmax": (1,),
    "Softmin": (1,),
}


def forward(name: str, arguments: tuple[Any, ...], layout: str, count: int, **more: Any) -> Any:
    """The machine, and what the reader says of a layer that is fed a tensor."""
    machine = Machine()
    origin = f"torch.nn.{name}"
    given = [value(machine, one) for one in arguments]
    named = {key: value(machine, one) for key, one in more.items()}
    ref = modules.construct(machine, origin, given, named)
    assert isinstance(ref, Ref) and names.layer_name(origin) == name
    x = machine.tensor(Known(count), layout)
    return machine, torch_nn.forward(machine, ref, origin, [x], {})


@pytest.mark.parametrize("name", sorted(torch_nn.SAME_SHAPE))
@SETTINGS
@given(shape=shapes(["NCHW", "NCL", "NHWC", "NCDHW", "NC"]))
def test_a_layer_of_the_table_keeps_the_shape(name: str, shape: tuple[str, tuple]) -> None:
    layout, sizes = shape
    if not hasattr(nn, name):
        pytest.skip("this torch does not have it")
    arguments = (sizes[-1:],) if name == "RMSNorm" else LAYERS.get(name, ())
    x = torch.rand(sizes)
    try:
        actual = getattr(nn, name)(*arguments)(x)
    except (RuntimeError, ValueError, AssertionError):
        return
    assert actual.shape == x.shape
    machine, result = forward(name, arguments, layout, sizes[layout.index("C")])
    assert agrees(machine, result, actual)


SIZED: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    **{
        name: st.tuples(st.just("C"), st.sampled_from([4, 10]), st.sampled_from([1, 3]))
        for name in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d")
    },
    **{f"BatchNorm{d}d": st.tuples(st.just("C")) for d in (1, 2, 3)},
    **{f"InstanceNorm{d}d": st.tuples(st.just("C")) for d in (1, 2, 3)},
    "GroupNorm": st.tuples(st.just(2), st.just("C")),
    "LayerNorm": st.tuples(st.just("last")),
    "Linear": st.tuples(st.just("last"), st.sampled_from([4, 10])),
    "Flatten": st.lists(AXES, max_size=2).map(tuple),
    "PixelShuffle": st.tuples(st.just(2)),
    "Upsample": st.tuples(st.just(8)),
    **{
        name: st.tuples(st.sampled_from([1, 2]))
        for name in "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d ZeroPad2d ReflectionPad1d".split()
    },
    **{
        name: st.tuples(st.sampled_from([1, 2, (1, 1), (1, 2)]))
        for name in ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d")
    },
    "AdaptiveAvgPool1d": st.tuples(st.sampled_from([1, 2])),
    "Identity": st.just(()),
}


@pytest.mark.parametrize("name", sorted(SIZED))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data(), shape=shapes(LAYOUTS))
def test_what_is_known_of_a_layer_is_so(
    name: str, data: st.DataObject, shape: tuple[str, tuple]
) -> None:
    layout, sizes = shape
    count = sizes[layout.index("C")]
    stand_for = {"C": count, "last": sizes[-1]}
    arguments = tuple(
        stand_for[one] if isinstance(one, str) else one for one in data.draw(SIZED[name])
    )
    try:
        actual = getattr(nn, name)(*arguments)(torch.rand(sizes))
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError):
        return
    if len(layout) not in _axes(name):
        return  # what torch takes for a single example has no first axis
    machine, result = forward(name, arguments, layout, count)
    agrees(machine, result, actual)


def _axes(name: str) -> tuple[int, ...]:
    """The numbers of axes of a batch that a layer for one, two or three dimensions takes."""
    if name == "BatchNorm1d":
        return (2, 3)
    return (int(name[-2]) + 2,) if name.endswith("d") else (2, 3, 4, 5)


def test_a_layer_that_is_in_no_table_is_unknown() -> None:
    _, result = forward("Bilinear", (4, 4, 4), "NC", 4)
    assert isinstance(result, Unknown)
