"""The head of a block's template, read into a frozen `Block`; anything unexpected is refused by its line.

A template is `<name>.py.j2`. It opens with a Jinja comment that holds TOML, the head:

    {#
    name = "cbam"                      # kebab-case, equal to the file's name
    class = "CBAM"                     # class for the usual dims; CBAM3d for others
    title = "Convolutional block attention module"
    title_zh = "卷积块注意力模块"
    family = "mixed-attention"         # equal to the folder's name in the built-in catalog
    summary = "What it does, in two sentences."
    formula = "y = x ⊙ σ(W_2 ReLU(W_1 mean_{HW}(x)))"  # `_` before what is below the line; optional
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

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stitchgen.catalog.block import Block, Input, Parameter, Replacement
from stitchgen.catalog.template import SUFFIX, broken
from stitchgen.errors import StitchError
from stitchgen.layouts import HEAD_LAYOUTS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_ARGUMENT = re.compile(r"[a-z][a-z0-9_]*")
_FORMULA = re.compile(r"[\w\s+\-*/%(),.\[\]<>=']+", re.ASCII)


_STRINGS = ("name", "class", "title", "family", "summary", "fits", "oracle", "channels", "size")
_OPTIONAL_STRINGS = ("title_zh", "formula", "caution", "code", "hidden")
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
class Head:
    """A head on its way to a Block; every complaint carries its line."""

    path: Path
    text: str
    table: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        match = re.match(r"\{#-?(.*?)-?#\}", self.text, re.DOTALL)
        if not match:
            raise broken(self.path, 1, "it does not open with a head", "begin with {# name = ...")
        self.text = match[1]
        try:
            self.table = tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = re.search(r"line (\d+)", str(error))
            line = int(at[1]) if at else self.text.count("\n") + 1
            raise broken(self.path, line, f"its head is no TOML: {error}", "correct it") from None

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
        return broken(self.path, self.text.count("\n", 0, at) + 1, message, hint)

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
        if not NAME.fullmatch(text["name"]) or text["name"] + SUFFIX != self.path.name:
            hint = f'name = "{self.path.name.removesuffix(SUFFIX)}", in kebab-case'
            raise self.fail("name", f"its name is {text['name']!r}, not the file's", hint)
        if not _CLASS.fullmatch(text["class"]):
            raise self.fail("class", f"{text['class']!r} is no class name", 'like class = "CBAM"')
        if not NAME.fullmatch(text["family"]):
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
            formula=text.get("formula"),
            fits=text["fits"],
            caution=text.get("caution"),
            code=text.get("code"),
            oracle=text["oracle"],
            paper=self.paper(),
            layouts=self.choices("layouts", HEAD_LAYOUTS),
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
            if layout not in (None, "NC", *HEAD_LAYOUTS):
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
