"""The rows of a YOLO model's YAML, and the graph that they make.

Ultralytics' `parse_model`, and that of yolov5, yolov7 and yolov9, builds one layer of each row
`[from, repeats, module, args]` of `backbone` and `head` together; `from` says which earlier rows it reads,
by their number or counted back from its own. What is refused here would fail there, or be read otherwise
than it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.source.yaml_document import Node, YamlDocument

SECTIONS = ("backbone", "head")
#: What the first row reads.
IMAGE = -1
#: A row's own number in the comment behind it: `# 12`, `# 0-P1/2`, `# X3 (21), fpn_blocks.1`.
OWN_NUMBER = re.compile(r"#[ \t]*(?:[A-Za-z]\w*[ \t]+\()?(\d+)(?![\w./])")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


#: Module, repeats, arguments, and whether `from` is a list.
Says = tuple[str, int, str, bool]


@dataclass(frozen=True)
class Source:
    """One value of a row's `from`, as it is written, and the row that it means."""

    written: int
    row: int  # IMAGE for the image
    node: Node


@dataclass(frozen=True)
class Row:
    """One layer: `[from, repeats, module, args]`."""

    index: int
    section: str
    node: Node
    line: int
    sources: tuple[Source, ...]
    listed: bool  # whether `from` is a list, which the module gets as one
    repeats: int
    module: str
    args: tuple[Any, ...]
    number: tuple[int, int] | None  # where the comment behind it gives its own index

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(source.row for source in self.sources)

    @property
    def name(self) -> str:
        """As `named_modules()` prints it."""
        return f"model.{self.index}"

    @property
    def says(self) -> Says:
        """What the row is, without where it stands and what it reads."""
        return says(self.node)


@dataclass(frozen=True)
class Scale:
    """One compound scaling of the model; `name` is empty where the file has none."""

    name: str
    depth: float
    width: float
    max_channels: float


@dataclass(frozen=True)
class ModelYaml:
    """A model's YAML file. Raises StitchError where it is none, or its rows do not fit together."""

    document: YamlDocument
    rows: tuple[Row, ...]
    #: The modules that were put in before: they give as much as they are fed.
    own: frozenset[str] = frozenset()

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """All but the rows: nc, scales, ..."""
        pairs = self.document.root.value.items()
        return {key: value for key, value in pairs if key not in SECTIONS}

    @cached_property
    def scales(self) -> tuple[Scale, ...]:
        """The scales of the file, in its order; where it has none, the one that it is."""
        given = self.settings.get("scales")
        if isinstance(given, dict) and given:
            found = [scale_of(str(name), values) for name, values in given.items()]
            if None not in found:
                return tuple(one for one in found if one is not None)
            node = self.document.get("scales")
            raise StitchError(
                "not-a-model",
                f"{self.document.path}: a scale is [depth, width, max_channels]",
                where=f"{self.document.path}:{self.document.line_of(node.span[0]) if node else 1}",
                hint="As in n: [0.33, 0.25, 1024]",
            )
        numbers = (self.settings.get("depth_multiple", 1.0), self.settings.get("width_multiple", 1))
        return (scale_of("", [*numbers, float("inf")]) or Scale("", 1.0, 1.0, float("inf")),)

    def readers(self, index: int) -> list[Row]:
        return [row for row in self.rows if index in row.reads]

    def where(self, row: Row) -> str:
        return f"{self.document.path}:{row.line}"


def scale_of(name: str, values: Any) -> Scale | None:
    numbers = values if isinstance(values, list) else []
    if len(numbers) != 3 or not all(isinstance(one, (int, float)) for one in numbers):
        return None
    return Scale(name, float(numbers[0]), float(numbers[1]), float(numbers[2]))


# -- reading ---------------------------------------------------------------------------------------


def read_model(raw: bytes, path: str) -> ModelYaml:
    """The rows of a model's YAML."""
    document = YamlDocument(raw, path)
    if document.root.kind != "mapping" or not all(document.get(key) for key in SECTIONS):
        raise no_model(document)
    rows: list[Row] = []
    for section in SECTIONS:
        listed = document.get(section)
        assert listed is not None
        check_plain(document, listed)
        if listed.kind != "sequence" or (section == "backbone" and not listed.items):
            raise StitchError(
                "not-a-model",
                f"{path}: {section} is no list of rows",
                where=f"{path}:{document.line_of(listed.span[0])}",
                hint="A row is [from, repeats, module, args], as in [-1, 1, Conv, [64, 3, 2]]",
            )
        for node in listed.items:
            rows.append(read_row(document, section, node, len(rows)))
    return ModelYaml(document, tuple(rows))


