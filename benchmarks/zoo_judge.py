"""The zoo's judge: is an edited model the original with the block after one layer, and no more?

Run as a process of its own, it imports the original project, builds it in every configuration
and then answers one JSON request a line. Each edited copy is judged in a fork, so that torch is
imported and the original built once. It shares no code with `stitchgen`, and takes nothing on
trust from its report: the blocks are the modules whose class comes from a file that the edit
created, and what is right is computed with the *original* model alone:

- as identity, the blocks have to be fed, bit for bit, the sequence of tensors that the layer
  returns in the original, and every output has to be the original's;
- as an elementwise function f, they have to give the outputs that the original gives when f is
  applied to the layer's results: each reader gets the block's output, and nobody else does;
- active, they have to change the outputs, and to get finite gradients that are not zero.

Imports torch and the standard library, and `zoo_forms` for two descriptive columns.
"""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import math
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import zoo_forms
from torch import nn

MODES = ("eval", "train")


class Wrong(Exception):
    """The edited model fails a check: `why` is its short name, the message says how."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


def seed(number: int) -> None:
    torch.manual_seed(number)
    random.seed(number)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(number)


# ---------------------------------------------------------------- inputs and outputs


def feed(spec: Mapping[str, Any], mode: str) -> tuple:
    """The arguments of one forward call, the same for the same specification."""
    seed(1234)
    expression = spec.get("feed")
    if expression:
        value = eval(expression, {"torch": torch, "mode": mode})
        return value if isinstance(value, tuple) else (value,)
    made = []
    for text in spec["input"].split(";"):
        shape, _, dtype = text.partition(":")
        sizes = [int(n) for n in shape.split("x")]
        sizes[0] *= 2  # a batch of one hides mistakes between samples
        made.append(
            torch.zeros(sizes, dtype=getattr(torch, dtype)) if dtype else torch.randn(sizes)
        )
    return tuple(made)


def leaves(value: Any, path: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    """The tensors and plain values of a nested result, each with its place."""
    if (
        isinstance(value, torch.Tensor)
        or value is None
        or isinstance(value, (int, float, str, bool))
    ):
        return [(path, value)]
    if isinstance(value, Mapping):
        items = [(f"{path}.{k}", v) for k, v in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(f"{path}[{i}]", v) for i, v in enumerate(value)]
    elif depth < 6 and hasattr(value, "__dict__"):
        items = [(f"{path}.{k}", v) for k, v in vars(value).items()]
    else:
        return [(path, type(value).__name__)]
    return [leaf for p, v in items for leaf in leaves(v, p, depth + 1)]


def same_tensor(a: torch.Tensor, b: torch.Tensor, exact: bool = True) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if torch.equal(a, b):
        return True
    if not (a.is_floating_point() or a.is_complex()):
        return False
    if exact:
        return torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(), b.nan_to_num())
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5 * float(a.abs().max() or 1), equal_nan=True)


def first_difference(a: list, b: list, exact: bool = True) -> str | None:
    """The first place in which two lists of leaves differ, else None."""
    if [p for p, _ in a] != [p for p, _ in b]:
        return "the results have another structure"
    for (place, x), (_, y) in zip(a, b):
        if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
            if not same_tensor(x, y, exact):
                how = f"by up to {(x - y).abs().max():.3g}" if x.shape == y.shape else "in shape"
                return f"output{place} differs {how}"
        elif type(x) is not type(y) or (x != y and x == x):
            return f"output{place} differs"
    return None


# ---------------------------------------------------------------- the state of a model


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every tensor a module holds, by path: parameters, buffers, plain attributes."""
    found = {}
    for path, module in model.named_modules(remove_duplicate=False):
        held = {**module._parameters, **module._buffers}
        held.update({k: v for k, v in vars(module).items() if isinstance(v, torch.Tensor)})
        found.update({f"{path}.{k}": v for k, v in held.items() if v is not None})
    return found


def perturb(model: nn.Module) -> None:
    """Move parameters and statistics away from their starting values.

    Zero-initialised norms and layer scales of 1e-6 would hide what lies before them.
    """
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            if p.is_floating_point():
                scale = float(p.std()) if p.numel() > 1 else 0.0
                p.add_(torch.randn(p.shape, generator=generator) * (0.1 * scale + 0.02))
        for name, b in model.named_buffers():
            if not b.is_floating_point():
                continue
            if name.endswith("running_mean"):
                b.add_(torch.randn(b.shape, generator=generator) * 0.1)
            elif name.endswith("running_var"):
                b.mul_(torch.rand(b.shape, generator=generator) + 0.5)


