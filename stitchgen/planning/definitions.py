"""Where a block is defined: the statement of a constructor behind which its layer is there.

Also the condition under which it is there at all, the empty slots of classes with many instances,
and the statement by which a model initialises all its modules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stitchgen.analysis.steps import Site, Step, access, free_name
from stitchgen.analysis.survey import Configuration, Spot, Survey, first_place, in_project, join
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning.point import Place
from stitchgen.project.workspace import Workbench
from stitchgen.rewrite.constructor import Anchor, definition_anchor
from stitchgen.source.syntax import Function, Syntax


def free_attribute(
    bench: Workbench,
    spots: Sequence[Spot],
    owner: str,
    sites: Sequence[Site],
    wish: str,
    also: Iterable[str] = (),
) -> str:
    """The attribute's name, numbered where the class or the module has one of that name."""
    taken = set(also)
    for spot in spots:
        taken |= set(spot.configuration.children(join(spot.root, owner)))
    for site in sites:
        taken |= bench.syntax(site.file).attributes_of(class_of(bench, site))
    return free_name(wish, taken)


def class_around(bench: Workbench, site: Site) -> str | None:
    """The class in whose source the call stands; None where a function makes it."""
    syntax = bench.syntax(site.file)
    call = syntax.call_at(site.span)
    return syntax.enclosing_class(call) if call is not None else None


def class_of(bench: Workbench, site: Site) -> str:
    """The class in whose source the call stands (a base of the owner's class, perhaps)."""
    found = class_around(bench, site)
    if found is None:
        document = bench.syntax(site.file).document
        where = f"{document.path}:{document.line_of(site.span[0])}"
        raise StitchError(
            "unsupported",
            f"the call at {where} stands in no class, so nothing there has the block",
            where=where,
            hint="Call the layer in a method of the module that has it.",
        )
    return found


def callers(
    bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str, sites: Sequence[Site]
) -> list[tuple[str, str]]:
    """`(class, file)` of the modules that the calls run for: where they stand, or, where an object
    that is no module calls a module's layers (`attn.to_q(x)`), that module's."""
    found: dict[tuple[str, str], None] = {}
    for site in sites:
        here = class_of(bench, site), site.file
        for spot in spots:
            key = spot.configuration.class_at(join(spot.root, owner))
            about = survey.classes[key]
            if survey.is_kind(key, *here) or not in_project(about["file"], bench.root):
                found[here] = None
            else:
                found[about["name"], about["file"]] = None
    return list(found)


def calling_classes(bench: Workbench, place: Place) -> set[str]:
    return {name for site in place.sites if (name := class_around(bench, site)) is not None}


def settle_definition(bench: Workbench, survey: Survey, place: Place) -> None:
    """Find where the block (and its slots) are defined, and the condition if not all have the layer."""
    path = place.resolved.path
    place.lacking, place.guard, place.slots = (), None, []
    if place.from_class:
        place.anchor = anchor_in(bench, survey, place, "")
    if place.slot:
        for class_name, file in callers(bench, survey, place.spots, place.owner, place.sites):
            place.slots.append((class_name, slot_anchor(bench, place, class_name, file)))
    if not place.from_class:
        place.anchor = anchor_in(bench, survey, place, place.owner)
    place.creating = place.anchor.span
    class_name = place.anchor.function.rpartition(".")[0]
    steps = (*place.owner_steps, *place.below) if place.from_class else place.below
    below = path if place.from_class else path[len(place.owner) :].lstrip(".")
    missing = []
    for configuration in survey.configurations:
        for root in survey.roots(configuration, class_name, place.anchor.file):
            if join(root, below) not in configuration.layers:
                missing.append((configuration, root))
    conditions = [presence(bench, survey, place.anchor, steps, missing)] if missing else []
    idle = {(id(spot.configuration), place.definition_root(spot)) for spot in place.idle}
    if any(
        (id(configuration), root) in idle
        for configuration in survey.configurations
        for root in survey.roots(configuration, class_name, place.anchor.file)
    ):
        owner = access("self", place.owner_steps) if place.from_class else "self"
        conditions.append(makes_call(bench, survey, place, owner))
    place.guard = " and ".join(conditions) or None
    if not missing:
        return
    place.lacking = missing
    # Where the layer is missing, a Sequential may end earlier, so no step is the last for all.
    place.sites = [
        replace(site, chain=tuple(replace(step, last=False) for step in site.chain))
        for site in place.sites
    ]


