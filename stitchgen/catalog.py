"""The catalog: the heads of the block templates, read into frozen `Block`s.

Owns what a head may say, where templates are found, and the facts that splicing needs of a block.
Floor 1: standard library only (tomli on Python 3.10); templates are read here and never run.

A template is `<name>.py.j2`. It opens with a Jinja comment that holds TOML, the head:

    {#
    name = "cbam"                      # kebab-case, equal to the file's name
    class = "CBAM"                     # class for the usual dims; CBAM3d for others
    title = "Convolutional block attention module"
    title_zh = "卷积块注意力模块"
    family = "mixed-attention"         # equal to the folder's name in the built-in catalog
    summary = "What it does, in two sentences."
    fits = "Where in a network it fits."
    caution = "What to look out for."  # optional
    code = "https://..."               # the authors' code; optional
    oracle = "timm.layers.CbamModule"  # what the tests compare with; "none" = unverified
    layouts = ["NCHW"]                 # NCHW, NHWC (of any dims), NLC, or any
    dims = [1, 2, 3]                   # spatial dims it renders for; "any": one source serves all
    channels = "same"                  # same, in-out, or a formula of the arguments
    size = "same"                      # same, or a formula of n (an axis) and the arguments
    random = true                      # draws random numbers in train mode; the rest is optional
    identity = true                    # is the identity when constructed
    hidden = "channels // reduction"   # width of a layer that a ReLU may leave dead
    data_dependent = true              # shapes depend on values: no meta device, no single graph
    export = false                     # torch.export with dynamic sizes is not claimed
    onnx = false                       # nor torch.onnx.export
    needs = ["torchvision"]            # packages beside torch
    example = { kernel_size = "3" }    # arguments of the example, the cost and the tests
    cost = { parameters = 8290, flops = 33712 }  # at 256 channels, 14x14 (196 tokens)

    [paper]
    title = "CBAM: Convolutional Block Attention Module"
    authors = "Woo, Park, Lee, Kweon"
    year = 2018
    arxiv = "1807.06521"               # or doi, or url; none where it could not be checked

    [parameters]                       # in the order of the constructor
    channels = { type = "int", meaning = "channels of the input" }
    reduction = { type = "int", default = "16", meaning = "..." }

    [[inputs]]                         # only where forward takes more than one tensor
    name = "gate"
    channels = "gate_channels"         # formula of the arguments
    scale = "1/2"                      # of the first input's size; "any" where free
    layout = "NC"                      # where it is not the block's own

    [[replaces]]                       # layers that it can stand in for
    layers = ["Conv2d"]
    arguments = { in_channels = "in_channels", stride = "stride" }   # formulas of the layer's
    requires = { groups = "1" }                                      # attributes
    #}
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIX = ".py.j2"
LAYOUTS = ("NCHW", "NHWC", "NLC", "any")
#: The layout of a feature, as reading and observing name it -> the head's word, spatial dims.
FEATURES = {
    "NCL": ("NCHW", 1),
    "NCHW": ("NCHW", 2),
    "NCDHW": ("NCHW", 3),
    "NLC": ("NLC", 1),
    "NHWC": ("NHWC", 2),
    "NDHWC": ("NHWC", 3),
}
#: Which fact of the target fills a constructor argument of this name.
FACTS = {
    "channels": "channels",
    "in_channels": "in",
    "out_channels": "out",
    "context_channels": "context",
    "skip_channels": "context",
    "gate_channels": "context",
    "height": "height",
    "width": "width",
    "length": "length",
}

# A template is a page of source; more than this is a mistake or an attack.
MAX_BYTES = 256 * 1024
MAX_TEMPLATES = 2_000

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_ARGUMENT = re.compile(r"[a-z][a-z0-9_]*")
_FORMULA = re.compile(r"[\w\s+\-*/%(),.\[\]<>=']+", re.ASCII)


@dataclass(frozen=True)
class Parameter:
    """An argument of a block's constructor."""

    name: str
    type: str
    default: str | None  # Python source; None where it must be given
    meaning: str

    @property
    def fact(self) -> str | None:
        """The fact of the target that fills it: channels, in, out, context, height, ..."""
        return FACTS.get(self.name)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "default": self.default,
            "meaning": self.meaning,
        }