class Snapshot:
    """The tensors of a model as they were: training moves statistics, every run starts alike."""

    def __init__(self, model: nn.Module) -> None:
        self.kept = [(t, t.detach().clone()) for t in tensors(model).values()]

    def restore(self) -> None:
        with torch.no_grad():
            for live, saved in self.kept:
                if live.shape == saved.shape:
                    live.copy_(saved)


def transplant(source: nn.Module, target: nn.Module) -> None:
    """Copy by path all tensors of `source` that `target` holds too."""
    theirs = tensors(target)
    with torch.no_grad():
        for path, value in tensors(source).items():
            if path in theirs and theirs[path].shape == value.shape:
                theirs[path].copy_(value)


# ---------------------------------------------------------------- running


def f(x: torch.Tensor) -> torch.Tensor:
    """The block's stand-in: elementwise, so that it commutes bit for bit with any permutation."""
    return x * 1.25 + 0.125


def f_for_block(module, own, args, kwargs):
    return f(args[0] if args else next(iter(kwargs.values())))


@dataclass(frozen=True)
class Target:
    """A layer's result that the block is put after: the whole of it, or one element."""

    path: str
    element: str | None = None  # of a tuple, list or dict

    def key(self, result: Any) -> Any:
        if isinstance(result, Mapping):
            return next(key for key in result if str(key) == self.element)
        return int(str(self.element))

    def of(self, result: Any) -> Any:
        return result if self.element is None else result[self.key(result)]

    def exchanged(self, result: Any, change: Callable) -> Any:
        """The result with `change` of the target in its place."""
        if self.element is None:
            return change(result)
        key = self.key(result)
        if isinstance(result, Mapping):
            return type(result)({**result, key: change(result[key])})
        items = [change(item) if i == key else item for i, item in enumerate(result)]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)


def f_after(target: Target, apart: int) -> Callable:
    """A stand-in for a layer's forward: f of its result, save for the first `apart` tokens."""

    def change(value):
        if apart:
            return torch.cat([value[:, :apart], f(value[:, apart:])], dim=1)
        return f(value)

    def stand_in(module, own, args, kwargs):
        return target.exchanged(own(*args, **kwargs), change)

    return stand_in


def run(
    model: nn.Module, snapshot: Snapshot, spec: Mapping[str, Any], mode: str, grad: bool = False
) -> list:
    snapshot.restore()
    model.train(mode == "train")
    args = feed(spec, mode)
    seed(99)
    with torch.set_grad_enabled(grad or mode == "train"):
        result = leaves(model(*args))
    if grad:
        return result
    return [(p, v.detach().clone() if isinstance(v, torch.Tensor) else v) for p, v in result]


class Patch:
    """Stand in for the forward of module instances; `.forward()` calls are seen as well as calls."""

    def __init__(self, modules: list[nn.Module], stand_in: Callable) -> None:
        self.modules, self.stand_in = modules, stand_in

    def __enter__(self) -> Patch:
        self.own = [(m, "forward" in vars(m), m.forward) for m in self.modules]
        for module, _, own in self.own:
            vars(module)["forward"] = lambda *a, _m=module, _own=own, **k: self.stand_in(
                _m, _own, a, k
            )
        return self

    def __exit__(self, *_: object) -> None:
        for module, held, own in self.own:
            if held:
                vars(module)["forward"] = own
            else:
                vars(module).pop("forward")


