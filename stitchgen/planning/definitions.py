"""Where a block is defined: the statement of a constructor behind which its layer is there.

Also the condition under which it is there at all, the empty slots of classes with many instances,
and the statement by which a model initialises all its modules.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from stitchgen.analysis.layer_facts import Frame
from stitchgen.analysis.steps import Site, Step, access, free_name
from stitchgen.analysis.survey import Configuration, LayerInstance, Survey, join
from stitchgen.errors import StitchError, unsupported
from stitchgen.history import ledger, revert, traces
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import Calls, Definition, InsertionPoint, Slot
from stitchgen.project.python_files import in_project
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.constructor import DefinitionPoint, definition_statement
from stitchgen.source.syntax import Function, Syntax
from stitchgen.source.tree import nodes_in


def free_attribute(
    planning: Planning,
    instances: Sequence[LayerInstance],
    holder: str,
    sites: Sequence[Site],
    preferred: str,
    also: Iterable[str] = (),
) -> str:
    """The attribute's name, numbered where the class or the module at `holder` has one of that name."""
    taken = set(also)
    for one in instances:
        taken |= set(one.configuration.children(join(one.root, holder)))
    for site in sites:
        syntax = planning.workspace.syntax(site.file)
        taken |= syntax.attributes_of(class_of(planning.workspace, site))
    return free_name(preferred, taken)


def names_of_elements(workspace: Workspace, target: str) -> list[str]:
    """The names of blocks that earlier runs made elements of a Sequential, by the words of this target.

    No attribute has such a name; and the words may mean another layer now, for elements move on.
    """
    book = ledger.load(workspace.root)
    return [
        entry.record.attribute
        for entry in book.entries
        if entry.record.strategy == "inside"
        and entry.record.target == target
        and all(stands(workspace, book, mark) for mark in entry.traces)
    ]


def stands(workspace: Workspace, book: ledger.Ledger, mark: traces.Trace) -> bool:
    """Whether the code of an earlier run is in its file, beneath what later ones put into it."""
    file = workspace.root / mark.path
    if not workspace.exists(file):
        return False
    runs = [run.traces(mark.path) for run in book.runs() if run.traces(mark.path)]
    return mark not in revert.missing(workspace.syntax(file).document, runs)


# Classes that hold the calls ----------------------------------------------------------------------


def class_around(workspace: Workspace, site: Site) -> str | None:
    """The class in whose source the call stands; None where a function makes it."""
    syntax = workspace.syntax(site.file)
    call = syntax.call_at(site.span)
    return syntax.enclosing_class(call) if call is not None else None


def class_of(workspace: Workspace, site: Site) -> str:
    """The class in whose source the call stands (a base of the owner's class, perhaps)."""
    found = class_around(workspace, site)
    if found is None:
        document = workspace.syntax(site.file).document
        where = f"{document.path}:{document.line_of(site.span[0])}"
        raise StitchError(
            "unsupported",
            f"the call at {where} stands in no class, so nothing there has the block",
            where=where,
            hint="Call the layer in a method of the module that has it.",
        )
    return found


def callers(planning: Planning, calls: Calls) -> list[tuple[str, str]]:
    """`(class, file)` of the modules that the calls run for: where they stand, or, where an object
    that is no module calls a module's layers (`attn.to_q(x)`), that module's."""
    survey, workspace = planning.survey, planning.workspace
    found: dict[tuple[str, str], None] = {}
    for site in calls.sites:
        here = class_of(workspace, site), site.file
        for one in calls.instances:
            key = one.configuration.class_at(join(one.root, calls.owner))
            about = survey.classes[key]
            if survey.is_kind(key, *here) or not in_project(about.file, workspace.root):
                found[here] = None
            else:
                found[about.name, about.file] = None
    return list(found)


def calling_classes(planning: Planning, calls: Calls) -> set[str]:
    around = (class_around(planning.workspace, site) for site in calls.sites)
    return {name for name in around if name is not None}


# The definition -----------------------------------------------------------------------------------


