"""Scripts that build a YOLO: `train.py::model.9` means a row of the YAML that the script names.

The script is read and not run: calling `train` on such an object starts the training.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project.config import Project
from stitchgen.project.modules import as_named
from stitchgen.project.transaction import read_bytes
from stitchgen.project.workspace import Workspace
from stitchgen.source.yaml_document import is_yaml
from stitchgen.yolo.files import BUILDING, imports_ultralytics


@dataclass(frozen=True)
class ScriptYaml:
    """The YAML that a script's variable is built from."""

    script: Path
    variable: str
    name: str  # as the script has it: `yolov8n.yaml`
    line: int

    def target(self, rest: str) -> str:
        """What follows the variable, as a target in the YAML."""
        return f"{self.name}::{rest}" if rest else self.name


def yaml_of_script(project: Project, text: str) -> tuple[ScriptYaml, str] | None:
    """The YAML of a target `train.py::model.9`, and what follows the variable; None for any other target."""
    file, separator, path = text.strip().partition("::")
    if not separator or not file.endswith(".py"):
        return None
    for folder in project.search_folders:
        if (folder / file).is_file():
            script = as_named(folder / file)
            break
    else:
        return None
    raw = read_bytes(script)
    try:
        tree = ast.parse(raw) if b"ultralytics" in raw else None
    except (SyntaxError, ValueError):
        return None  # which is said by who reads it
    if tree is None or not any(imports_ultralytics(node) for node in ast.walk(tree)):
        return None
    variable, _, rest = path.partition(".")
    calls = [
        (node, call)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == variable for one in node.targets)
        for call in [building(node.value)]
        if call is not None
    ]
    if not calls:
        return None
    node, call = calls[-1]
    name = named(call)
    if name is None or not is_yaml(name):
        raise no_yaml(file, variable, node.lineno, name)
    return ScriptYaml(script, variable, name, node.lineno), rest


def building(node: ast.expr) -> ast.Call | None:
    """`YOLO("yolov8n.yaml")` in an expression, also where `.load(...)` follows."""
    while isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        if name in BUILDING:
            return node
        if not isinstance(function, ast.Attribute):
            return None
        node = function.value
    return None


def named(call: ast.Call) -> str | None:
    """The file that the call names, where it is written out."""
    arguments = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "model")]
    values = [one.value for one in arguments if isinstance(one, ast.Constant)]
    return values[0] if values and isinstance(values[0], str) else None


def no_yaml(file: str, variable: str, line: int, name: str | None) -> StitchError:
    if name is None:
        hint = "Name the YAML itself, as in yolov8.yaml::model.9."
        message = f"{variable} is built of a file that {file} does not write out"
    else:
        stem = name.rpartition(".")[0] or name
        message = f"{variable} is read from the checkpoint {name}, which holds its rows already"
        hint = f"Build it from its YAML, YOLO('{stem}.yaml').load('{name}'), and name that."
    return StitchError("not-python", message, where=f"{file}:{line}", hint=hint)


def rename_yaml(workspace: Workspace, script: ScriptYaml, new: str) -> None:
    """Plan that the script names another file where it builds the variable."""
    syntax = workspace.syntax(script.script)
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.Assign) and node.lineno == script.line:
            call = building(node.value)
            for one in ast.walk(call) if call is not None else ():
                if isinstance(one, ast.Constant) and one.value == script.name:
                    span = syntax.document.span_of(one)
                    text = syntax.document.code(span).replace(script.name, new)
                    workspace.edit(script.script, syntax.document.replace(span, text))
                    return


def rename_weights(workspace: Workspace, script: ScriptYaml, old: str, new: str) -> None:
    """Plan that the script loads another checkpoint where it builds the variable, if it loads that one."""
    syntax = workspace.syntax(script.script)
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.Assign) and node.lineno == script.line:
            for one in ast.walk(node.value):
                if isinstance(one, ast.Constant) and one.value == old:
                    span = syntax.document.span_of(one)
                    text = syntax.document.code(span).replace(old, new)
                    workspace.edit(script.script, syntax.document.replace(span, text))
