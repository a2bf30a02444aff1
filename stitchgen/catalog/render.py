"""Templates to source: blocks of a catalog, the fragments that splicing inserts, the files of a new project.

The sole importer of jinja2.

Templates may come from strangers, so they are written in a small part of Jinja that always ends:
text, `{{ }}`, `{% if %}`, `{% set %}`, and `{% for %}` over a written-out list or a small `range`.
What a template sees: `dims`, `cls` (the class name), `suffix` ("" or "3d", for helper classes),
`axes` (the spatial axes, "(2, 3)"), `axes_last` (the same where channels are last, "(1, 2)"),
`shape` ("N, C, H, W"), `shape_last` ("N, H, W, C"), `size` ("H, W"), `extent` (an example of it) `ints` ("int, int")
and `index`, which adds the spatial axes to (N, C): "..., None, None".
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.errors import InternalError, StitchError

MAX_OUTPUT = 1024 * 1024

# What templates raise when rendered or compiled: `1 // 0`, a null byte, a million brackets.
_FAILURES = (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError)

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const),
    *(nodes.If, nodes.CondExpr, nodes.Assign, nodes.For, nodes.Tuple, nodes.List),
    *(nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or),
    *(nodes.Add, nodes.Sub, nodes.FloorDiv, nodes.Concat, nodes.Getitem),
)


def block_source(block: Block, dims: int | None = None, class_name: str | None = None) -> str:
    """The module of a block for so many spatial dims, as black leaves it."""
    dims = dims or block.usual_dims
    if dims not in block.dims:
        raise StitchError(
            "bad-argument",
            f"`{block.name}` cannot be rendered for {dims} dims",
            hint=f"it has {', '.join(map(str, block.dims))}",
        )
    if class_name is not None and not (class_name.isidentifier() and class_name.isascii()):
        raise StitchError(
            "bad-argument",
            f"{class_name!r} cannot be the name of a class",
            hint=f"--name {block.class_for(dims)}",
        )
    if block.generic:
        dims = block.usual_dims  # one file serves all, so its example must not differ either
    values = {"cls": class_name or block.class_for(dims), **_names(block, dims)}
    text = folders.body(block)
    try:
        tree = _environment().parse(text)
        _check(tree)
        rendered = _environment().from_string(tree).render(values)
        compile(rendered, str(block.template), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _broken(
            block, None, f"it renders to faulty Python, line {error.lineno}: {error.msg}"
        ) from None
    except (TemplateError, *_FAILURES) as error:
        raise _broken(block, getattr(error, "lineno", None), str(error)) from None
    if len(rendered) > MAX_OUTPUT:
        raise _broken(block, None, "it renders to more than a megabyte")
    if class_name is not None and _taken(class_name, rendered):
        raise StitchError(
            "bad-argument",
            f"the source of `{block.name}` uses the name {class_name} for something else",
            hint=f"--name My{block.class_for(dims)}",
        )
    return rendered


def snippet(name: str, part: str, /, **values: Any) -> str:
    """A fragment that splicing inserts: macro `part` of snippets/<name>.py.j2."""
    try:
        return str(getattr(_snippets(name).module, part)(**values))
    except (TemplateError, AttributeError, TypeError, OSError) as error:
        raise InternalError(f"snippet {name}.{part}: {error}") from error


def project_file(name: str, /, **values: Any) -> str:
    """A file of a new project: templates/project/<name>.j2."""
    path = folders.builtin_folder("templates") / "project" / f"{name}.j2"
    try:
        return str(_environment().from_string(path.read_text("utf-8")).render(values))
    except (TemplateError, TypeError, OSError) as error:
        raise InternalError(f"project template {name}: {error}") from error


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


@cache
def _snippets(name: str) -> Template:
    path = folders.builtin_folder("snippets") / f"{name}.py.j2"
    return _environment().from_string(path.read_text(encoding="utf-8"))


def _taken(class_name: str, source: str) -> bool:
    """Whether the module binds the name twice, or it is a builtin that the module may use."""
    bound = [
        getattr(alias, "asname", None) or getattr(alias, "name", "")
        for node in ast.parse(source).body
        for alias in getattr(node, "names", [node])
    ]
    return bound.count(class_name) > 1 or hasattr(builtins, class_name)


def _names(block: Block, dims: int) -> Mapping[str, Any]:
    size = {1: "L", 2: "H, W", 3: "D, H, W"}[dims]
    first, last = tuple(range(2, dims + 2)), tuple(range(1, dims + 1))
    return {
        "dims": dims,
        "suffix": "" if block.generic or dims == block.usual_dims else f"{dims}d",
        "axes": str(first if dims > 1 else first[0]),
        "axes_last": str(last if dims > 1 else last[0]),
        "shape": f"N, C, {size}",
        "shape_last": f"N, {size}, C",
        "size": size,
        "index": ", ".join(["..."] + ["None"] * dims),
        "ints": ", ".join(["int"] * dims),
        "extent": {1: "64", 2: "32, 32", 3: "8, 32, 32"}[dims],
        "half_extent": {1: "32", 2: "16, 16", 3: "4, 16, 16"}[dims],
        "linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[dims],
    }


def _check(tree: nodes.Template) -> None:
    """Refuse every construct that could call, reach, repeat or include anything."""
    todo: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while todo:
        node, loops = todo.pop()
        if isinstance(node, nodes.For):
            loops += 1
            _check_loop(node, loops)
            todo += [(child, loops) for child in (node.target, *node.body, *node.else_)]
            continue
        if not isinstance(node, _ALLOWED):
            what = type(node).__name__.lower()
            raise TemplateSyntaxError(f"`{what}` is not allowed in a block template", node.lineno)
        todo += [(child, loops) for child in node.iter_child_nodes()]


def _check_loop(node: nodes.For, depth: int) -> None:
    match node.iter:
        case nodes.List(items=items) | nodes.Tuple(items=items):
            fine = all(isinstance(item, nodes.Const) for item in items)
        case nodes.Call(node=nodes.Name(name="range"), args=args, kwargs=[]):
            fine = all(
                (isinstance(arg, nodes.Const) and isinstance(arg.value, int) and arg.value <= 64)
                or (isinstance(arg, nodes.Name) and arg.name == "dims")
                for arg in args
            )
        case _:
            fine = False
    if not fine or depth > 2 or node.recursive or node.test:
        message = "a loop goes over a written-out list or a `range` to 64, two deep at most"
        raise TemplateSyntaxError(message, node.lineno)


def _broken(block: Block, line: int | None, message: str) -> StitchError:
    return StitchError(
        "catalog-broken",
        f"the template of `{block.name}` does not render: {message}",
        where=f"{block.template}:{line}" if line else str(block.template),
        hint="correct the template; the dialect is described in CONTRIBUTING.md",
    )