def define(planning: Planning, calls: Calls, *, by_class: bool = False) -> Definition:
    """Find where the block (and its slots) are defined, and the condition if not all have the layer.

    `by_class`: in the constructor of the class that was named, whichever base of it creates the layer.
    """
    survey = planning.survey
    start = "" if calls.from_class else calls.owner
    point = definition_point(planning, calls, start, by_class=by_class)
    slots: tuple[Slot, ...] = ()
    if calls.slot:
        slots = tuple(
            Slot(name, slot_point(planning, calls, name, file))
            for name, file in callers(planning, calls)
        )
    missing = [
        (configuration, root)
        for configuration in survey.configurations
        for root in survey.roots(configuration, point.class_name, point.file)
        if join(root, calls.path_to_layer) not in configuration.layers
    ]
    if missing:
        there = presence(planning, point, calls.steps_to_layer, missing)
    else:
        there = long_enough(planning, point, calls.steps_to_layer)
    conditions = [there] if there else []
    may_lack = bool(missing or there)
    inactive = {(id(one.configuration), calls.definition_root(one)) for one in calls.inactive}
    if any(
        (id(configuration), root) in inactive
        for configuration in survey.configurations
        for root in survey.roots(configuration, point.class_name, point.file)
    ):
        owner = access("self", calls.owner_steps) if calls.from_class else "self"
        conditions.append(makes_call(planning, calls, point, owner))
    return Definition(
        point=point,
        creating=point.span,
        guard=" and ".join(conditions) or None,
        slots=slots,
        may_lack=may_lack,
    )


def makes_call(planning: Planning, calls: Calls, point: DefinitionPoint, owner: str) -> str:
    """The condition, in `__init__`, under which the layer's owner is of a class that makes the call:
    `isinstance(self.layer1[0], Bottleneck)`."""
    workspace = planning.workspace
    names = []
    for name, file in callers(planning, calls):
        if file != point.file or workspace.syntax(file).class_named(name) is None:
            raise StitchError(
                "configuration-dependent",
                f"{calls.target}: only {name} makes call {calls.number}, a class that "
                f"{workspace.relative(point.file)} does not define",
                where=calls.inactive[0].facts.where,
                hint="Name the configuration that you use: --build EXPR",
                suggestions=[f"--build '{calls.first.configuration.expression}'"],
            )
        names.append(name)
    return f"isinstance({owner}, {names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'})"


def presence(
    planning: Planning,
    point: DefinitionPoint,
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
            container = planning.survey.kind(configuration.class_at(here)) == step.parent
            by_name = f'getattr({parent}, "{step.name}", None) is not None'
            if not container or conditions.get(depth) == by_name:
                conditions[depth] = by_name
            elif step.access.startswith("[") and step.parent != "dict":
                conditions[depth] = f"len({parent}) > {step.index}"
            elif step.parent == "dict":
                conditions[depth] = f'"{step.name}" in {parent}'
            elif depth == 0 and assigned_always(planning.workspace, point, step.name):
                conditions[depth] = f"{access(parent, (step,))} is not None"
            else:
                conditions[depth] = by_name
            break
    if steps and assigns(planning.workspace, point, steps[0].name):
        conditions.pop(0, None)  # where the definition is reached, the layer is there
    return " and ".join(conditions[depth] for depth in sorted(conditions))


def long_enough(planning: Planning, point: DefinitionPoint, steps: tuple[Step, ...]) -> str:
    """The condition under which a list has the layer, where several arguments were seen to change how long it is: each
    was changed alone, and together they may make it shorter than any that was seen."""
    conditions = []
    for depth, step in enumerate(steps):
        if step.access.startswith("[") and step.parent != "dict" and step.index > 0:
            path = ".".join(one.name for one in steps[:depth])
            if len(arguments_of_length(planning.survey, point, path)) > 1:
                conditions.append(f"len({access('self', steps[:depth])}) > {step.index}")
    return " and ".join(conditions)


def arguments_of_length(survey: Survey, point: DefinitionPoint, path: str) -> set[str]:
    """The arguments that, changed alone, change how many layers the container at a path has."""
    lengths = {
        configuration.expression: {
            len(configuration.children(join(root, path)))
            for root in survey.roots(configuration, point.class_name, point.file)
        }
        for configuration in survey.configurations
    }
    return {
        variant.argument
        for name, variant in survey.variants.items()
        if name in lengths and lengths[name] != lengths.get(variant.build, lengths[name])
    }


def assigns(workspace: Workspace, point: DefinitionPoint, name: str) -> bool:
    """Whether the statement of the point is `self.name = Class(...)` itself, which leaves nothing out."""
    function = constructor_of(workspace, point)
    document = workspace.syntax(point.file).document
    for node in nodes_in(function) if function is not None else ():
        if isinstance(node, ast.Assign) and document.span_of(node) == point.span:
            targets = [ast.unparse(one) for one in node.targets]
            made = isinstance(node.value, ast.Call) and is_class_name(node.value.func)
            return f"self.{name}" in targets and made
    return False


def is_class_name(node: ast.expr) -> bool:
    """Whether a name is written as those of classes are: `nn.Conv2d`. A function may give None."""
    return ast.unparse(node).rpartition(".")[2][:1].isupper()


def constructor_of(workspace: Workspace, point: DefinitionPoint) -> Function | None:
    """The function that a definition point is in."""
    class_name, _, method = point.function.rpartition(".")
    return workspace.syntax(point.file).method(class_name, method)


def assigned_always(workspace: Workspace, point: DefinitionPoint, name: str) -> bool:
    """Whether `self.name = ...` is a statement of the constructor's own body."""
    function = constructor_of(workspace, point)
    return function is not None and any(
        isinstance(target, ast.Attribute) and target.attr == name
        for statement in function.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


# The model's own initialisation -------------------------------------------------------------------


def initialising_loop(
    workspace: Workspace, point: DefinitionPoint, *, parameters: bool = False
) -> ast.stmt | None:
    """The statement below the point that initialises all modules: a loop, `self.apply(...)`, or the call of a
    method that has one of these.

    With `parameters`, a loop over these counts as well.
    """
    names = {"modules", "named_modules"}
    names |= {"parameters", "named_parameters"} if parameters else set()
    function = constructor_of(workspace, point)
    found: ast.stmt | None = None
    syntax = workspace.syntax(point.file)
    for statement in function.body if function is not None else ():
        if statement.lineno <= point.line:
            continue
        called = method_called(statement)
        method = syntax.method(point.function.rpartition(".")[0], called) if called else None
        inner = nodes_in(method) if method is not None else ()
        if goes_through(statement, names) or any(goes_through(one, names) for one in inner):
            found = statement
    return found


def goes_through(statement: ast.AST, names: set[str]) -> bool:
    """Whether it is a loop over `self.modules()` and the like, or `self.apply(...)`."""
    match statement:
        case ast.For(iter=ast.Call(func=ast.Attribute(attr=name))):
            return name in names
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name("self"), attr="apply"))):
            return True
    return False