def makes_call(bench: Workbench, survey: Survey, place: Place, owner: str) -> str:
    """The condition, in `__init__`, under which the layer's owner is of a class that makes the call:
    `isinstance(self.layer1[0], Bottleneck)`."""
    names = []
    for name, file in callers(bench, survey, place.spots, place.owner, place.sites):
        if file != place.anchor.file or bench.syntax(file).class_named(name) is None:
            raise StitchError(
                "configuration-dependent",
                f"{place.target}: only {name} makes call {place.call}, a class that "
                f"{bench.relative(place.anchor.file)} does not define",
                where=first_place(place.idle[0].layer),
                hint="Name the configuration that you use: --build EXPR",
                suggestions=[f"--build '{place.spots[0].configuration.expression}'"],
            )
        names.append(name)
    return f"isinstance({owner}, {names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'})"


def presence(
    bench: Workbench,
    survey: Survey,
    anchor: Anchor,
    steps: tuple[Step, ...],
    missing: Sequence[tuple[Configuration, str]],
) -> str:
    """The condition, in `__init__`, under which the layer is there: `len(self.features) > 20`."""
    conditions: dict[int, str] = {}
    for configuration, root in missing:
        here = root
        for depth, step in enumerate(steps):
            below = join(here, step.name)
            if below in configuration.layers:
                here = below
                continue
            parent = access("self", steps[:depth])
            # Another configuration may have a plain layer in the container's place.
            container = survey.kind(configuration.class_at(here)) == step.parent
            by_name = f'getattr({parent}, "{step.name}", None) is not None'
            if not container or conditions.get(depth) == by_name:
                conditions[depth] = by_name
            elif step.access.startswith("[") and step.parent != "dict":
                conditions[depth] = f"len({parent}) > {step.index}"
            elif step.parent == "dict":
                conditions[depth] = f'"{step.name}" in {parent}'
            elif depth == 0 and assigned_always(bench, anchor, step.name):
                conditions[depth] = f"{access(parent, (step,))} is not None"
            else:
                conditions[depth] = by_name
            break
    return " and ".join(conditions[depth] for depth in sorted(conditions))


def assigned_always(bench: Workbench, anchor: Anchor, name: str) -> bool:
    """Whether `self.name = ...` is a statement of the constructor's own body."""
    syntax = bench.syntax(anchor.file)
    class_name, _, method = anchor.function.rpartition(".")
    function = syntax.method(class_name, method)
    return function is not None and any(
        isinstance(target, ast.Attribute) and target.attr == name
        for statement in function.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def initialising_loop(
    bench: Workbench, anchor: Anchor, parameters: bool = False
) -> ast.stmt | None:
    """The statement below the anchor that initialises all modules: a loop, or `self.apply(...)`.

    With `parameters`, a loop over these counts as well.
    """
    names = {"modules", "named_modules"}
    names |= {"parameters", "named_parameters"} if parameters else set()
    syntax = bench.syntax(anchor.file)
    class_name, _, method = anchor.function.rpartition(".")
    function = syntax.method(class_name, method)
    found: ast.stmt | None = None
    for statement in function.body if function is not None else ():
        if statement.lineno <= anchor.line:
            continue
        match statement:
            case ast.For(iter=ast.Call(func=ast.Attribute(attr=name))) if name in names:
                found = statement
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name("self"), attr="apply"))):
                found = statement
    return found


def define_after(bench: Workbench, place: Place, statement: ast.stmt) -> None:
    """Move the block's definition behind a statement of the same constructor."""
    syntax = bench.syntax(place.anchor.file)
    place.anchor = replace(
        place.anchor,
        span=syntax.document.span_of(statement),
        line=statement.end_lineno or statement.lineno,
    )


def anchor_in(bench: Workbench, survey: Survey, place: Place, start: str) -> Anchor:
    """The statement, in `__init__` of the module at `start` below each root, that creates the layer."""
    name, spots = place.target, place.spots
    lines: dict[tuple[str, int], set[int]] = {}
    for spot in spots:
        here = init_lines(bench, spot, join(spot.root, start), calling_classes(bench, place))
        for key, found in here.items():
            lines.setdefault(key, set()).update(found)
    if not lines:
        anchor = new_constructor(bench, place) or end_of_constructor(bench, place)
        if anchor is not None:
            return anchor
        raise StitchError(
            "unsupported",
            f"{name} is not created by the `__init__` of the module that calls it",
            where=first_place(spots[0].layer),
            hint="Create the layer in `__init__`, or pass a target in the class that creates it.",
        )
    if len(lines) > 1:
        places = ", ".join(sorted(f"{bench.relative(file)}:{first}" for file, first in lines))
        raise StitchError(
            "configuration-dependent",
            f"{name} is created by different constructors: {places}",
            hint="Name the configuration that you use: --build EXPR",
        )
    (file, first_line), numbers = lines.popitem()
    syntax = bench.syntax(file)
    function = function_at(syntax, first_line)
    if function is None:
        raise StitchError("unsupported", f"{name} is created outside of a function", where=file)
    statement = definition_anchor(syntax, function, numbers)
    return anchor_of(syntax, file, function, statement)


