"""Where a class converts or moves its parts one by one, which a block beside them is then not.

    def convert_to_fp16(self):
        self.middle.half()
        self.out.apply(to_half)

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.model_functions import Names, defined, looped_over, part_of_owner
from stitchgen.project.ways_in import ImportGraph
from stitchgen.source.tree import nodes_in

#: What changes the type of a module's parameters, or where they are.
CONVERTS = {"half", "bfloat16", "float", "double", "to", "cuda", "cpu"}
#: What new parameters have already.
AS_IT_IS = {"'cpu'", "torch.device('cpu')", "torch.float32", "torch.float"}


@dataclass(frozen=True)
class Conversion:
    line: int
    method: str
    part: str  # the path from the class
    call: str  # `half()`, `apply(to_half)`

    def leaves_out(self, layer: str, block: str) -> bool:
        """Whether the part has the layer, and not the block: both as paths from the class."""
        return is_in(layer, self.part) and not is_in(block, self.part)


def is_in(path: str, part: str) -> bool:
    return path == part or path.startswith(f"{part}.")


def conversions(owner: ast.ClassDef, file: Path, project: ImportGraph) -> Iterator[Conversion]:
    """Those of a class, which a file of the project defines."""
    for method in owner.body:
        if isinstance(method, ast.FunctionDef):
            yield from dict.fromkeys(conversions_in(method, owner, file, project))


def conversions_in(
    method: ast.FunctionDef, owner: ast.ClassDef, file: Path, project: ImportGraph
) -> Iterator[Conversion]:
    looped = looped_over(method)
    for node in nodes_in(method):
        match node:
            case ast.Assign(targets=[part], value=ast.Call(func=ast.Attribute()) as call):
                if converts(call, file, project):  # `self.body = Body().to(device)`
                    yield from conversion(part, call, method, owner)
            case ast.Call(func=ast.Attribute(value=receiver)):
                if converts(node, file, project):
                    for part in looped.get(id(node)) or [receiver]:
                        yield from conversion(part, node, method, owner)


def conversion(
    part: ast.expr, call: ast.Call, method: ast.FunctionDef, owner: ast.ClassDef
) -> Iterator[Conversion]:
    found = part_of_owner(part, owner.name)
    if found is not None and found[1] and isinstance(call.func, ast.Attribute):
        arguments = [*call.args, *call.keywords]
        text = f"{call.func.attr}({', '.join(map(ast.unparse, arguments))})"
        yield Conversion(call.lineno, f"{owner.name}.{method.name}", found[1], text)


def converts(call: ast.Call, file: Path, project: ImportGraph) -> bool:
    """Whether a method of a module is called that converts it, or applies a function that does."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "apply":
        given = {ast.unparse(one) for one in (*call.args, *(k.value for k in call.keywords))}
        return call.func.attr in CONVERTS and not (given and given <= AS_IT_IS)
    tree = project.tree(file)
    if tree is None or len(call.args) != 1:
        return False
    found = defined(project, file, Names.of(tree), ast.unparse(call.args[0]))
    return found is not None and any(
        isinstance(node, ast.Attribute) and node.attr in CONVERTS for node in nodes_in(found[1])
    )