class Config:
    """One configuration of the original: model, input, and reference results, all cached."""

    def __init__(self, module: Any, build: str, spec: Mapping[str, Any]) -> None:
        self.build, self.spec = build, spec
        seed(5)
        self.model = eval(build, vars(module))
        if not isinstance(self.model, nn.Module):
            raise TypeError(f"{build} is no nn.Module")
        perturb(self.model)
        self.snapshot = Snapshot(self.model)
        self.paths = dict(self.model.named_modules(remove_duplicate=False))
        self.keys = {k: tuple(v.shape) for k, v in self.model.state_dict().items()}
        self.outputs: dict[str, list] = {}
        self.exact = True

    def reference(self) -> None:
        """Run the original once and again: what it does not repeat is compared by tolerance."""
        for mode in MODES:
            self.outputs[mode] = run(self.model, self.snapshot, self.spec, mode)
            again = run(self.model, self.snapshot, self.spec, mode)
            self.exact &= first_difference(self.outputs[mode], again) is None

    def layer_results(self, target: Target, mode: str) -> list[Any]:
        """What the layer returns, call by call, in the original."""
        results = []

        def watch(module, own, args, kwargs):
            value = own(*args, **kwargs)
            wanted = target.of(value)
            results.append(wanted.detach().clone() if isinstance(wanted, torch.Tensor) else wanted)
            return value

        with Patch([self.paths[target.path]], watch):
            run(self.model, self.snapshot, self.spec, mode)
        return results

    def with_f(self, target: Target, mode: str, apart: int) -> list:
        """The original's outputs with f applied to the layer's results (to all but `apart` tokens)."""
        with Patch([self.paths[target.path]], f_after(target, apart)):
            return run(self.model, self.snapshot, self.spec, mode)

    def slopes_with_f(self, target: Target, apart: int) -> dict[str, torch.Tensor | None]:
        with Patch([self.paths[target.path]], f_after(target, apart)):
            return slopes(self.model, self.snapshot, self.spec)

    def sensitive(self, target: Target, mode: str) -> bool:
        """Whether the original's outputs depend on the layer's results by way of gradients."""
        scale = torch.ones((), requires_grad=True)

        def stand_in(module, own, args, kwargs):
            return target.exchanged(own(*args, **kwargs), lambda value: value * scale)

        with Patch([self.paths[target.path]], stand_in):
            result = run(self.model, self.snapshot, self.spec, mode, grad=True)
        loss = loss_of(result)
        if loss is None:
            return False
        (slope,) = torch.autograd.grad(loss, [scale], allow_unused=True)
        return slope is not None and bool(slope != 0)