def new_constructor(bench: Workbench, place: Place) -> Anchor | None:
    """Where the class that gets the block inherits its `__init__`: one of its own may be written."""
    return constructor_yet_to_be(bench, *definer(bench, place))


def end_of_constructor(bench: Workbench, place: Place) -> Anchor | None:
    """Where a layer comes later than the `__init__`, by a factory that renames it: a block that is
    called beside it may be there already."""
    file, class_name = definer(bench, place)
    syntax = bench.syntax(file)
    function = syntax.method(class_name, "__init__")
    if function is None or place.under or not place.sites:
        return None
    body = [one for one in function.body if not isinstance(one, ast.Return)]
    return anchor_of(syntax, file, function, body[-1]) if body else None


def definer(bench: Workbench, place: Place) -> tuple[str, str]:
    """File and name of the class whose `__init__` is to define the block."""
    if place.from_class or not place.sites:
        return str(place.resolved.file), place.resolved.class_name
    return place.sites[0].file, class_of(bench, place.sites[0])


def constructor_yet_to_be(bench: Workbench, file: str, class_name: str) -> Anchor | None:
    """Where the class, if it inherits its `__init__`, gets one of its own."""
    syntax = bench.syntax(file)
    node = syntax.class_named(class_name)
    if node is None or syntax.method(class_name, "__init__") is not None:
        return None
    first = node.body[0]
    return Anchor(
        file=file,
        span=syntax.document.span_of(first),
        function=f"{class_name}.__init__",
        line=first.lineno,
        new=True,
    )


def anchor_of(syntax: Syntax, file: str, function: Function, statement: ast.stmt) -> Anchor:
    owner = syntax.enclosing_class(function)
    if owner and syntax.method(owner, function.name) is not function:
        where = f"{syntax.document.path}:{function.lineno}"
        raise unsupported(
            f"{owner}.{function.name} at {where} is not the last definition of that name",
            where,
            "Give the definitions names of their own.",
        )
    return Anchor(
        file=file,
        span=syntax.document.span_of(statement),
        function=f"{owner}.{function.name}" if owner else function.name,
        line=statement.end_lineno or statement.lineno,
    )


def init_lines(
    bench: Workbench, spot: Spot, module: str, preferred: set[str]
) -> dict[tuple[str, int], set[int]]:
    """Lines of the module's own `__init__` under which the links of the path were made.

    `{(file, first line of the function): lines}`. Of several `__init__`s (a class and its base)
    the one of the class that holds the call is taken, else the innermost.
    """
    depth = len(module.split(".")) if module else 0
    links = spot.layer["definition"] or []
    found: dict[tuple[str, int], set[int]] = {}
    for link in links[depth:]:
        frames = [
            frame
            for frame in link or ()
            if frame["self"] == module
            and frame["function"] == "__init__"
            and in_project(frame["file"], bench.root)
        ]
        if not frames:
            continue
        chosen = frames[0]
        for frame in frames:
            syntax = bench.syntax(frame["file"])
            function = function_of(syntax, frame)
            if function is not None and syntax.enclosing_class(function) in preferred:
                chosen = frame
        function = function_of(bench.syntax(chosen["file"]), chosen)
        if function is None:
            continue
        key = (chosen["file"], function.lineno)
        found.setdefault(key, set()).add(chosen["line"])
    if len(found) > 1:
        last = max(found, key=lambda key: key[1])
        return {last: found[last]}
    return found


def function_of(syntax: Syntax, frame: Mapping[str, Any]) -> Function | None:
    """The function of an observed frame, by its first line, or of a read one, by its name."""
    if "constructor" in frame:
        class_name, _, method = frame["constructor"].rpartition(".")
        return syntax.method(class_name, method)
    return function_at(syntax, frame["first_line"])


def function_at(syntax: Syntax, first_line: int) -> Function | None:
    """The function whose code object starts at that line (a decorator's, where it has one)."""
    for node in ast.walk(syntax.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}
            if first_line in lines:
                return node
    return None


def slot_anchor(bench: Workbench, place: Place, class_name: str, file: str) -> Anchor:
    """Where the class of many instances gets its empty slot: after the layer, or at the end."""
    syntax = bench.syntax(file)
    init = syntax.method(class_name, "__init__")
    if init is None:
        anchor = constructor_yet_to_be(bench, file, class_name)
        assert anchor is not None
        return anchor
    lines: set[int] = set()
    for spot in place.spots:
        module = join(spot.root, place.owner)
        found = init_lines(bench, spot, module, {class_name})
        for (other, first), numbers in found.items():
            if other == file and function_at(syntax, first) is init:
                lines |= numbers
    statement = definition_anchor(syntax, init, lines) if lines else init.body[-1]
    return anchor_of(syntax, file, init, statement)
