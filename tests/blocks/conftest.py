"""What the oracle tests share: `block(name, dims)` gives the rendered class, `agree` compares."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import count

import pytest
import torch
from torch import Tensor, nn

from stitchgen.catalog import folders, render

_serial = count()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def rendered() -> Callable[..., types.ModuleType]:
    """rendered(name, dims=None): the block's module, imported."""
    modules: dict[tuple[str, int | None], types.ModuleType] = {}

    def get(name: str, dims: int | None = None) -> types.ModuleType:
        if (name, dims) not in modules:
            found = folders.get(name)
            module = types.ModuleType(f"rendered_{next(_serial)}")
            module.__file__ = str(found.template)
            sys.modules[module.__name__] = module
            code = compile(render.block_source(found, dims), name, "exec")
            exec(code, module.__dict__)
            modules[name, dims] = module
        return modules[name, dims]

    return get


@pytest.fixture(scope="session")
def block(rendered) -> Callable[..., type[nn.Module]]:
    """block(name, dims=None): the block's class."""

    def get(name: str, dims: int | None = None) -> type[nn.Module]:
        found = folders.get(name)
        return getattr(rendered(name, dims), found.class_for(dims or found.usual_dims))

    return get


def randomise(module: nn.Module) -> None:
    """Values without symmetry, so that no term hides behind a zero or a one."""
    for name, value in module.state_dict().items():
        if not value.is_floating_point():
            continue
        if name.endswith("running_var"):
            value.copy_(torch.rand_like(value) + 0.5)
        else:
            value.copy_(torch.randn_like(value) * 0.5 + 0.1)


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    """agree(ours, theirs, *shapes): same weights in, same outputs and gradients out, float64.

    Each shape is that of the single input, or a list of shapes where there are several. `theirs`
    is a module, or a function of (ours, *inputs) that writes the formula out. The weights are
    copied by `names` (ours -> theirs), else in order.
    """

    def check(
        ours: nn.Module,
        theirs: nn.Module | Callable[..., Tensor],
        *shapes: Sequence[int] | list[Sequence[int]],
        names: Mapping[str, str] | None = None,
        modes: Sequence[str] = ("eval", "train"),
        rtol: float = 1e-9,
        atol: float = 1e-11,
        scale: float = 1.0,
        gradients: bool = True,
    ) -> None:
        ours.double()
        randomise(ours)
        module = isinstance(theirs, nn.Module)
        for mode in modes:
            for shape in shapes:
                ours.train(mode == "train")
                if module:
                    theirs.double().train(mode == "train")
                    copy(ours, theirs, names)
                several = isinstance(shape, list)
                mine = [
                    (torch.randn(s, dtype=torch.float64) * scale).requires_grad_()
                    for s in (shape if several else [shape])
                ]
                other = [x.detach().clone().requires_grad_() for x in mine]
                twin = deepcopy(ours)  # with the statistics as they are before the forward pass
                got = as_list(ours(*mine))
                wanted = as_list(theirs(*other) if module else theirs(twin, *other))
                assert len(got) == len(wanted)
                message = f"{mode} {shape}"
                for a, b in zip(got, wanted):
                    torch.testing.assert_close(a, b, rtol=rtol, atol=atol, msg=fails(message))
                if gradients:
                    weights = [torch.randn_like(y) for y in got]
                    for outputs in (got, wanted):
                        ours.zero_grad()
                        torch.autograd.backward(outputs, weights)
                    for a, b in zip(mine, other):
                        torch.testing.assert_close(
                            a.grad, b.grad, rtol=rtol * 10, atol=atol * 10, msg=fails(message)
                        )

    return check


def fails(where: str) -> Callable[[str], str]:
    return lambda message: f"{where}: {message}"


def as_list(value: object) -> list[Tensor]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def copy(ours: nn.Module, theirs: nn.Module, names: Mapping[str, str] | None) -> None:
    """Our weights into the oracle, each to the key whose prefix `names` gives, else in order."""
    source, target = ours.state_dict(), theirs.state_dict()
    assert len(source) == len(target), (list(source), list(target))

    def renamed(key: str) -> str:
        prefix = max((p for p in names or {} if key.startswith(p)), key=len, default="")
        return (names or {}).get(prefix, "") + key[len(prefix) :]

    keys = list(target) if names is None else [renamed(key) for key in source]
    values = {k: v.reshape(target[k].shape) for k, v in zip(keys, source.values())}
    theirs.load_state_dict(values)


@pytest.fixture(scope="session")
def raises() -> Callable[..., None]:
    """raises(cls, name=value, ...): ValueError that names the argument and the value."""

    def check(cls: type[nn.Module], argument: str, value: object, *args: object, **kw: object):
        with pytest.raises(ValueError) as error:
            cls(*args, **{argument: value}, **kw)
        assert argument in str(error.value) and str(value) in str(error.value)

    return check