def slopes(model: nn.Module, snapshot: Snapshot, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of a training step, by parameter."""
    model.zero_grad(set_to_none=True)
    loss = loss_of(run(model, snapshot, spec, "train", grad=True))
    if loss is not None:
        loss.backward()
    found = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    return found


def loss_of(result: list) -> torch.Tensor | None:
    parts = []
    generator = torch.Generator().manual_seed(3)
    for _, value in result:
        if isinstance(value, torch.Tensor) and value.requires_grad:
            parts.append((value * torch.randn(value.shape, generator=generator)).sum())
    return torch.stack(parts).sum() if parts else None


# ---------------------------------------------------------------- the survey


def kind_of(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "tensor" if value.is_floating_point() else "integer tensor"
    return type(value).__name__


def layout_of(module: nn.Module, shape: tuple[int, ...]) -> str:
    """A layout by the layer's type, or its rank where the type says nothing. Descriptive only."""
    rank = len(shape)
    last = isinstance(module, (nn.LayerNorm, nn.Linear)) or type(module).__name__ == "Permute"
    if rank == 2:
        return "NC"
    if rank == 3:
        return "NCL" if isinstance(module, (nn.Conv1d, nn.BatchNorm1d)) else "NLC"
    if rank == 4:
        return "NHWC" if last else "NCHW"
    if rank == 5:
        return "NDHWC" if last else "NCDHW"
    return f"rank {rank}"


def survey(config: Config) -> list[dict[str, Any]]:
    """The layers by `named_modules()`: calls in each mode, result, layout, forms."""
    names: dict[int, str] = {id(m): p for p, m in config.model.named_modules()}
    seen: dict[str, dict[str, Any]] = {p: {m: [] for m in MODES} for p in names.values()}

    def watch(module, own, args, kwargs):
        value = own(*args, **kwargs)
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else None
        seen[names[id(module)]][mode].append((kind_of(value), shape))
        return value

    layers = []
    with Patch([m for p, m in config.model.named_modules() if p], watch):
        for mode in MODES:
            run(config.model, config.snapshot, config.spec, mode)
    for path, module in config.model.named_modules():
        if not path:
            continue
        calls = {m: len(seen[path][m]) for m in MODES}
        results = seen[path]["eval"] + seen[path]["train"]
        kinds = sorted({kind for kind, _ in results})
        shape = results[0][1] if results else None
        parent, _, name = path.rpartition(".")
        owner = config.paths[parent]
        layers.append(
            {
                "path": path,
                "class": type(module).__name__,
                "owner": type(owner).__name__,
                "owner_module": type(owner).__module__,
                "calls": calls,
                "result": "never called" if not kinds else " or ".join(kinds),
                "shape": shape,
                "layout": layout_of(module, shape) if shape else "-",
                "definition": zoo_forms.definition_form(owner, name),
                "call": zoo_forms.call_form(owner, name),
            }
        )
    return layers


# ---------------------------------------------------------------- judging one edited copy


def blocks_of(model: nn.Module, created: set[str]) -> dict[str, nn.Module]:
    """The topmost modules whose class is written in a file that the edit created."""
    found: dict[str, nn.Module] = {}
    for path, module in model.named_modules():
        home = getattr(sys.modules.get(type(module).__module__), "__file__", None)
        if home and os.path.realpath(home) in created:
            if not any(path.startswith(p + ".") for p in found):
                found[path] = module
    return found


def as_fed(result: torch.Tensor, got: torch.Tensor) -> tuple[str, int] | None:
    """How `got` is the layer's result: ("same" | "adapted", tokens kept apart), else None."""
    if same_tensor(result, got):
        return "same", 0
    for apart in (0, 1, 2):
        if apart and (result.dim() != 3 or result.shape[1] <= apart):
            break
        whole = result[:, apart:] if apart else result
        if whole.numel() != got.numel() or whole.dim() > 5:
            continue
        for order in itertools.permutations(range(whole.dim())):
            if same_tensor(whole.permute(order).reshape(got.shape), got):
                return "adapted", apart
    return None


class Case:
    """One edited copy against the original."""

    def __init__(
        self, configs: list[Config], target: Target, created: set[str], asked: set[str]
    ) -> None:
        self.configs, self.created, self.asked = configs, created, asked
        self.target, self.path = target, target.path
        self.notes: list[str] = []
        self.facts: dict[str, Any] = {}

    def judge(self, module: Any) -> None:
        for number, config in enumerate(self.configs):
            try:
                self.judge_config(module, config, thorough=number == 0)
            except Wrong as wrong:
                where = "" if config.build in self.asked else " (a configuration not passed)"
                raise Wrong(wrong.why, f"{config.build}{where}: {wrong}") from None

    def judge_config(self, module: Any, config: Config, thorough: bool) -> None:
        seed(5)
        try:
            model = eval(config.build, vars(module))
        except Exception as error:
            raise Wrong("build", short(error)) from None
        blocks = blocks_of(model, self.created)
        self.check_keys(config, model, blocks)
        config.snapshot.restore()
        transplant(config.model, model)
        snapshot = Snapshot(model)

        expected = (
            {m: config.layer_results(self.target, m) for m in MODES}
            if self.has_layer(config)
            else {}
        )
        if not any(expected.values()):
            return self.check_unchanged(config, model, blocks, snapshot)
        if not blocks:
            if thorough or self.owner(config) is self.owner(self.configs[0]):
                raise Wrong("no-block", "no module of a created file is in the model")
            self.notes.append(f"{config.build}: other owner class, left as it was")
            return self.check_unchanged(config, model, blocks, snapshot)
        if any(not isinstance(r, torch.Tensor) for rs in expected.values() for r in rs):
            raise Wrong(
                "not-a-tensor", "the layer's result is no tensor, so no block belongs after it"
            )

        apart, adapted = self.check_fed(config, model, blocks, snapshot, expected)
        exact = config.exact and not adapted
        visible = self.check_readers(config, model, blocks, snapshot, apart, exact)
        self.run(model, snapshot, config, "eval")  # the block itself, with the channels of this one
        if thorough:
            self.check_slopes(config, model, blocks, snapshot, apart)
            self.facts["blocks"] = sorted(blocks)
            self.facts["adapted"] = adapted
            self.check_active(config, model, blocks, snapshot, visible)

    def has_layer(self, config: Config) -> bool:
        return self.path in config.paths

    def owner(self, config: Config) -> type:
        """The class of the nearest module above the layer that is not torch's own."""
        path = self.path
        while path:
            path = path.rpartition(".")[0]
            if not type(config.paths[path]).__module__.startswith("torch."):
                break
        return type(config.paths[path])

    def check_keys(self, config: Config, model: nn.Module, blocks: Mapping[str, nn.Module]) -> None:
        keys = {k: tuple(v.shape) for k, v in model.state_dict().items()}
        lost = [k for k in config.keys if k not in keys]
        if lost:
            raise Wrong("keys-lost", f"{len(lost)} old keys are gone, {lost[0]} among them")
        reshaped = [k for k in config.keys if keys[k] != config.keys[k]]
        if reshaped:
            raise Wrong(
                "keys-reshaped", f"{reshaped[0]}: {config.keys[reshaped[0]]} is {keys[reshaped[0]]}"
            )
        new = [k for k in keys if k not in config.keys]
        # A module that has two names gives its block two as well.
        paths = dict(model.named_modules(remove_duplicate=False))
        own = [p + "." for p, m in paths.items() if any(m is block for block in blocks.values())]
        foreign = [k for k in new if not k.startswith(tuple(own))]
        if foreign:
            raise Wrong("keys-foreign", f"{foreign[0]} is new and belongs to no block")
        state = config.model.state_dict()
        answer = model.load_state_dict(state, strict=False)
        if answer.unexpected_keys or set(answer.missing_keys) - set(new):
            raise Wrong("keys-load", f"{answer}")
        gone = [p for p in config.paths if p not in paths]
        if gone:
            raise Wrong("paths-lost", f"{gone[0]} is no longer a submodule")
        if self.has_layer(config):
            self.facts.setdefault("keys_added", {})[config.build] = new

    def check_unchanged(self, config, model, blocks, snapshot) -> None:
        """A configuration without the layer (or that never calls it) has to stay as it was."""
        dead = [k for p, b in blocks.items() for k, _ in b.named_parameters(prefix=p)]
        if dead:
            raise Wrong(
                "dead-parameters", f"{dead[0]}, though the layer is not there or never called"
            )
        for mode in MODES:
            self.compare(
                "elsewhere", config, self.run(model, snapshot, config, mode), mode, config.exact
            )

    def run(self, model, snapshot, config, mode, grad=False):
        try:
            return run(model, snapshot, config.spec, mode, grad)
        except Wrong:
            raise
        except Exception as error:
            raise Wrong("runs", f"{mode}: {short(error)}") from None

    def compare(self, why, config, got, mode, exact, wanted=None) -> None:
        found = first_difference(config.outputs[mode] if wanted is None else wanted, got, exact)
        if found:
            raise Wrong(why, f"{mode}: {found}")

    def check_fed(self, config, model, blocks, snapshot, expected) -> tuple[int, bool]:
        apart, adapted = 0, False
        called: set[int] = set()
        for mode in MODES:
            fed: list[torch.Tensor] = []

            def identity(module, own, args, kwargs):
                value = args[0] if args else next(iter(kwargs.values()))
                called.add(id(module))
                fed.append(value.detach().clone())
                return value

            with Patch(list(blocks.values()), identity):
                outputs = self.run(model, snapshot, config, mode)
            wanted = expected[mode]
            if len(fed) != len(wanted):
                raise Wrong(
                    "calls", f"{mode}: the layer is called {len(wanted)}x, the block {len(fed)}x"
                )
            for number, (result, got) in enumerate(zip(wanted, fed)):
                how = as_fed(result, got)
                if how is None:
                    shapes = f"{tuple(result.shape)} and {tuple(got.shape)}"
                    raise Wrong("fed", f"{mode}: call {number}: fed another tensor ({shapes})")
                adapted |= how[0] == "adapted"
                apart = max(apart, how[1])
            self.compare("elsewhere", config, outputs, mode, config.exact)
        idle = [p for p, b in blocks.items() if id(b) not in called]
        if idle:
            raise Wrong("dead-parameters", f"{idle[0]} is never called")
        return apart, adapted

    def check_readers(self, config, model, blocks, snapshot, apart, exact) -> list[str]:
        """With f for the block, every reader gets f of the layer's result and nobody else does."""
        visible = []
        for mode in MODES:
            wanted = config.with_f(self.target, mode, apart)
            with Patch(list(blocks.values()), f_for_block):
                got = self.run(model, snapshot, config, mode)
            self.compare("readers", config, got, mode, exact, wanted)
            if first_difference(config.outputs[mode], wanted) is not None:
                visible.append(mode)
        if not visible:
            self.notes.append(f"{config.build}: no output depends on the layer")
        return visible

    def check_slopes(self, config, model, blocks, snapshot, apart) -> None:
        """With f for the block, the old parameters have to get the gradients of the original with f."""
        wanted = config.slopes_with_f(self.target, apart)
        with Patch(list(blocks.values()), f_for_block):
            got = slopes(model, snapshot, config.spec)
        for name, slope in wanted.items():
            other = got.get(name)
            if (slope is None) != (other is None):
                raise Wrong(
                    "slopes", f"{name} {'has lost' if other is None else 'has got'} its gradient"
                )
            # Sums of gradients may be taken in another order.
            if slope is not None and not same_tensor(slope, other, exact=False):
                raise Wrong("slopes", f"the gradient of {name} differs")

    def check_active(self, config, model, blocks, snapshot, visible) -> None:
        parameters = {
            k: p for path, b in blocks.items() for k, p in b.named_parameters(prefix=path)
        }
        moved: set[str] = set()
        untouched: set[str] = set(parameters)
        modes = [m for m in ("train", "eval") if m in visible]
        if not modes:
            return
        sensitive = [m for m in modes if config.sensitive(self.target, m)]
        start = {k: p.detach().clone() for k, p in parameters.items()}
        for attempt in range(10):  # a gradient may be zero by chance: dead ReLU, dropped path
            generator = torch.Generator().manual_seed(attempt)
            with torch.no_grad():
                for k, p in parameters.items():
                    # A model's own initialisation can be so wide that a dead unit stays dead.
                    near = start[k] if attempt < 5 else torch.zeros_like(p)
                    p.copy_(near + torch.randn(p.shape, generator=generator) * 0.2)
            here = Snapshot(model)
            for mode in modes:
                model.zero_grad(set_to_none=True)
                result = self.run(model, here, config, mode, grad=True)
                if first_difference(config.outputs[mode], [(p, detached(v)) for p, v in result]):
                    moved.add(mode)
                loss = loss_of(result)
                if loss is None or mode not in sensitive:
                    continue
                loss.backward()
                for k, p in parameters.items():
                    if p.grad is None or not bool((p.grad != 0).any()):
                        continue
                    if not bool(torch.isfinite(p.grad).all()) and math.isfinite(
                        float(loss.detach())
                    ):
                        raise Wrong("gradient", f"{mode}: the gradient of {k} is not finite")
                    untouched.discard(k)
            if moved and not (untouched and sensitive):
                break
        if not moved:
            raise Wrong("unchanged", "the outputs are the original's with the block active")
        if untouched and sensitive:
            raise Wrong("gradient", f"no gradient reaches {min(untouched)}")
        if untouched and parameters:
            self.notes.append("no gradient reaches the layer in the original either")
        self.check_copy(config, model, snapshot)

    def check_copy(self, config, model, snapshot) -> None:
        """A deep copy of the model has to use its own blocks, not those of the model it came from."""
        try:
            copy.deepcopy(config.model)
        except Exception:
            return
        snapshot.restore()
        wanted = self.run(model, snapshot, config, "eval")
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        got = self.run(twin, Snapshot(twin), config, "eval")
        found = first_difference(wanted, got, config.exact)
        if found:
            raise Wrong("deepcopy", f"a deep copy of the model computes something else: {found}")


class ReplacedCase(Case):
    """One edited copy in which a block stands in the layer's own place.

    The layer's own keys may go or change, and are reported; with the old layer in its place again, and
    with the block's forward doing what the old layer does, all has to be the original's.
    """

    def judge_config(self, module: Any, config: Config, thorough: bool) -> None:
        seed(5)
        try:
            model = eval(config.build, vars(module))
        except Exception as error:
            raise Wrong("build", short(error)) from None
        blocks = blocks_of(model, self.created)
        if set(blocks) - {self.path}:
            raise Wrong("foreign-block", f"{min(set(blocks) - {self.path})} is a block, too")
        self.check_keys(config, model, blocks)
        config.snapshot.restore()
        transplant(config.model, model)
        snapshot = Snapshot(model)
        if not blocks:
            if thorough or (
                self.has_layer(config) and self.owner(config) is self.owner(self.configs[0])
            ):
                raise Wrong("no-block", f"{self.path} is no module of a created file")
            return self.check_unchanged(config, model, blocks, snapshot)
        self.check_stand_in(config, model, blocks[self.path], snapshot)
        visible = [
            mode
            for mode in MODES
            if first_difference(config.outputs[mode], config.with_f(self.target, mode, 0))
        ]
        if thorough:
            self.facts["blocks"] = sorted(blocks)
            self.check_active(config, model, blocks, snapshot, visible)
        self.check_put_back(config, model)

    def check_keys(self, config: Config, model: nn.Module, blocks: Mapping[str, nn.Module]) -> None:
        keys = {k: tuple(v.shape) for k, v in model.state_dict().items()}
        changed = {
            "lost": [k for k in config.keys if k not in keys],
            "reshaped": [k for k in config.keys if k in keys and keys[k] != config.keys[k]],
            "added": [k for k in keys if k not in config.keys],
        }
        for how, names in changed.items():
            foreign = [k for k in names if not k.startswith(self.path + ".") or not blocks]
            if foreign:
                raise Wrong(f"keys-{how}", f"{foreign[0]} is no key of {self.path}")
        state = config.model.state_dict()
        kept = {k: v for k, v in state.items() if k not in changed["reshaped"]}
        answer = model.load_state_dict(kept, strict=False)
        if set(answer.unexpected_keys) != set(changed["lost"]):
            raise Wrong("keys-load", f"{answer}")
        below = self.path + "."
        paths = dict(model.named_modules(remove_duplicate=False))
        other = [
            p
            for p, old in config.paths.items()
            if p != self.path and not p.startswith(below)
            if p not in paths or type(paths[p]).__qualname__ != type(old).__qualname__
        ]
        if other:
            raise Wrong("paths-lost", f"{other[0]} is gone or of another class")
        if self.has_layer(config):
            for how, names in changed.items():
                self.facts.setdefault(f"keys_{how}", {})[config.build] = names

    def check_stand_in(self, config, model, block, snapshot) -> None:
        """The block is called as often as the layer, fed the same, and gives tensors of its shape."""
        old = config.paths[self.path]
        for mode in MODES:
            wanted: list[Any] = []
            fed: list[Any] = []

            def watch(module, own, args, kwargs):
                wanted.append(leaves((copied(args), copied(kwargs))))
                return own(*args, **kwargs)

            def stand_in(module, own, args, kwargs):
                fed.append(leaves((copied(args), copied(kwargs))))
                with torch.random.fork_rng(devices=()):  # and a copy, since layers work in place
                    given = own(*copied(args), **copied(kwargs))
                value = old(*args, **kwargs)
                if given.shape != value.shape or given.dtype != value.dtype:
                    shapes = f"{tuple(given.shape)}, the layer {tuple(value.shape)}"
                    raise Wrong("shape", f"{mode}: the block gives {shapes}")
                return value

            old.train(mode == "train")
            with Patch([old], watch):
                run(config.model, config.snapshot, config.spec, mode)
            config.snapshot.restore()
            with Patch([block], stand_in):
                outputs = self.run(model, snapshot, config, mode)
            if len(fed) != len(wanted):
                raise Wrong(
                    "calls", f"{mode}: the layer is called {len(wanted)}x, the block {len(fed)}x"
                )
            for number, (one, other) in enumerate(zip(wanted, fed)):
                if first_difference(one, other, config.exact):
                    raise Wrong("fed", f"{mode}: call {number}: fed another tensor")
            self.compare("elsewhere", config, outputs, mode, config.exact)
        config.snapshot.restore()

    def check_put_back(self, config, model) -> None:
        """With the old layer in its place again, outputs and gradients are the original's."""
        parent, _, name = self.path.rpartition(".")
        config.snapshot.restore()
        setattr(model.get_submodule(parent), name, copy.deepcopy(config.paths[self.path]))
        transplant(config.model, model)
        snapshot = Snapshot(model)
        for mode in MODES:
            outputs = self.run(model, snapshot, config, mode)
            self.compare("elsewhere", config, outputs, mode, config.exact)
        wanted = slopes(config.model, config.snapshot, config.spec)
        got = slopes(model, snapshot, config.spec)
        for key, slope in wanted.items():
            other = got.get(key)
            if (slope is None) != (other is None):
                raise Wrong("slopes", f"{key} has another gradient")
            if slope is not None and not same_tensor(slope, other, exact=False):
                raise Wrong("slopes", f"the gradient of {key} differs")


def copied(value: Any) -> Any:
    """The arguments of a call with tensors of their own."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, (tuple, list)):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


def detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def short(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}{where}"


# ---------------------------------------------------------------- the process


class Judge:
    """The original of one model, loaded once, and the edited copies judged against it."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.root = os.path.realpath(request["project"])
        self.name = request["module"]
        self.asked = set(request["builds"])
        sys.path.insert(0, self.root)
        module = importlib.import_module(self.name)
        self.configs = []
        for build in [*request["builds"], *request.get("others", ())]:
            spec = {**request["spec"], **request.get("specs", {}).get(build, {})}
            config = Config(module, build, spec)
            config.reference()
            self.configs.append(config)

    def describe(self) -> dict[str, Any]:
        first = self.configs[0]
        return {
            "class": type(first.model).__name__,
            "class_module": type(first.model).__module__,
            "exact": [c.build for c in self.configs if c.exact],
            "parameters": sum(p.numel() for p in first.model.parameters()),
            "layers": survey(first),
        }

    def trains(self, path: str) -> dict[str, Any]:
        """Whether what the layer gives reaches an output of a training step, by way of gradients."""
        target, config = Target(path), self.configs[0]
        return {"verdict": "read" if config.sensitive(target, "train") else "unread"}

    def case(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Judge one edited copy; runs in the fork, whose imports nobody sees."""
        edited = os.path.realpath(request["edited"])
        for name, module in list(sys.modules.items()):
            home = getattr(module, "__file__", None) or next(
                iter(getattr(module, "__path__", [])), ""
            )
            if home and os.path.realpath(home).startswith(self.root + os.sep):
                del sys.modules[name]
        sys.path[:] = [p for p in sys.path if os.path.realpath(p or ".") != self.root]
        sys.path.insert(0, edited)
        importlib.invalidate_caches()
        # torch.jit refuses overloads of a class that it knows by name from another line.
        for registry in (
            "_overloaded_fns",
            "_overloaded_methods",
            "_overloaded_method_class_fileno",
        ):
            getattr(torch._jit_internal, registry, {}).clear()
        created = {os.path.realpath(os.path.join(edited, p)) for p in request["created"]}
        kind = ReplacedCase if request.get("placement") == "replace" else Case
        target = Target(request["path"], request.get("element"))
        case = kind(self.configs, target, created, self.asked)
        try:
            try:
                module = importlib.import_module(self.name)
            except Exception as error:
                raise Wrong("import", short(error)) from None
            case.judge(module)
        except Wrong as wrong:
            return {
                "verdict": "wrong",
                "why": wrong.why,
                "message": str(wrong),
                "notes": case.notes,
            }
        return {"verdict": "right", "notes": case.notes, **case.facts}

    def fork(self, request: Mapping[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                trains = request.get("trains")
                answer = self.trains(trains) if trains else self.case(request)
            except BaseException:
                answer = {"verdict": "judge-failed", "message": traceback.format_exc()[-1500:]}
            with os.fdopen(writer, "w") as pipe:
                json.dump(answer, pipe)
            os._exit(0)
        os.close(writer)
        limit, chunks = float(request.get("timeout", 300)), []
        while True:
            ready, _, _ = select.select(
                [reader], [], [], max(0.0, began + limit - time.monotonic())
            )
            if not ready:
                os.kill(child, signal.SIGKILL)
                break
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                break
            chunks.append(chunk)
        os.close(reader)
        os.waitpid(child, 0)
        try:
            answer = json.loads(b"".join(chunks))
        except ValueError:
            answer = {"verdict": "judge-failed", "message": "the fork died or ran out of time"}
        return {**answer, "seconds": round(time.monotonic() - began, 2)}


def main() -> None:
    # Models print; the answers keep the real stdout to themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    # A module beside this script must not stand before a folder of the project of the same name.
    sys.path[:] = [
        p for p in sys.path if os.path.realpath(p or ".") != str(Path(__file__).resolve().parent)
    ]
    judge = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if judge is None:
                began = time.monotonic()
                judge = Judge(request)
                answer = {
                    "ok": True,
                    **judge.describe(),
                    "seconds": round(time.monotonic() - began, 2),
                }
            else:
                answer = judge.fork(request)
        except Exception:
            answer = {
                "ok": False,
                "verdict": "judge-failed",
                "message": traceback.format_exc()[-1500:],
            }
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
