"""What holds for every block, driven by the heads: a new block is tested by being there."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import math
import pickle
import re
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import black
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stitchgen.catalog import folders, formula, render
from stitchgen.catalog.block import Block

BLOCKS = folders.load()
CASES = [
    pytest.param(block, dims, id=f"{name}-{dims}d")
    for name, block in BLOCKS.items()
    for dims in ((block.usual_dims,) if block.generic else block.dims)
]
USUAL = [pytest.param(block, block.usual_dims, id=name) for name, block in BLOCKS.items()]
SIZES = {1: (9,), 2: (9, 7), 3: (5, 4, 3)}


@pytest.fixture(autouse=True)
def _reset() -> Any:
    torch.manual_seed(0)
    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_modules: dict[tuple[str, int], types.ModuleType] = {}


def module(block: Block, dims: int) -> types.ModuleType:
    """The rendered module, imported once."""
    if (block.name, dims) not in _modules:
        made = types.ModuleType(f"rendered_{block.name.replace('-', '_')}{dims}d")
        made.__file__ = str(block.template)
        sys.modules[made.__name__] = made  # pickle finds classes through it
        code = compile(render.block_source(block, dims), made.__name__, "exec")
        exec(code, made.__dict__)
        _modules[block.name, dims] = made
    return _modules[block.name, dims]


def arguments(block: Block, channels: int, sizes: tuple[int, ...]) -> dict[str, Any]:
    """The required arguments, from the head's example, else from the facts of a target."""
    facts = {"channels": channels, "in": channels, "out": channels, "context": channels // 2}
    facts |= {"length": math.prod(sizes), "height": sizes[0], "width": sizes[-1]}
    values: dict[str, Any] = {}
    for parameter in block.parameters:
        if parameter.name in block.example:
            values[parameter.name] = ast.literal_eval(block.example[parameter.name])
        elif parameter.default is None:
            assert parameter.fact, f"the head's example must give {parameter.name}"
            values[parameter.name] = facts[parameter.fact]
    return values


def make(block: Block, dims: int, channels: int = 32, sizes: tuple[int, ...] = (), **more: Any):
    values = arguments(block, channels, sizes or sizes_of(block, dims)) | more
    return getattr(module(block, dims), block.class_for(dims))(**values)


def all_values(block: Block, channels: int, dims: int) -> dict[str, Any]:
    """Every argument's value, for the head's formulas."""
    defaults = {p.name: ast.literal_eval(p.default) for p in block.parameters if p.default}
    given = arguments(block, channels, sizes_of(block, dims))
    return defaults | given | {"dims": dims, "channels": given.get("channels", channels)}


def sizes_of(block: Block, dims: int) -> tuple[int, ...]:
    scaled = any(one.scale not in ("1", "any") for one in block.inputs_)
    even = scaled or "n //" in block.size
    return {1: (8,), 2: (8, 16), 3: (8, 8, 16)}[dims] if even else SIZES[dims]


def shape(layout: str, batch: int, channels: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    match layout:
        case "NC":
            return (batch, channels)
        case "NLC":
            return (batch, math.prod(sizes), channels)
        case "NHWC":
            return (batch, *sizes, channels)
    return (batch, channels, *sizes)


def inputs(
    block: Block,
    dims: int,
    batch: int = 2,
    channels: int = 32,
    sizes: tuple[int, ...] = (),
    **kwargs: Any,
) -> list[Tensor]:
    sizes = sizes or sizes_of(block, dims)
    values = all_values(block, channels, dims)
    made = []
    for one in block.inputs_:
        count = formula.evaluate(one.channels, values) if one.channels else channels
        scale = 1 if one.scale == "any" else formula.evaluate(one.scale, {})
        extent = tuple(int(n * scale) for n in sizes)
        made.append(
            torch.randn(shape(one.layout or block.layouts[0], batch, count, extent), **kwargs)
        )
    return made


def channel_axis(block: Block, x: Tensor) -> int:
    return x.ndim - 1 if block.layouts[0].endswith("C") else 1


def tensors(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def seeded(block: nn.Module, *args: Tensor) -> list[Tensor]:
    torch.manual_seed(1)
    return tensors(block(*args))


@pytest.mark.parametrize("block, dims", USUAL)
def test_head_is_complete(block: Block, dims: int) -> None:
    assert any("\u4e00" <= c <= "\u9fff" for c in block.title_zh or ""), "title_zh: in Chinese"
    assert re.fullmatch(r"[^.].*?\. [A-Z\d].*\.", block.summary), "not two sentences"
    assert len(re.findall(r"\.( |$)", block.summary)) == 2, "not two sentences"
    assert " = " in (block.formula or "") and not block.formula.endswith("."), "formula: y = ..."
    assert block.fits.endswith("."), "fits: a sentence"
    assert block.cost.keys() == {"parameters", "flops"}, "cost: as the test of it says"
    assert block.code is None or block.code.startswith("https://")
    assert set(block.example) | set(block.channel_parameters) >= {
        p.name for p in block.parameters if p.default is None and p.fact is None
    }


@pytest.mark.parametrize("block, dims", USUAL)
def test_head_gives_the_constructor(block: Block, dims: int) -> None:
    cls = getattr(module(block, dims), block.class_for(dims))
    own = "__init__" in vars(cls)
    signature = list(inspect.signature(cls).parameters.values()) if own else []
    assert [p.name for p in signature] == [p.name for p in block.parameters]
    for ours, theirs in zip(block.parameters, signature):
        required = theirs.default is inspect.Parameter.empty
        assert (ours.default is None) == required, ours.name
        assert required or ast.literal_eval(ours.default) == theirs.default, ours.name
        annotation = theirs.annotation
        written = annotation if isinstance(annotation, str) else annotation.__name__
        assert ours.type == re.sub(
            r"tuple\[int, (\.\.\.|(int, )*int)\]|tuple\[int\]", "tuple", written
        )


@pytest.mark.parametrize("block, dims", CASES)
def test_source_is_what_a_careful_colleague_types(block: Block, dims: int) -> None:
    source = render.block_source(block, dims)
    for width in (88, 100):
        mode = black.Mode(line_length=width)
        assert black.format_str(source, mode=mode) == source, f"black at {width}"
    assert max(map(len, source.splitlines())) <= 88
    tree = ast.parse(source, feature_version=(3, 8))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
    paper = block.paper.get("arxiv")
    assert paper is None or f"https://arxiv.org/abs/{paper}" in source
    assert "{{" not in source and "{%" not in source and source.endswith(")\n")
    assert "einops" not in source


@pytest.mark.parametrize("block, dims", CASES)
def test_import_has_no_side_effects(block: Block, dims: int) -> None:
    before = torch.get_rng_state(), torch.get_default_dtype()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = compile(render.block_source(block, dims), "rendered", "exec")
        exec(code, {"__name__": "other"})
    assert not out.getvalue() and torch.equal(before[0], torch.get_rng_state())
    assert before[1] == torch.get_default_dtype()


@pytest.mark.parametrize("block, dims", CASES)
def test_runs_as_a_script(block: Block, dims: int) -> None:
    out = io.StringIO()
    script = types.ModuleType("__main__")
    with contextlib.redirect_stdout(out):
        code = compile(render.block_source(block, dims), "rendered", "exec")
        exec(code, script.__dict__)
    assert " -> " in out.getvalue()


@pytest.mark.parametrize("block, dims", CASES)
@pytest.mark.parametrize("batch", [1, 3])
def test_output_shape_is_as_the_head_says(block: Block, dims: int, batch: int) -> None:
    args = inputs(block, dims, batch)
    values = all_values(block, 32, dims)
    kept = [x.clone() for x in args]
    got = tensors(make(block, dims).eval()(*args))
    sizes = tuple(block.output_size(n, values) for n in sizes_of(block, dims))
    expected = shape(block.layouts[0], batch, block.output_channels(32, values), sizes)
    assert got[0].shape == expected
    for x, y in zip(args, kept):
        assert torch.equal(x, y), "the input was changed"


@pytest.mark.parametrize("block, dims", CASES)
def test_gradients_reach_the_input_and_every_parameter(block: Block, dims: int) -> None:
    made = make(block, dims).train()
    for _ in range(3):  # a dead ReLU is not a defect: try again
        args = [x.requires_grad_() for x in inputs(block, dims)]
        outputs = tensors(made(*args))
        torch.autograd.backward(outputs, [torch.randn_like(y) for y in outputs])
        if all(p.grad is not None and p.grad.any() for p in (*made.parameters(), *args)):
            break
        with torch.no_grad():  # a zero at the start may hold back others
            for p in made.parameters():
                p.add_(torch.randn_like(p) * 0.05)
    for x in args:
        assert x.grad is not None and x.grad.isfinite().all() and x.grad.any()
    for name, p in made.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.any(), name
    assert block.parameter_free == (not list(made.parameters()))


@pytest.mark.parametrize("block, dims", CASES)
def test_eval_is_deterministic_and_train_is_random_as_said(block: Block, dims: int) -> None:
    made, args = make(block, dims), inputs(block, dims)
    made.eval()
    for a, b in zip(tensors(made(*args)), tensors(made(*args))):
        assert torch.equal(a, b)
    made.train()
    state = copy.deepcopy(made.state_dict())
    first = tensors(made(*args))
    same = True
    for _ in range(8):  # a drop of whole samples may come out alike by chance
        made.load_state_dict(state)
        same &= all(torch.equal(a, b) for a, b in zip(first, tensors(made(*args))))
    assert same != block.random
    if block.identity:
        torch.testing.assert_close(tensors(made.eval()(*args))[0], args[0])


@pytest.mark.parametrize("block, dims", CASES)
def test_state_copy_and_pickle_round_trips(block: Block, dims: int) -> None:
    made, args = make(block, dims).eval(), inputs(block, dims)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    expected = seeded(made, *args)
    other = make(block, dims).eval()
    other.load_state_dict(made.state_dict())
    for version in (other, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        for a, b in zip(expected, seeded(version, *args)):
            assert torch.equal(a, b)


@pytest.mark.parametrize("block, dims", USUAL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision(block: Block, dims: int, dtype: torch.dtype) -> None:
    made, args = make(block, dims), inputs(block, dims)
    for mode in (True, False):
        made.train(mode)
        with torch.autocast("cpu", dtype=dtype):
            assert all(y.isfinite().all() for y in tensors(made(*args)))
    made.half() if dtype == torch.float16 else made.bfloat16()
    with torch.no_grad():
        for mode in (True, False):
            outputs = tensors(made.train(mode)(*(x.to(dtype) for x in args)))
            assert all(y.dtype == dtype and y.isfinite().all() for y in outputs)


@pytest.mark.parametrize("block, dims", [p for p in CASES if p.values[1] > 1])
def test_channels_last_gives_the_same(block: Block, dims: int) -> None:
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    made, args = make(block, dims).eval(), inputs(block, dims)
    expected = seeded(made, *args)
    args = [x.to(memory_format=layout) if x.ndim == dims + 2 else x for x in args]
    got = seeded(made.to(memory_format=layout), *args)
    for a, b in zip(expected, got):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block, dims", [p for p in CASES if not p.values[0].data_dependent])
def test_meta_device(block: Block, dims: int) -> None:
    with torch.device("meta"):
        made = make(block, dims)
    outputs = tensors(made(*inputs(block, dims, device="meta")))
    real = tensors(make(block, dims)(*inputs(block, dims)))
    assert [y.shape for y in outputs] == [y.shape for y in real]


@pytest.mark.parametrize("block, dims", [p for p in USUAL if not p.values[0].data_dependent])
def test_compiles_to_one_graph(block: Block, dims: int) -> None:
    made, args = make(block, dims), inputs(block, dims)
    for mode in (True, False) if block.random else (True,):  # evaluation does no more otherwise
        made.train(mode)
        state = copy.deepcopy(made.state_dict())
        expected = seeded(made, *args)
        made.load_state_dict(state)
        compiled = torch.compile(made, fullgraph=True, backend="eager")
        for a, b in zip(expected, seeded(compiled, *args)):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("block, dims", [p for p in USUAL if p.values[0].export])
def test_exports_with_dynamic_batch_and_size(block: Block, dims: int) -> None:
    made, args = make(block, dims).eval(), inputs(block, dims)
    auto = torch.export.Dim.AUTO
    dynamic = tuple({i: auto for i in range(x.ndim) if i != channel_axis(block, x)} for x in args)
    # `forward(*features)` takes one entry for all of them.
    variadic = any(
        p.kind is p.VAR_POSITIONAL for p in inspect.signature(made.forward).parameters.values()
    )
    program = torch.export.export(
        made, tuple(args), dynamic_shapes=(dynamic,) if variadic else dynamic
    )
    sizes = tuple(2 * n for n in sizes_of(block, dims))
    for batch, extent in ((3, sizes), (5, sizes_of(block, dims))):
        other = inputs(block, dims, batch, sizes=extent)
        for a, b in zip(tensors(made(*other)), tensors(program.module()(*other))):
            torch.testing.assert_close(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("block, dims", [p for p in USUAL if p.values[0].onnx])
def test_exports_to_onnx(block: Block, dims: int, tmp_path: Any) -> None:
    """And the runtime computes what torch does. Skipped where there is no wheel of it."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    made, args = make(block, dims).eval(), inputs(block, dims)
    torch.onnx.export(made, tuple(args), tmp_path / "block.onnx", dynamo=True, verbose=False)
    session = runtime.InferenceSession(tmp_path / "block.onnx")
    fed = {one.name: x.numpy() for one, x in zip(session.get_inputs(), args)}
    for got, wanted in zip(session.run(None, fed), tensors(made(*args))):
        torch.testing.assert_close(torch.from_numpy(got), wanted, rtol=1e-3, atol=1e-4)


def has(block: Block, name: str) -> bool:
    return any(parameter.name == name for parameter in block.parameters)


@pytest.mark.parametrize("block, dims", [p for p in CASES if has(p.values[0], "reduction")])
def test_fewer_channels_than_the_reduction(block: Block, dims: int) -> None:
    groups = {"groups": 1} if has(block, "groups") else {}
    narrow = make(block, dims, channels=4, **groups).eval()
    for y in tensors(narrow(*inputs(block, dims, channels=4))):
        assert y.isfinite().all() and y.numel()


def of_any_size(block: Block, dims: int) -> bool:
    return block.size == "same" and sizes_of(block, dims) == SIZES[dims]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("block, dims", [p for p in CASES if of_any_size(*p.values)])
def test_one_position(block: Block, dims: int, batch: int) -> None:
    ones = (1,) * dims
    made = make(block, dims, sizes=ones).eval()
    for y in tensors(made(*inputs(block, dims, batch, sizes=ones))):
        assert y.isfinite().all() and y.numel()


@pytest.mark.parametrize("block, dims", [p for p in USUAL if p.values[0].hidden])
def test_the_bottleneck_is_as_wide_as_the_head_says(block: Block, dims: int) -> None:
    width = block.hidden_width(all_values(block, 80, dims))
    assert any(width in value.shape for value in make(block, dims, 80).state_dict().values())


@pytest.mark.parametrize(
    "block, name",
    [
        pytest.param(block, parameter.name, id=f"{block.name}-{parameter.name}")
        for block in BLOCKS.values()
        for parameter in block.parameters
        if parameter.type in ("int", "int | None")
    ],
)
def test_bad_arguments_are_named(block: Block, name: str) -> None:
    with pytest.raises(ValueError) as error:
        make(block, block.usual_dims, **{name: -3})
    assert name in str(error.value) and "-3" in str(error.value)


@pytest.mark.parametrize("block, dims", USUAL)
def test_cost_is_as_the_head_says(block: Block, dims: int) -> None:
    assert block.cost == measured_cost(block), f"write: cost = {toml(measured_cost(block))}"


def measured_cost(block: Block) -> dict[str, int]:
    """Parameters and FLOPs for 256 channels at 14x14 (196 positions, 14x14x14 in 3-D)."""
    dims = block.usual_dims
    sizes = {1: (196,), 2: (14, 14), 3: (14, 14, 14)}[dims]
    device = "cpu" if block.data_dependent else "meta"
    with torch.device(device):
        made = make(block, dims, channels=256, sizes=sizes).eval()
        args = inputs(block, dims, 1, 256, sizes)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made(*args)
    parameters = sum(p.numel() for p in made.parameters())
    return {"parameters": parameters, "flops": counter.get_total_flops()}


def toml(table: dict[str, int]) -> str:
    return "{ " + ", ".join(f"{k} = {v}" for k, v in table.items()) + " }"


@pytest.mark.parametrize("block, dims", [p for p in USUAL if p.values[0].replaces])
def test_stands_in_for_the_layers_it_names(block: Block, dims: int) -> None:
    plain: dict[str, Any] = {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1)}
    plain |= {"in_channels": 32, "out_channels": 48, "dilation": (1, 1), "groups": 1}
    plain |= {"bias": True, "padding_mode": "zeros", "p": 0.25, "inplace": True}
    for replacement in block.replaces:
        assert all(hasattr(nn, name) for name in replacement.layers)
        values = replacement.values(plain)
        made = getattr(module(block, dims), block.class_for(dims))(**values)
        x = torch.randn(2, 32, 9, 7)
        if "kernel_size" in values:
            assert made(x).shape == nn.Conv2d(32, 48, 3, 2, 1)(x).shape
        else:
            assert made(x).shape == x.shape


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cbam", "mhsa"])
def test_compiles_with_inductor(name: str) -> None:
    block = BLOCKS[name]
    made, args = make(block, block.usual_dims).eval(), inputs(block, block.usual_dims)
    compiled = torch.compile(made, fullgraph=True)
    torch.testing.assert_close(compiled(*args), made(*args), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every block in its usual dims, and in it `other_dims` with the others."""
    folder = tmp_path_factory.mktemp("everything")
    others = folder / "other_dims"
    others.mkdir()
    for block in BLOCKS.values():
        for dims in (block.usual_dims,) if block.generic else block.dims:
            path = (folder if dims == block.usual_dims else others) / f"{block.module_for(dims)}.py"
            path.write_text(render.block_source(block, dims), encoding="utf-8")
    (folder / "pyproject.toml").write_text("[tool.ruff]\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "--no-cache"],
        # Other dims have the same types: mypy takes a second for every three files.
        ["mypy", "--no-error-summary", "--exclude", "other_dims"],
    ],
    ids=lambda tool: tool[0],
)
def test_linters_are_silent(everything: Path, tool: list[str]) -> None:
    command = [sys.executable, "-m", *tool, "."]
    done = subprocess.run(command, cwd=everything, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
