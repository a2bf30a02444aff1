"""One YAML file: its bytes, its values, and where each of them stands. The only module that imports yaml.

The second kind of source beside `document`: a file's values come with the offsets of their first and
last character, and what goes out are `Edit`s on its bytes. Nothing is written anew but what an edit
names, so comments and layout stay.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from stitchgen.errors import StitchError
from stitchgen.source.edits import Edit

Span = tuple[int, int]  # characters of the text

SUFFIXES = (".yaml", ".yml")
#: What YAML takes for the end of a line; PyYAML counts the others, but nobody writes them.
NEWLINE = re.compile("\r\n|\r|\n")


@dataclass(frozen=True)
class Node:
    """A value in a YAML file: what it is read as, and where it stands.

    The span of a value in block style ends with its last character, not with the next value's first.
    """

    kind: Literal["scalar", "sequence", "mapping"]
    value: Any
    span: Span
    flow: bool = True  # in brackets, or a scalar
    items: tuple[Node, ...] = ()  # of a sequence
    pairs: tuple[tuple[Node, Node], ...] = ()  # of a mapping


@dataclass
class YamlDocument:
    """A parsed YAML file. Raises StitchError `syntax-error` where it is none, `no-yaml` without PyYAML."""

    raw: bytes
    path: str
    text: str = field(init=False)
    root: Node = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.text = self.raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        except UnicodeDecodeError as error:
            line = self.raw[: error.start].count(b"\n") + 1
            raise StitchError(
                "syntax-error",
                f"{self.path} is not UTF-8, which a YAML file has to be",
                where=f"{self.path}:{line}",
                hint="Save the file as UTF-8.",
            ) from error
        self.root = self._compose()

    def _compose(self) -> Node:
        yaml = pyyaml()
        try:
            loader = yaml.SafeLoader(self.text)
            try:
                node = loader.get_single_node()
                if node is None:
                    return Node("scalar", None, (0, 0))
                return self._node(node, loader)
            finally:
                loader.dispose()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            context = getattr(error, "context_mark", None)
            if context is not None and "flow" in str(getattr(error, "context", "")):
                mark = context  # a bracket that is not closed is missed rows later
            if mark is not None:
                line = mark.line + 1
            else:  # a character that YAML does not have
                line = self.line_of(int(getattr(error, "position", 0)))
            problem = getattr(error, "problem", None) or getattr(error, "reason", error)
            raise StitchError(
                "syntax-error",
                f"{self.path} does not parse as YAML: {problem}",
                where=f"{self.path}:{line}",
                hint="Correct the YAML, then run the command again.",
            ) from error
        except (ValueError, RecursionError) as error:  # a date that is none, a value in itself
            raise StitchError(
                "syntax-error", f"{self.path} does not parse as YAML: {error}", where=self.path
            ) from error

    def _node(self, node: Any, loader: Any) -> Node:
        span = (node.start_mark.index, node.end_mark.index)
        if node.id == "scalar":
            return Node("scalar", loader.construct_object(node, deep=True), span)
        if node.id == "sequence":
            items = tuple(self._node(item, loader) for item in node.value)
            if not node.flow_style and items:
                span = (span[0], items[-1].span[1])
            return Node("sequence", [i.value for i in items], span, bool(node.flow_style), items)
        pairs = tuple((self._node(k, loader), self._node(v, loader)) for k, v in node.value)
        if not node.flow_style and pairs:
            span = (span[0], pairs[-1][1].span[1])
        seen: dict[Any, Node] = {}
        for key, _ in pairs:
            if key.kind != "scalar" or key.value in seen:
                line = self.line_of(key.span[0])
                name = self.code(key.span)
                raise StitchError(
                    "syntax-error",
                    (
                        f"{self.path} has the key {name} twice"
                        if key.kind == "scalar"
                        else f"{self.path} has a key that is no text: {name}"
                    ),
                    where=f"{self.path}:{line}",
                    hint="Keep one of the two." if key.kind == "scalar" else None,
                )
            seen[key.value] = key
        value = {key.value: item.value for key, item in pairs}
        return Node("mapping", value, span, bool(node.flow_style), (), pairs)

    # Positions --------------------------------------------------------------------------------

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(match.end() for match in NEWLINE.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """The newline of the file's first line, as far as it has one."""
        match = NEWLINE.search(self.text)
        return match.group() if match else "\n"

    def line_of(self, offset: int) -> int:
        return bisect_right(self.line_starts, offset)

    def line_start(self, offset: int) -> int:
        return self.line_starts[self.line_of(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line that an offset is in ends, before its newline."""
        match = NEWLINE.search(self.text, offset)
        return match.start() if match else len(self.text)

    def code(self, span: Span) -> str:
        return self.text[span[0] : span[1]]

    def get(self, key: str) -> Node | None:
        """The value of a key of the file's mapping."""
        return next((value for name, value in self.root.pairs if name.value == key), None)

    @cached_property
    def marked(self) -> list[tuple[int, str]]:
        """Where the file has anchors, aliases and tags, and how they are written."""
        if not re.search("[&*!]", self.text):
            return []  # reading all tokens again takes as long as all the rest
        yaml = pyyaml()
        kinds = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)
        return [
            (token.start_mark.index, self.code((token.start_mark.index, token.end_mark.index)))
            for token in yaml.scan(self.text, Loader=yaml.SafeLoader)
            if isinstance(token, kinds)
        ]

    # Edits ------------------------------------------------------------------------------------

    def to_raw(self, offset: int) -> int:
        bom = len(codecs.BOM_UTF8) if self.raw.startswith(codecs.BOM_UTF8) else 0
        return bom + len(self.text[:offset].encode("utf-8"))

    def replace(self, span: Span, text: str) -> Edit:
        encoded = text.replace("\n", self.newline).encode("utf-8")
        return Edit(self.to_raw(span[0]), self.to_raw(span[1]), encoded)

    def insert(self, offset: int, text: str) -> Edit:
        return self.replace((offset, offset), text)


def pyyaml() -> Any:
    """PyYAML, which only those need who have such files."""
    try:
        import yaml
    except ImportError as error:
        raise StitchError(
            "no-yaml",
            "a YAML file is to be read, and this Python has no PyYAML",
            hint="pip install 'stitchgen[yaml]'",
        ) from error
    return yaml


def is_yaml(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def walk(node: Node) -> Iterator[Node]:
    """A value and all within it."""
    yield node
    for item in node.items:
        yield from walk(item)
    for key, value in node.pairs:
        yield from walk(key)
        yield from walk(value)