def no_model(document: YamlDocument) -> StitchError:
    """That a YAML file is not a model's, and what it is as far as that can be seen."""
    keys = set(document.root.value) if document.root.kind == "mapping" else set()
    hint = "Give the YAML with the rows of the model, as in yolov8.yaml."
    if {"names", "train"} <= keys:
        hint = "It describes a dataset. " + hint
    elif "MODEL" in keys or "_BASE_" in keys:
        hint = (
            "Detectron2 builds from it by names in its registries: write the block into a module that "
            "registers itself (stitchgen new-module), and name it in the configuration."
        )
    return StitchError(
        "not-a-model",
        f"{document.path} is no model of Ultralytics' kind: it has no "
        + " and no ".join(key for key in SECTIONS if key not in keys),
        where=f"{document.path}:1",
        hint=hint,
    )


def check_plain(document: YamlDocument, node: Node) -> None:
    """Refuse anchors, aliases and tags among the rows: an edit at one place would count at another."""
    for offset, text in document.marked:
        if node.span[0] <= offset < node.span[1]:
            raise StitchError(
                "unsupported",
                f"{document.path} has {text} among its rows, which a row that moves may change",
                where=f"{document.path}:{document.line_of(offset)}",
                hint="Write the rows out, without anchors, aliases and tags.",
            )


def read_row(document: YamlDocument, section: str, node: Node, index: int) -> Row:
    line = document.line_of(node.span[0])

    def refusal(message: str, code: str = "not-a-model", hint: str | None = None) -> StitchError:
        return StitchError(
            code,
            f"{document.path}: row {index} {message}",
            where=f"{document.path}:{line}",
            hint=hint or "A row is [from, repeats, module, args], as in [-1, 1, Conv, [64, 3, 2]]",
        )

    if node.kind != "sequence" or len(node.items) != 4:
        parts = (
            f"has {len(node.items)} parts, not four" if node.kind == "sequence" else "is no list"
        )
        raise refusal(parts)
    reads, repeats, module, args = node.items
    listed = reads.kind == "sequence"
    sources = [read_source(one, index) for one in (reads.items if listed else (reads,))]
    if not sources or None in sources:
        raise refusal(f"reads {document.code(reads.span)}, which is no row's number")
    if not is_whole(repeats.value) or repeats.value < 1:
        raise refusal(f"is repeated {document.code(repeats.span)} times")
    if not isinstance(module.value, str) or not MODULE.fullmatch(module.value):
        raise refusal(f"has {document.code(module.span)} for a module")
    if args.kind != "sequence":
        raise refusal(f"has {document.code(args.span)} for its arguments, which is no list")
    found = tuple(source for source in sources if source is not None)
    for source in found:
        if source.row >= index or source.row < IMAGE or (source.row == IMAGE and index):
            before = f"0 to {index - 1}" if index else "the image, -1,"
            raise refusal(
                f"reads {source.written}, and only {before} come before it",
                "does-not-build",
                "Correct its from: a row's number, or how many rows back, as -1.",
            )
    return Row(
        index,
        section,
        node,
        line,
        found,
        listed,
        repeats.value,
        module.value,
        tuple(args.value),
        own_number(document, node, index),
    )


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def read_source(node: Node, index: int) -> Source | None:
    if not is_whole(node.value):
        return None
    written = node.value
    if written >= 0:
        return Source(written, written, node)
    row = index + written
    # Counted back beyond the first row; -1 of the first is the image.
    return Source(written, row if row >= 0 or (written, index) == (-1, 0) else -2, node)


def own_number(document: YamlDocument, node: Node, index: int) -> tuple[int, int] | None:
    """Where the comment behind a row gives the row's index; None where it gives none, or another."""
    end = document.line_end(node.span[1])
    rest = document.text[node.span[1] : end]
    comment = re.match(r"[ \t]*,?[ \t\]]*(?=#)", rest)
    match = OWN_NUMBER.match(rest, comment.end()) if comment else None
    if match is None or int(match.group(1)) != index:
        return None
    return node.span[1] + match.start(1), node.span[1] + match.end(1)


def says(row: Node) -> Says:
    """What a row's node is, wherever it stands and whatever it reads."""
    reads, repeats, module, args = row.items
    return module.value, repeats.value, repr(args.value), reads.kind == "sequence"


def graph_of(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """What the rows mean: each with what it is and the rows that it reads."""
    return [(row.says, row.reads) for row in rows]