def method_called(statement: ast.stmt) -> str | None:
    """`initialize` of `self.initialize()`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name("self"), attr=name))):
            return name
    return None


def defined_after(
    workspace: Workspace, point: InsertionPoint, statement: ast.stmt
) -> InsertionPoint:
    """The point with its block defined behind a statement of the same constructor."""
    there = replace(
        point.definition.point,
        span=workspace.syntax(point.file).document.span_of(statement),
        line=statement.end_lineno or statement.lineno,
    )
    return point.with_definition(point=there)


# The statement of a constructor -------------------------------------------------------------------


def definition_point(
    planning: Planning, calls: Calls, start: str, *, by_class: bool = False
) -> DefinitionPoint:
    """The statement, in `__init__` of the module at `start` below each root, that creates the layer."""
    workspace = planning.workspace
    preferred = calling_classes(planning, calls)
    if by_class:
        preferred = {calls.resolved.class_name}
        point = new_constructor(workspace, calls)
        if point is not None:
            return point
    lines: dict[tuple[str, int], set[int]] = {}
    for one in calls.instances:
        here = init_lines(workspace, one, join(one.root, start), preferred)
        for key, found in here.items():
            lines.setdefault(key, set()).update(found)
    if not lines:
        point = new_constructor(workspace, calls) or end_of_constructor(workspace, calls)
        if point is not None:
            return point
        raise StitchError(
            "unsupported",
            f"{calls.target} is not created by the `__init__` of the module that calls it",
            where=calls.where,
            hint="Create the layer in `__init__`, or pass a target in the class that creates it.",
        )
    if len(lines) > 1:
        places = ", ".join(sorted(f"{workspace.relative(file)}:{first}" for file, first in lines))
        raise StitchError(
            "configuration-dependent",
            f"{calls.target} is created by different constructors: {places}",
            hint="Name the configuration that you use: --build EXPR",
        )
    (file, first_line), numbers = lines.popitem()
    syntax = workspace.syntax(file)
    function = syntax.functions_by_line.get(first_line)
    if function is None:
        raise StitchError(
            "unsupported", f"{calls.target} is created outside of a function", where=file
        )
    return point_of(syntax, file, function, definition_statement(syntax, function, numbers))


def new_constructor(workspace: Workspace, calls: Calls) -> DefinitionPoint | None:
    """Where the class that gets the block inherits its `__init__`: one of its own may be written."""
    return constructor_yet_to_be(workspace, *definer(workspace, calls))


def end_of_constructor(workspace: Workspace, calls: Calls) -> DefinitionPoint | None:
    """Where a layer comes later than the `__init__`, by a factory that renames it: a block that is
    called beside it may be there already."""
    file, class_name = definer(workspace, calls)
    syntax = workspace.syntax(file)
    function = syntax.method(class_name, "__init__")
    if function is None or calls.under or not calls.sites:
        return None
    body = [one for one in function.body if not isinstance(one, ast.Return)]
    return point_of(syntax, file, function, body[-1]) if body else None


def definer(workspace: Workspace, calls: Calls) -> tuple[str, str]:
    """File and name of the class whose `__init__` is to define the block."""
    if calls.from_class or not calls.sites:
        return str(calls.resolved.file), calls.resolved.class_name
    return calls.sites[0].file, class_of(workspace, calls.sites[0])


def constructor_yet_to_be(
    workspace: Workspace, file: str, class_name: str
) -> DefinitionPoint | None:
    """Where the class, if it inherits its `__init__`, gets one of its own."""
    syntax = workspace.syntax(file)
    node = syntax.class_named(class_name)
    if node is None or syntax.method(class_name, "__init__") is not None:
        return None
    methods = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    head = list(itertools.takewhile(lambda one: not isinstance(one, methods), node.body))
    beside = head[-1] if head else node.body[0]
    return DefinitionPoint(
        file=file,
        span=syntax.document.span_of(beside),
        function=f"{class_name}.__init__",
        line=beside.lineno,
        new=True,
    )


def point_of(syntax: Syntax, file: str, function: Function, statement: ast.stmt) -> DefinitionPoint:
    owner = syntax.enclosing_class(function)
    if owner and syntax.method(owner, function.name) is not function:
        where = f"{syntax.document.path}:{function.lineno}"
        raise unsupported(
            f"{owner}.{function.name} at {where} is not the last definition of that name",
            where,
            "Give the definitions names of their own.",
        )
    return DefinitionPoint(
        file=file,
        span=syntax.document.span_of(statement),
        function=f"{owner}.{function.name}" if owner else function.name,
        line=statement.end_lineno or statement.lineno,
    )


def init_lines(
    workspace: Workspace, instance: LayerInstance, module: str, preferred: set[str]
) -> dict[tuple[str, int], set[int]]:
    """Lines of the module's own `__init__` under which the links of the path were made.

    `{(file, first line of the function): lines}`. Of several `__init__`s (a class and its base)
    the one of the class that holds the call is taken, else the innermost.
    """
    depth = len(module.split(".")) if module else 0
    found: dict[tuple[str, int], set[int]] = {}
    for link in instance.facts.definition[depth:]:
        frames = [
            frame
            for frame in link or ()
            if frame.module == module
            and frame.function == "__init__"
            and in_project(frame.file, workspace.root)
        ]
        if not frames:
            continue
        chosen = frames[0]
        for frame in frames:
            syntax = workspace.syntax(frame.file)
            function = function_of(syntax, frame)
            if function is not None and syntax.enclosing_class(function) in preferred:
                chosen = frame
        function = function_of(workspace.syntax(chosen.file), chosen)
        if function is None:
            continue
        key = (chosen.file, function.lineno)
        found.setdefault(key, set()).add(chosen.line)
    if len(found) > 1:
        last = max(found, key=lambda key: key[1])
        return {last: found[last]}
    return found


def function_of(syntax: Syntax, frame: Frame) -> Function | None:
    """The function of an observed frame, by its first line, or of a read one, by its name."""
    if frame.constructor is not None:
        class_name, _, method = frame.constructor.rpartition(".")
        return syntax.method(class_name, method)
    return None if frame.first_line is None else syntax.functions_by_line.get(frame.first_line)


def slot_point(planning: Planning, calls: Calls, class_name: str, file: str) -> DefinitionPoint:
    """Where the class of many instances gets its empty slot, whatever branch makes the layer: after the
    statement in which it is made, or at the end."""
    workspace = planning.workspace
    syntax = workspace.syntax(file)
    init = syntax.method(class_name, "__init__")
    if init is None:
        point = constructor_yet_to_be(workspace, file, class_name)
        assert point is not None
        return point
    lines: set[int] = set()
    for one in calls.instances:
        module = join(one.root, calls.owner)
        found = init_lines(workspace, one, module, {class_name})
        for (other, first), numbers in found.items():
            if other == file and syntax.functions_by_line.get(first) is init:
                lines |= numbers
    statement = definition_statement(syntax, init, lines) if lines else init.body[-1]
    always = next(one for one in init.body if statement.lineno <= (one.end_lineno or one.lineno))
    return point_of(syntax, file, init, always)
