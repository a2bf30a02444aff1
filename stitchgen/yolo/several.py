"""A branch for parse_model: blocks that read several rows.

parse_model ends in `else: c2 = ch[f]`, which fails where `f` is a list. The branch stands before it, so that no
model which was built before is built otherwise.
"""

from __future__ import annotations

import ast
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project.workspace import Workspace

FUNCTION, LAST = "parse_model", "c2 = ch[f]"
BRANCH = """\
elif isinstance(f, list):  # a block that reads several rows: it gives the width of the first
    args, c2 = [[ch[x] for x in f], *args], ch[f[0]]
"""

#: For `register.py`, where the file with parse_model is a package's.
REGISTERED = '''

def read_several() -> None:
    """Give parse_model a branch for blocks that read several rows: they give the width of the first."""
    anchor = "        else:\\n            c2 = ch[f]\\n"
    branch = (
        "        elif isinstance(f, list):\\n"
        "            args, c2 = [[ch[x] for x in f], *args], ch[f[0]]\\n"
    )
    source = inspect.getsource(tasks.parse_model)
    if source.count(anchor) != 1:
        raise ImportError("this version of Ultralytics has another parse_model")
    lines = "\\n" * (tasks.parse_model.__code__.co_firstlineno - 1)  # for tracebacks
    code = compile(lines + source.replace(anchor, branch + anchor), tasks.__file__, "exec")
    exec(code, vars(tasks))


read_several()
'''


def in_builder(workspace: Workspace, builder: Path) -> None:
    """Plan the branch in the project's own file with parse_model, unless it is there."""
    syntax = workspace.syntax(builder)
    for node in ast.walk(syntax.tree):
        if not isinstance(node, ast.FunctionDef) or node.name != FUNCTION:
            continue
        for test in ast.walk(node):
            if isinstance(test, ast.If) and ast.unparse(test.test) == "isinstance(f, list)":
                return
        for test in ast.walk(node):
            if isinstance(test, ast.If) and [ast.unparse(one) for one in test.orelse] == [LAST]:
                document, number = syntax.document, test.orelse[0].lineno
                line = ""
                while not line.lstrip().startswith("else"):
                    number -= 1
                    start = document.line_starts[number - 1]
                    line = document.text_of_line(start)
                indent = line[: len(line) - len(line.lstrip())]
                text = "".join(indent + line for line in BRANCH.splitlines(keepends=True))
                workspace.edit(builder, document.insert(start, text))
                return
    raise StitchError(
        "unsupported",
        f"{workspace.relative(builder)} has a {FUNCTION} that does not end in `else: {LAST}`, where a "
        "branch for rows of several inputs would go",
        where=workspace.relative(builder),
        hint="Use a block of one input, or --fuse concat.",
    )
