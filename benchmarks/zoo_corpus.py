"""The models of the zoo, and how the file of one becomes a user's project.

A user copies a model's file out of its package: relative imports become absolute, what ties the
file to the package's registry is taken off, and the files that it needs may come along. Standard
library only; the models themselves are built by the judge.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path

#: Decorators that register a factory with torchvision, or translate its old arguments.
_REGISTRY = {"register_model", "handle_legacy_interface"}


@dataclass(frozen=True)
class Entry:
    """One model: where its file is, how it is built and what it is fed."""

    name: str
    source: str  # dotted name of the module that defines it
    builds: tuple[str, ...]  # passed to the tool, judged
    input: str = "1x3x64x64"
    others: tuple[str, ...] = ()  # further configurations, judged only
    feed: str | None = None  # an expression for the judge, where shapes do not say it
    tool_input: str | None = None  # what the tool gets where it differs from `input`
    group: str = "torchvision"
    vendor: tuple[str, ...] = ()  # modules copied along; "*": all that it imports of its package
    block: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)  # of configurations that need another


def _module_file(dotted: str) -> Path:
    spec = importlib.util.find_spec(dotted)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(dotted)
    return Path(spec.origin)


def _resolve(importer: str, level: int, module: str | None) -> str:
    """The absolute name of a relative import that stands in the module `importer`."""
    base = importer.split(".")[:-level]
    return ".".join(base + ([module] if module else []))


def _relative_imports(source: str) -> list[ast.ImportFrom]:
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) and n.level]


class Project:
    """The files of one entry: `model.py`, and what is copied along with it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.package = ".".join(entry.source.split(".")[:2])  # torchvision.models, pytorchcv.models
        self.local = {entry.source: "model"}
        for dotted in self._closure() if entry.vendor == ("*",) else entry.vendor:
            self.local.setdefault(dotted, dotted.removeprefix(self.package + "."))

    def _closure(self) -> list[str]:
        found, queue = [], [self.entry.source]
        while queue:
            dotted = queue.pop()
            for node in _relative_imports(_module_file(dotted).read_text()):
                name = _resolve(dotted, node.level, node.module)
                names = [name] if node.module else [f"{name}.{a.name}" for a in node.names]
                for name in names:
                    if name.startswith(self.package + ".") and name not in found:
                        if name != self.entry.source:
                            found.append(name)
                            queue.append(name)
        return found

    def write(self, folder: Path) -> None:
        for dotted, local in self.local.items():
            path = folder / (local.replace(".", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            for parent in path.relative_to(folder).parents[:-1]:
                (folder / parent / "__init__.py").touch()
            path.write_text(self.text(dotted))
        # The folder is a project of its own wherever it lies.
        (folder / "pyproject.toml").write_text('[project]\nname = "specimen"\nversion = "0"\n')

    def text(self, dotted: str) -> str:
        """The source of a module, as its new owner would have it."""
        source = _module_file(dotted).read_text()
        lines = source.split("\n")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level:
                name = self.local.get(whole := _resolve(dotted, node.level, node.module), whole)
                at = node.lineno - 1
                lines[at] = re.sub(r"from\s+\.[.\w]*", f"from {name}", lines[at], count=1)
            elif isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if ast.unparse(mark).split("(")[0] in _REGISTRY:
                        for number in range(mark.lineno - 1, mark.end_lineno or mark.lineno):
                            lines[number] = None  # type: ignore[call-overload]
        return "\n".join(line for line in lines if line is not None)


def _tv(name: str, *builds: str, source: str | None = None, **rest) -> Entry:
    return Entry(name, f"torchvision.models.{source or name}", builds, **rest)


#: The ten models of the first milestone.
FIRST = (
    _tv("resnet", "resnet18()", "resnet50()", others=("wide_resnet50_2()",)),
    _tv("vgg", "vgg11_bn()"),
    _tv("densenet", "densenet121()", others=("densenet169()",)),
    _tv("mobilenetv3", "mobilenet_v3_small()", "mobilenet_v3_large()"),
    _tv("efficientnet", "efficientnet_b0()", others=("efficientnet_b1()",)),
    _tv("googlenet", "googlenet(init_weights=False)", input="1x3x96x96"),
    _tv("shufflenetv2", "shufflenet_v2_x0_5()", "shufflenet_v2_x1_0()"),
    _tv("mnasnet", "mnasnet0_5()", "mnasnet1_0()"),
    _tv("convnext", "convnext_tiny()"),
    _tv(
        "deeplabv3",
        "deeplabv3_resnet50(weights_backbone=None, aux_loss=True)",
        source="segmentation.deeplabv3",
    ),
)

CORPUS = FIRST