@dataclass(frozen=True)
class Input:
    """A tensor that the block's forward takes."""

    name: str
    channels: str | None  # formula of the constructor's arguments; None: as many as arrive
    scale: str = "1"  # size relative to the first input's; "any" where free
    layout: str | None = None  # NC for a vector; None: the block's own


@dataclass(frozen=True)
class Replacement:
    """Layers for which a block can stand in.

    `arguments` gives each of the block's arguments as a formula of the layer's attributes,
    `requires` what a formula of its attributes must equal, by attribute; both hold per axis.
    """

    layers: tuple[str, ...]  # names in torch.nn
    arguments: Mapping[str, str]
    requires: Mapping[str, str]

    def values(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The block's arguments for a layer with these attributes; bad-argument if it has none."""
        for name, expected in self.requires.items():
            if _per_axis(name, attributes) != (wanted := _per_axis(expected, attributes)):
                raise StitchError(
                    "bad-argument",
                    f"the layer has {name}={attributes[name]}, "
                    f"the block can stand in only for {name}={expected}"
                    + (f" ({wanted})" if str(wanted) != expected else ""),
                    hint="put the block after the layer instead: --after",
                )
        return {name: _per_axis(text, attributes) for name, text in self.arguments.items()}


@dataclass(frozen=True)
class Block:
    """A module of a catalog: everything that its template's head says."""

    name: str  # `cbam`; `lab/eca` from another catalog
    class_name: str  # of the usual dims; see `class_for`
    title: str
    title_zh: str
    family: str
    summary: str
    fits: str
    caution: str | None
    code: str | None
    oracle: str
    paper: Mapping[str, Any]  # title, authors, year; arxiv, doi or url where checked
    layouts: tuple[str, ...]  # of NCHW, NHWC (whatever the dims), NLC, any
    dims: tuple[int, ...]  # spatial dims that it renders for
    generic: bool  # one rendered source serves every number of dims
    channels: str  # same, in-out, or a formula of the arguments
    size: str  # same, or a formula of n (the length of an axis) and the arguments
    hidden: str | None  # formula of the width of a layer that a ReLU may leave dead
    parameters: tuple[Parameter, ...]
    inputs_: tuple[Input, ...]
    variadic: bool  # takes as many inputs as it is constructed for, `inputs` at least
    replaces: tuple[Replacement, ...]
    parameter_free: bool  # nothing to train, with its default arguments
    random: bool  # draws random numbers in train mode
    identity: bool  # is the identity when constructed
    data_dependent: bool  # inner shapes depend on values: no meta device, no single graph
    export: bool  # torch.export with dynamic batch and sizes
    onnx: bool  # torch.onnx.export, for fixed sizes
    needs: tuple[str, ...]  # packages beside torch
    example: Mapping[str, str]  # arguments of the example command, the cost and the tests
    cost: Mapping[str, int]  # parameters and flops at 256 channels and 14x14
    template: Path

    @property
    def inputs(self) -> int:
        """How many tensors forward takes (the least, where it is variadic)."""
        return len(self.inputs_)

    @property
    def usual_dims(self) -> int:
        """The dims that are rendered where none are asked for."""
        return 2 if 2 in self.dims else self.dims[0]

    @property
    def channel_parameters(self) -> tuple[str, ...]:
        """The arguments that take a channel count, in order; () where it needs none."""
        facts = ("channels", "in", "out", "context")
        return tuple(p.name for p in self.parameters if p.fact in facts)

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments without a default, in order."""
        return tuple(p.name for p in self.parameters if p.default is None)

    @property
    def elementwise(self) -> bool:
        """Whether it takes a tensor of any shape, and does not need to know its channels."""
        return self.generic and "any" in self.layouts and not self.channel_parameters

    def class_for(self, dims: int) -> str:
        """`CBAM` for the usual dims, `CBAM3d` for others."""
        usual = self.generic or dims == self.usual_dims
        return self.class_name if usual else f"{self.class_name}{dims}d"

    def module_for(self, dims: int, class_name: str | None = None) -> str:
        """The name of the rendered module: `cbam`, `cbam3d`; `my_cbam` for a class `MyCBAM`."""
        if class_name and class_name != self.class_for(dims):
            return snake_case(class_name)
        return self.name.rpartition("/")[2].replace("-", "_") + (
            "" if self.generic or dims == self.usual_dims else f"{dims}d"
        )

    def dims_for(self, layout: str) -> int | None:
        """The dims to render for a feature of this layout; None where the block does not fit."""
        if "any" in self.layouts:
            return self.usual_dims if self.generic else FEATURES.get(layout, ("", None))[1]
        family, dims = FEATURES.get(layout, (None, 0))
        return dims if family in self.layouts and dims in self.dims else None

    def replacement(self, layer_class: str) -> Replacement | None:
        """How it stands in for a layer of this class of torch.nn; None where it cannot."""
        return next((r for r in self.replaces if layer_class in r.layers), None)

    def output_channels(self, channels: int | None, arguments: Mapping[str, Any]) -> int:
        """How many channels come out where `channels` go in."""
        if self.channels == "same":
            assert channels is not None
            return channels
        values = {"channels": channels} | dict(arguments)
        return evaluate("out_channels" if self.channels == "in-out" else self.channels, values)

    def output_size(self, n: int, arguments: Mapping[str, Any]) -> int:
        """The length that comes out of an axis of length `n`."""
        return n if self.size == "same" else evaluate(self.size, {"n": n} | dict(arguments))

    def hidden_width(self, arguments: Mapping[str, Any]) -> int | None:
        """How many units its bottleneck has; None where it has none, or arguments do not tell."""
        if self.hidden is None:
            return None
        try:
            return evaluate(self.hidden, arguments)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None

    def as_dict(self) -> dict[str, Any]:
        """The entry of `list --json`."""
        paper = {k: self.paper[k] for k in ("title", "year", "arxiv", "doi") if k in self.paper}
        return {
            "name": self.name,
            "class": self.class_name,
            "family": self.family,
            "title": self.title,
            "title_zh": self.title_zh,
            "paper": paper,
            "layouts": list(self.layouts),
            "dims": list(self.dims),
            "inputs": self.inputs,
            "cost": dict(self.cost),
            "verified": self.oracle != "none",
        }


def builtin_folder(kind: str = "blocks") -> Path:
    """Where the built-in templates (or `snippets`) are: in the wheel, else in the repository."""
    package = Path(__file__).parent
    parts = ("templates", "blocks") if kind == "blocks" else (kind,)
    for base in (package, package.parent):
        if (folder := base.joinpath(*parts)).is_dir():
            return folder
    raise StitchError(
        "catalog-broken",
        f"the installation has no {'/'.join(parts)} folder",
        where=str(package),
        hint="reinstall stitchgen: pip install --force-reinstall stitchgen",
    )


def load(catalogs: Iterable[str | Path] = ()) -> dict[str, Block]:
    """Every block of the built-in catalog and of these folders, by name, sorted."""
    blocks = {block.name: block for block in map(_builtin, _templates(builtin_folder()))}
    for namespace, folder in _namespaces(catalogs).items():
        for path in _templates(folder):
            block = read(path, namespace=namespace, root=folder)
            if block.name in blocks:
                raise _broken(path, 1, f"`{block.name}` is there twice", "rename one of the files")
            blocks[block.name] = block
    return dict(sorted(blocks.items()))


def get(name: str, catalogs: Iterable[str | Path] = ()) -> Block:
    """The block of this name; only its own template is read."""
    namespace, _, stem = name.rpartition("/")
    catalogs = tuple(catalogs)
    if _NAME.fullmatch(stem):
        folder = _namespaces(catalogs).get(namespace) if namespace else builtin_folder()
        for path in _templates(folder) if folder else ():
            if path.name == stem + SUFFIX:
                return read(path, namespace, folder) if namespace else _builtin(path)
    from difflib import get_close_matches  # 8 ms, wanted only here

    names = load(catalogs)
    by_class = {block.class_name.lower(): known for known, block in names.items()}
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    near = [by_class[wanted]] if wanted in by_class else []
    near += [known for known in names if known not in near and wanted and wanted in known]
    near += [known for known in get_close_matches(wanted, names) if known not in near]
    raise StitchError(
        "block-not-found",
        f"there is no block `{name}`" + (f" in the catalog `{namespace}`" if namespace else ""),
        hint=f"stitchgen show {near[0]}" if near else "stitchgen list",
        suggestions=near[:5],
    )


def read(path: Path, namespace: str = "", root: Path | None = None) -> Block:
    """One template's head, strictly: anything unexpected is catalog-broken at its line."""
    return _Head(path, _contents(path, root or path.parent)).block(namespace)


def body(block: Block) -> str:
    """The whole template of a block; its head is a comment to Jinja."""
    return _contents(block.template, block.template.parent)


def snake_case(class_name: str) -> str:
    """`MyCBAM3d` -> `my_cbam3d`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name)
    return spaced.lower()


def evaluate(formula: str, values: Mapping[str, Any]) -> Any:
    """A head's formula: names, numbers, `+ - * / // %`, `min`, `max`, `sum`, `len`, no more.

    Heads may come from strangers, hence no `eval`.
    """
    import ast
    import operator

    operators: dict[type, Any] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
    }
    functions: dict[str, Any] = {"min": min, "max": max, "sum": sum, "len": len}

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int() | float() | str() as number):
                return number
            case ast.Name(id=name):
                return values[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in operators:
                both = value(left), value(right)
                if not all(isinstance(number, (int, float)) for number in both):
                    raise ValueError(f"arithmetic on something else than numbers: {formula}")
                return operators[type(op)](*both)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.Subscript(value=sequence, slice=index):
                return value(sequence)[value(index)]
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in functions:
                return functions[name](*map(value, args))
        raise ValueError(f"not a formula of a head: {formula}")

    return value(ast.parse(formula, mode="eval").body)


def _per_axis(formula: str, attributes: Mapping[str, Any]) -> Any:
    """The formula for each axis where attributes are tuples: one value where all are equal."""
    if formula in attributes and not isinstance(attributes[formula], (tuple, list)):
        return attributes[formula]
    lengths = [len(v) for v in attributes.values() if isinstance(v, (tuple, list))]
    axes = [
        evaluate(
            formula,
            {
                k: v[i] if isinstance(v, (tuple, list)) and i < len(v) else v
                for k, v in attributes.items()
            },
        )
        for i in range(max(lengths, default=1))
    ]
    return axes[0] if len(set(axes)) == 1 else tuple(axes)


def _builtin(path: Path) -> Block:
    block = read(path)
    if path.parent.name != block.family:
        raise _broken(path, 1, f"the family is `{block.family}`", "move the file to its folder")
    return block


def _namespaces(catalogs: Iterable[str | Path]) -> dict[str, Path]:
    """The folders by their namespace: the folder's name, less an ending `-blocks`."""
    folders: dict[str, Path] = {}
    for catalog in catalogs:
        folder = Path(catalog)
        name = re.sub(r"[-_]blocks$", "", folder.resolve().name.lower()).replace("_", "-")
        if not folder.is_dir():
            hint = "correct `catalogs` in [tool.stitchgen]"
            raise StitchError("catalog-broken", "there is no such folder", str(catalog), hint)
        if not _NAME.fullmatch(name) or folders.get(name, folder).resolve() != folder.resolve():
            raise StitchError(
                "catalog-broken",
                f"`{name}` cannot be the name of this catalog (kebab-case, and used once)",
                where=str(catalog),
                hint="rename the folder; its name is the first part of `lab/eca`",
            )
        folders[name] = folder
    return folders


def _templates(folder: Path) -> list[Path]:
    """The templates of a catalog: in the folder itself and in the folders one below."""
    found: list[Path] = []
    try:
        bases = [folder, *sorted(path for path in folder.iterdir() if _is_own_folder(path))]
        for base in bases:
            found += [base / n for n in sorted(os.listdir(base)) if n.endswith(SUFFIX)]
    except OSError as error:
        hint = "let yourself read it, or take it out of the configuration"
        message = error.strerror or "it cannot be read"
        raise StitchError("catalog-broken", message, str(error.filename or folder), hint) from None
    if len(found) > MAX_TEMPLATES:
        raise StitchError(
            "catalog-broken",
            f"more than {MAX_TEMPLATES} templates",
            where=str(folder),
            hint="name a folder that holds block templates only",
        )
    return found


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def _contents(path: Path, root: Path) -> str:
    """The template's text, if it is a plain file of sane size inside its catalog."""
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise _broken(path, None, "the file is a link out of its catalog", "copy the file in")
        if not stat.S_ISREG(path.stat().st_mode):
            raise _broken(path, None, "it is no regular file", "remove it from the catalog")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise _broken(path, None, f"the file is larger than {MAX_BYTES} bytes", "split it")
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _broken(path, line, "the file is not UTF-8", "save it as UTF-8") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symlinks, before 3.13
        reason = getattr(error, "strerror", None) or "a loop of links"
        raise _broken(path, None, reason, "remove it from the catalog") from None


def _broken(path: Path, line: int | None, message: str, hint: str) -> StitchError:
    where = f"{path}:{line}" if line else str(path)
    return StitchError("catalog-broken", f"{path.name}: {message}", where=where, hint=hint)


_STRINGS = ("name", "class", "title", "family", "summary", "fits", "oracle", "channels", "size")
_OPTIONAL_STRINGS = ("title_zh", "caution", "code", "hidden")
_FLAGS = {
    "parameter_free": False,
    "random": False,
    "identity": False,
    "data_dependent": False,
    "variadic": False,
    "export": True,
    "onnx": True,
}
_KEYS = {
    *_STRINGS,
    *_OPTIONAL_STRINGS,
    *_FLAGS,
    *("layouts", "dims", "paper", "parameters", "inputs", "replaces"),
    *("needs", "example", "cost"),
}


@dataclass
class _Head:
    """A head on its way to a Block; every complaint carries its line."""

    path: Path
    text: str
    table: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        match = re.match(r"\{#-?(.*?)-?#\}", self.text, re.DOTALL)
        if not match:
            raise _broken(self.path, 1, "it does not open with a head", "begin with {# name = ...")
        self.text = match[1]
        try:
            self.table = tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = re.search(r"line (\d+)", str(error))
            line = int(at[1]) if at else self.text.count("\n") + 1
            raise _broken(self.path, line, f"its head is no TOML: {error}", "correct it") from None

    def fail(
        self, key: str, message: str, hint: str = "correct the head", section: str = ""
    ) -> StitchError:
        """The complaint, at the line of `key` in the section, else at the section's own."""
        start, end = 0, len(self.text)
        if section and (opened := re.search(rf"^\[+{section}\b", self.text, re.MULTILINE)):
            start = opened.start()
        if follows := re.compile(r"^\[", re.MULTILINE).search(self.text, start + 1):
            end = follows.start()
        found = re.compile(rf"^[\s\[]*{re.escape(key)}\b", re.MULTILINE).search(
            self.text, start, end
        )
        at = found.end() if found else start
        return _broken(self.path, self.text.count("\n", 0, at) + 1, message, hint)

    def string(self, table: Mapping[str, Any], key: str, section: str = "", line: str = "") -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            place = f"[{section}]" if section else "the head"
            hint = f'add {key} = "..."'
            raise self.fail(line or key, f"{place} must have a text `{key}`", hint, section)
        if not value.isprintable():  # a terminal would obey an escape sequence
            hint = "write plain text, on one line"
            raise self.fail(line or key, f"`{key}` has control characters", hint, section)
        return value

    def strings(self, table: Mapping[str, Any], key: str) -> dict[str, str]:
        value = table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.fail(key, f"`{key}` must be a table of texts", f'{key} = {{ a = "b" }}')
        return value

    def only(
        self, table: Mapping[str, Any], known: Iterable[str], section: str = "", line: str = ""
    ) -> None:
        for key in table:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(key, list(known), 1)
                hint = f"did you mean `{near[0]}`?" if near else "remove it"
                place = f"[{section}]" if section else "the head"
                message = f"{place} has an unknown key `{key}`"
                raise self.fail(line or key, message, hint, section)

    def formula(self, key: str, text: str) -> str:
        if not _FORMULA.fullmatch(text) or "__" in text or "**" in text or len(text) > 200:
            raise self.fail(key, f"`{text}` is no formula", "use names, numbers and + - * // %")
        return text

    def block(self, namespace: str) -> Block:
        head = self.table
        self.only(head, _KEYS)
        text = {key: self.string(head, key) for key in _STRINGS}
        for key in _OPTIONAL_STRINGS:
            if key in head:
                text[key] = self.string(head, key)
        if not text.get("code", "https://").startswith("https://"):
            raise self.fail("code", "`code` must be an address", 'like code = "https://..."')
        flags = {key: head.get(key, default) for key, default in _FLAGS.items()}
        for key, value in flags.items():
            if not isinstance(value, bool):
                raise self.fail(key, f"`{key}` must be true or false")
        if not _NAME.fullmatch(text["name"]) or text["name"] + SUFFIX != self.path.name:
            hint = f'name = "{self.path.name.removesuffix(SUFFIX)}", in kebab-case'
            raise self.fail("name", f"its name is {text['name']!r}, not the file's", hint)
        if not _CLASS.fullmatch(text["class"]):
            raise self.fail("class", f"{text['class']!r} is no class name", 'like class = "CBAM"')
        if not _NAME.fullmatch(text["family"]):
            raise self.fail("family", "the family must be kebab-case", 'like "channel-attention"')
        for key in ("channels", "size", "hidden"):
            if text.get(key, "in-out") != "in-out":
                self.formula(key, text[key])
        parameters = self.parameters()
        example = self.strings(head, "example")
        self.only(example, [p.name for p in parameters], line="example")
        for value in example.values():
            self.formula("example", value)  # it ends up in a command that users paste
        dims, generic = self.dims()
        return Block(
            name=f"{namespace}/{text['name']}" if namespace else text["name"],
            class_name=text["class"],
            title=text["title"],
            title_zh=text.get("title_zh", ""),
            family=text["family"],
            summary=text["summary"],
            fits=text["fits"],
            caution=text.get("caution"),
            code=text.get("code"),
            oracle=text["oracle"],
            paper=self.paper(),
            layouts=self.choices("layouts", LAYOUTS),
            dims=dims,
            generic=generic,
            channels=text["channels"],
            size=text["size"],
            hidden=text.get("hidden"),
            parameters=parameters,
            inputs_=self.inputs(parameters),
            variadic=flags["variadic"],
            replaces=self.replacements(parameters),
            parameter_free=flags["parameter_free"],
            random=flags["random"],
            identity=flags["identity"],
            data_dependent=flags["data_dependent"],
            export=flags["export"],
            onnx=flags["onnx"],
            needs=self.needs(),
            example=example,
            cost=self.cost(),
            template=self.path,
        )

    def choices(self, key: str, known: Sequence[Any]) -> tuple[Any, ...]:
        value = self.table.get(key)
        if not isinstance(value, list) or not value or any(v not in known for v in value):
            raise self.fail(key, f"`{key}` must be a list of {', '.join(map(str, known))}")
        return tuple(value)

    def dims(self) -> tuple[tuple[int, ...], bool]:
        if self.table.get("dims") == "any":
            return (1, 2, 3), True
        return self.choices("dims", (1, 2, 3)), False

    def needs(self) -> tuple[str, ...]:
        value = self.table.get("needs", [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail("needs", "`needs` must be a list of package names")
        return tuple(value)

    def cost(self) -> dict[str, int]:
        value = self.table.get("cost", {})
        if not isinstance(value, dict) or not all(isinstance(v, int) for v in value.values()):
            raise self.fail("cost", "`cost` must be a table of integers")
        self.only(value, ("parameters", "flops"), line="cost")
        return value

    def paper(self) -> dict[str, Any]:
        paper = self.table.get("paper")
        if not isinstance(paper, dict):
            raise self.fail("paper", "the head must have a table [paper]", "add [paper]")
        self.only(paper, ("title", "authors", "year", "arxiv", "doi", "url"), "paper")
        for key in ("title", "authors", *(k for k in ("arxiv", "doi", "url") if k in paper)):
            self.string(paper, key, "paper")
        if not isinstance(paper.get("year"), int):
            raise self.fail("year", "[paper] must have a `year`", "like year = 2018", "paper")
        return paper

    def parameters(self) -> tuple[Parameter, ...]:
        table = self.table.get("parameters", {})
        if not isinstance(table, dict):
            raise self.fail("parameters", "`parameters` must be a table", "write [parameters]")
        found = []
        for name, entry in table.items():
            if not _ARGUMENT.fullmatch(name) or not isinstance(entry, dict):
                hint = f'{name} = {{ type = "int", default = "1", meaning = "..." }}'
                message = f"the parameter `{name}` is not described"
                raise self.fail(name, message, hint, "parameters")
            self.only(entry, ("type", "default", "meaning"), "parameters", name)
            type_ = self.string(entry, "type", "parameters", name)
            meaning = self.string(entry, "meaning", "parameters", name)
            default = entry.get("default")
            if default is not None and not isinstance(default, str):
                hint = f'default = "{default}"'
                message = f"the default of `{name}` must be Python source"
                raise self.fail(name, message, hint, "parameters")
            found.append(Parameter(name, type_, default, meaning))
        return tuple(found)

    def inputs(self, parameters: tuple[Parameter, ...]) -> tuple[Input, ...]:
        table = self.table.get("inputs")
        if table is None:
            names = [p.name for p in parameters if p.fact in ("channels", "in")]
            return (Input("x", names[0] if names else None),)
        if not isinstance(table, list) or not all(isinstance(entry, dict) for entry in table):
            raise self.fail("inputs", "`inputs` must be a list of tables", "write [[inputs]]")
        found = []
        for entry in table:
            self.only(entry, ("name", "channels", "scale", "layout"), "inputs")
            name, scale = self.string(entry, "name", "inputs"), entry.get("scale", "1")
            channels = self.formula("inputs", self.string(entry, "channels", "inputs"))
            layout = entry.get("layout")
            if layout not in (None, "NC", *LAYOUTS):
                raise self.fail("layout", f"`{layout}` is no layout of an input", section="inputs")
            found.append(Input(name, channels, self.formula("inputs", str(scale)), layout))
        return tuple(found)

    def replacements(self, parameters: tuple[Parameter, ...]) -> tuple[Replacement, ...]:
        table = self.table.get("replaces", [])
        if not isinstance(table, list) or not all(isinstance(entry, dict) for entry in table):
            raise self.fail("replaces", "`replaces` must be a list", "write [[replaces]]")
        found = []
        for entry in table:
            self.only(entry, ("layers", "arguments", "requires"), "replaces")
            layers = entry.get("layers")
            if not isinstance(layers, list) or not all(isinstance(v, str) for v in layers):
                raise self.fail(
                    "layers", "[replaces] must have a list `layers`", section="replaces"
                )
            arguments, requires = (self.strings(entry, k) for k in ("arguments", "requires"))
            self.only(arguments, [p.name for p in parameters], "replaces")
            for key, text in (arguments | requires).items():
                self.formula(key, text)
            found.append(Replacement(tuple(layers), arguments, requires))
        return tuple(found)
