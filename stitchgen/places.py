"""Where a block goes: the owner of the calls, the call sites, the definition (floor 4).

Everything here is decided from what was observed in all configurations together and from the
source; nothing is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stitchgen import ledger, observed, reading
from stitchgen.cst import Span
from stitchgen.elements import element_of
from stitchgen.errors import StitchError
from stitchgen.methods import Method, Source
from stitchgen.observed import Configuration, Spot, Survey, join
from stitchgen.request import AddRequest
from stitchgen.resolve import Resolved
from stitchgen.sites import Element, Site, Step, access, attribute_name
from stitchgen.anchors import Anchor, definition_anchor
from stitchgen.syntax import Function, Syntax
from stitchgen.workbench import Workbench


@dataclass(frozen=True)
class Feature:
    """The output of another layer that a place reads, in a variable of the function."""

    target: str
    source: Source
    spots: Sequence[Spot]
    creating: Span  # the statement that creates the layer
    anchor: Anchor
    call: int | None
    sites: Sequence[Site]  # where it is kept; none where the model's own variable has it
    overwritten: bool  # what follows writes to it in place
    by_number: bool


@dataclass
class Place:
    """One block of a request: where it is defined and called."""

    target: str
    resolved: Resolved
    spots: Sequence[Spot]  # where the block is wanted
    lacking: Sequence[tuple[Configuration, str]]  # roots that have no such layer
    sites: Sequence[Site]
    owner: str  # path of the calls' owner below the instance of the target's class
    owner_steps: tuple[Step, ...]
    below: tuple[Step, ...]  # from the owner to the layer
    slot: bool
    attribute: str
    anchor: Anchor  # where the block itself is constructed
    creating: Span = (0, 0)  # the statement that creates the layer: the anchor's, until it is moved
    slots: list[tuple[str, Anchor]] = field(default_factory=list)  # (class, where its slot goes)
    guard: str | None = None  # under which condition the layer is there at all
    call: int | None = None  # the number of the call, of several
    element: Element | None = None  # of what the layer gives
    under: bool = False  # the block is a child of the layer itself, not its sibling
    hooked: bool = False  # and is run by a forward hook
    variable: str | None = None  # of a script, in which the model is: the block is attached there
    moved: str = ""  # `.to(device)`: how the script moves the model that it builds
    wish: str = ""  # the attribute's name before it was numbered
    channels: dict[str, Any] = field(default_factory=dict)
    strategy: str = ""
    method: Method = Method("")  # how the block's output is joined with the layer's
    features: list[Feature] = field(default_factory=list)  # of other layers, that it reads
    reader: str | None = None  # path, below the root, of the one layer that gets the block's output
    read_at: Sequence[
        Spot
    ] = ()  # the layers of that reader; () where the place's own call is meant
    argument: tuple[int | str, int | None] | None = None  # of the reader's call: which is meant

    def block_path(self, spot: Spot) -> str:
        """Where the block is in the edited model."""
        if self.under:
            return join(spot.path, self.attribute)
        return join(join(spot.root, self.owner), self.attribute)

    @property
    def from_class(self) -> bool:
        """Whether the definition stands in the class of the target, not in the calls' owner's."""
        return self.slot or self.under

    @property
    def definition_owner(self) -> str:
        """The expression, in the anchor's function, of the module that gets the attribute."""
        if self.under:
            return self.layer_text
        return access("self", self.owner_steps) if self.slot else "self"

    @property
    def layer_text(self) -> str:
        """The layer itself, as the anchor's function writes it."""
        steps = (*self.owner_steps, *self.below) if self.from_class else self.below
        return access(self.variable or "self", steps)

    def definition_root(self, spot: Spot) -> str:
        """Path of the module in whose `__init__` the definition stands."""
        return spot.root if self.from_class else join(spot.root, self.owner)


def find_places(
    bench: Workbench, request: AddRequest, block: str, survey: Survey, resolved: Resolved
) -> list[Place]:
    """Decide everything about a target but its channels: one place, or one a call with `@all`."""
    spots = resolved.spots(survey)
    name = resolved.named(bench)
    call = resolved.located.target.call
    element = None
    if resolved.located.target.element is not None:
        element = element_of(spots, resolved.located.target.element, request.placement, name)
    if request.placement == "replace" and resolved.variable is None:
        return [replace_place(bench, survey, resolved, spots, name)]
    try:
        outside = [
            spot
            for spot in spots
            if observed.check_callable(spot, bench.root, call, name, request.attach)
        ]
    except StitchError as error:
        if resolved.assignment is not None and error.where is None:
            error.where = f"{bench.relative(resolved.file)}:{resolved.assignment.line}"
        raise cut_before(bench, request, name, error) from None
    if element is not None and (outside or resolved.variable is not None):
        raise StitchError(
            "installed-package",
            f"{name} is called in an installed package, and an attached block takes all that a "
            "layer gives",
            where=observed.first_place(spots[0].layer),
            hint="Splice after a layer inside of it that gives a tensor.",
        )
    if resolved.variable is not None:
        return [script_place(bench, survey, request, block, resolved, spots, name)]
    if outside:
        return [attached_place(bench, survey, request, block, resolved, spots, name)]
    pairs = [
        (spot, owner, site) for spot in spots for owner, site in observed.sites_of(survey, spot)
    ]
    owners = {owner[len(spot.root) :].lstrip(".") for spot, owner, _ in pairs}
    if len(owners) != 1:
        raise StitchError(
            "unsupported",
            f"{name} is called by several modules: {', '.join(sorted(owners)) or 'none'}",
            where=observed.first_place(spots[0].layer),
        )
    owner = owners.pop()
    owner_steps = steps_of(survey, spots, name, owner)
    below = steps_of(survey, spots, name, owner, resolved.path)
    sites = merge_sites(bench, pairs, name)
    if call is None:
        groups = [(None, sites)]
    else:
        groups = sites_by_call(sites, call, name)
    places: list[Place] = []
    taken: set[str] = set()
    for number, chosen in groups:
        if number is not None:
            check_call_everywhere(pairs, spots, number, name)
        under = runs_its_children(bench, survey, spots, owner, chosen)
        wish = request.name or attribute_name(() if under else below, block, element)
        if under and (any(site.chain for site in chosen) or is_container(survey, spots)):
            if request.attach and call is None:
                return [attached_place(bench, survey, request, block, resolved, spots, name)]
            check_not_container(survey, spots, name)
            raise run_by_sequential(bench, chosen[0], name)
        holder, near = (resolved.path, ()) if under else (owner, chosen)
        attribute = free_attribute(bench, spots, holder, near, wish, taken)
        taken.add(attribute)
        place = Place(
            target=name,
            resolved=resolved,
            spots=spots,
            lacking=(),
            sites=chosen,
            owner=owner,
            owner_steps=owner_steps,
            below=below,
            slot=not under and needs_slot(bench, survey, spots, owner, chosen),
            under=under,
            attribute=attribute,
            wish=wish,
            anchor=NOWHERE,
            call=number,
            element=element,
        )
        settle_definition(bench, survey, place)
        check_no_other(bench, survey, place)
        check_position(request, place)
        if call is None:
            place.sites = [*place.sites, *unexecuted_sites(bench, place)]
        places.append(place)
    return places


NOWHERE = Anchor("", (0, 0), "", 0)


def check_position(request: AddRequest, place: Place) -> None:
    """Refuse a child of a Sequential that stands at another number in each configuration.

    By its name it is found everywhere, but a loop or a slice inside of the Sequential goes by
    number. At the Sequential's end there is no need for either.
    """
    for site in place.sites:
        chain = site.chain
        while chain and request.placement == "after" and chain[-1].last:
            chain = chain[:-1]
        if any(step.index < 0 for step in chain):
            raise configuration_dependent(place.target, place.spots)


def steps_of(
    survey: Survey, spots: Sequence[Spot], name: str, start: str, end: str | None = None
) -> tuple[Step, ...]:
    """The steps from the class's instance to `start`, or from there to `end`, in all spots."""
    ways = []
    for spot in spots:
        first = join(spot.root, start)
        if end is None:
            ways.append(survey.steps(spot.configuration, spot.root, first))
        else:
            ways.append(survey.steps(spot.configuration, first, join(spot.root, end)))
    steps = observed.merged(ways)
    if steps is None:
        raise configuration_dependent(name, spots)
    return steps


def configuration_dependent(name: str, spots: Sequence[Spot]) -> StitchError:
    builds = sorted({spot.configuration.expression for spot in spots})
    return StitchError(
        "configuration-dependent",
        f"{name} stands at different places of its container in {', '.join(builds[:4])}",
        where=observed.first_place(spots[0].layer),
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{build}'" for build in builds[:4]],
    )


def settle_definition(bench: Workbench, survey: Survey, place: Place) -> None:
    """Find where the block (and its slots) are defined, and the condition if not all have the layer."""
    path = place.resolved.path
    if place.from_class:
        place.anchor = anchor_in(bench, survey, place, "")
    if place.slot:
        for class_name in dict.fromkeys(class_of(bench, site) for site in place.sites):
            place.slots.append((class_name, slot_anchor(bench, survey, place, class_name)))
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
    if not missing:
        return
    place.lacking = missing
    place.guard = presence(bench, place.anchor, steps, missing)
    # Where the layer is missing, a Sequential may end earlier, so no step is the last for all.
    place.sites = [
        replace(site, chain=tuple(replace(step, last=False) for step in site.chain))
        for site in place.sites
    ]


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
    found = None
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


def presence(
    bench: Workbench,
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
            if step.access.startswith("[") and step.parent != "dict":
                conditions[depth] = f"len({parent}) > {step.index}"
            elif step.parent == "dict":
                conditions[depth] = f'"{step.name}" in {parent}'
            elif depth == 0 and assigned_always(bench, anchor, step.name):
                conditions[depth] = f"{access(parent, (step,))} is not None"
            else:
                conditions[depth] = f'getattr({parent}, "{step.name}", None) is not None'
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


def class_of(bench: Workbench, site: Site) -> str:
    """The class in whose source the call stands (a base of the owner's class, perhaps)."""
    syntax = bench.syntax(site.file)
    call = syntax.call_at(site.span)
    found = syntax.enclosing_class(call) if call is not None else None
    if found is None:
        line = syntax.document.line_of(site.span[0])
        raise StitchError(
            "unsupported",
            f"the call at {syntax.document.path}:{line} stands in no class",
            where=f"{syntax.document.path}:{line}",
        )
    return found


def sites_by_call(
    sites: Sequence[Site], call: int | str, name: str
) -> list[tuple[int | None, list[Site]]]:
    """The sites of the calls wanted, each of which must be of one call only."""
    plain = name.partition("@")[0]
    numbers = sorted({number for site in sites for number in site.numbers})
    wanted = numbers if call == "all" else [call]
    groups: list[tuple[int | None, list[Site]]] = []
    for number in wanted:
        chosen = [site for site in sites if number in site.numbers]
        if not chosen:
            raise StitchError(
                "target-not-found",
                f"{plain} is called {len(numbers)} times in one forward pass, not {number} times",
                suggestions=[f"{plain}@{other}" for other in numbers],
            )
        for site in chosen:
            if len(site.numbers) > 1:
                raise StitchError(
                    "many-calls",
                    f"{plain}: one place in the source makes the calls "
                    + ", ".join(map(str, site.numbers)),
                    where=f"{site.file}",
                    hint="Calls in a loop cannot be told apart by a line of source.",
                )
        groups.append((int(number), chosen))
    return groups


def cut_before(bench: Workbench, request: AddRequest, name: str, error: StitchError) -> StitchError:
    """The refusal of a call that no expression makes, with the earlier run that cut it into slices."""
    model = name.rpartition("::")[0]
    cuts = [
        entry
        for entry in ledger.load(bench.root).entries
        if entry.record.strategy == "slice" and entry.record.target.startswith(f"{model}::")
    ]
    if error.code != "unsupported" or not cuts:
        return error
    for entry in cuts:
        record = entry.record
        if (record.target, record.block) == (name, request.block):
            return StitchError(
                "already-there",
                f"{record.attribute} is at {name} already, put there by: {entry.command}",
                where=error.where,
                hint="To change its arguments, edit the line that defines it.",
            )
    error.hint = (
        f"An earlier run ({cuts[0].command}) cut a Sequential's call into slices, whose layers "
        "have no call of their own. Take it back with stitchgen undo, and splice here first."
    )
    return error


def check_call_everywhere(
    pairs: Sequence[tuple[Spot, str, Site]], spots: Sequence[Spot], number: int, name: str
) -> None:
    """Refuse a call that only some configurations make: the block would be dead in the others."""
    making = [spot for spot, _, site in pairs if number in site.numbers]
    known = {id(spot) for spot in making}
    others = [spot for spot in spots if id(spot) not in known]
    if not others:
        return
    calls = {
        spot.configuration.expression: max(spot.layer["calls"].values())
        for spot in (making[0], others[0])
    }
    how_often = " and ".join(f"{count}x in {text}" for text, count in calls.items())
    raise StitchError(
        "configuration-dependent",
        f"{name.partition('@')[0]} is called {how_often}, so call {number} is not in both",
        where=observed.first_place(others[0].layer),
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{making[0].configuration.expression}'"],
    )


def merge_sites(bench: Workbench, pairs: Sequence[tuple[Spot, str, Site]], name: str) -> list[Site]:
    """Each place in the source once, with the steps that hold in all configurations."""
    by_place: dict[tuple[str, tuple[int, ...]], list[Site]] = {}
    for _, _, site in pairs:
        by_place.setdefault((site.file, site.span), []).append(site)
    merged = []
    for (file, span), sites in by_place.items():
        to_called = observed.merged(site.to_called for site in sites)
        chain = observed.merged(site.chain for site in sites)
        if to_called is None or chain is None:
            raise configuration_dependent(name, [spot for spot, _, _ in pairs])
        document = bench.syntax(file).document
        line, column, end_line, end_column = span
        merged.append(
            replace(
                sites[0],
                span=(document.offset(line, column), document.offset(end_line, end_column)),
                to_called=to_called,
                chain=chain,
                numbers=tuple(sorted({n for site in sites for n in site.numbers})),
            )
        )
    return sorted(merged, key=lambda site: (site.file, site.span))


def needs_slot(
    bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str, sites: Sequence[Site]
) -> bool:
    """Whether the code at the sites also runs for instances that are not wanted."""
    wanted = {(id(spot.configuration), join(spot.root, owner)) for spot in spots}
    targets = {(id(spot.configuration), spot.root) for spot in spots}
    for site in sites:
        class_name = class_of(bench, site)
        for configuration in survey.configurations:
            for path in survey.roots(configuration, class_name, site.file):
                if (id(configuration), path) in wanted:
                    continue
                # An instance of the target's class that lacks the layer is no other user.
                if not owner and (id(configuration), path) not in targets:
                    continue
                return True
    return False


def check_no_other(bench: Workbench, survey: Survey, place: Place) -> None:
    """Refuse where the constructor is that of a base class, which is built on its own as well."""
    class_name = place.anchor.function.rpartition(".")[0]
    wanted = {(id(spot.configuration), place.definition_root(spot)) for spot in place.spots}
    path = place.resolved.path
    below = path if place.from_class else path[len(place.owner) :].lstrip(".")
    for configuration in survey.configurations:
        for root in survey.roots(configuration, class_name, place.anchor.file):
            if (id(configuration), root) in wanted or join(root, below) not in configuration.layers:
                continue
            own = survey.classes[configuration.class_at(root)]["name"]
            if own == place.resolved.class_name:
                continue  # an instance that is not meant, for which there is a slot
            where = f"{bench.relative(place.anchor.file)}:{place.anchor.line}"
            base = f"{bench.relative(place.anchor.file)}::{class_name}.{below}"
            raise StitchError(
                "configuration-dependent",
                f"{place.target} is created by {class_name}, and {configuration.expression} "
                f"{'has a' if root else 'is a'} {own} that would get the block too",
                where=where,
                hint="Name the class that creates it, for all that derive from it.",
                suggestions=[base],
            )


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
    name, number = wish, 2
    while name in taken:
        name, number = f"{wish}_{number}", number + 1
    return name


def anchor_in(bench: Workbench, survey: Survey, place: Place, start: str) -> Anchor:
    """The statement, in `__init__` of the module at `start` below each root, that creates the layer."""
    name, spots = place.target, place.spots
    lines: dict[tuple[str, int], set[int]] = {}
    for spot in spots:
        here = init_lines(bench, spot, join(spot.root, start), calling_classes(bench, place))
        for key, found in here.items():
            lines.setdefault(key, set()).update(found)
    if not lines:
        anchor = new_constructor(bench, place)
        if anchor is not None:
            return anchor
        raise StitchError(
            "unsupported",
            f"{name} is not created by the `__init__` of the module that calls it",
            where=observed.first_place(spots[0].layer),
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
    file, class_name = str(place.resolved.file), place.resolved.class_name
    if not place.from_class and place.sites:
        file, class_name = place.sites[0].file, class_of(bench, place.sites[0])
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
    return Anchor(
        file=file,
        span=syntax.document.span_of(statement),
        function=f"{owner}.{function.name}" if owner else function.name,
        line=statement.end_lineno or statement.lineno,
    )


def calling_classes(bench: Workbench, place: Place) -> set[str]:
    return {class_of(bench, site) for site in place.sites}


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
            and observed.in_project(frame["file"], bench.root)
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


def slot_anchor(bench: Workbench, survey: Survey, place: Place, class_name: str) -> Anchor:
    """Where the class of many instances gets its empty slot: after the layer, or at the end."""
    site = next(site for site in place.sites if class_of(bench, site) == class_name)
    syntax = bench.syntax(site.file)
    init = syntax.method(class_name, "__init__")
    if init is None:
        node = syntax.class_named(class_name)
        raise StitchError(
            "unsupported",
            f"class {class_name} has no __init__ in which a slot could be defined",
            where=f"{syntax.document.path}:{node.lineno if node else 1}",
            hint="Give the class an __init__ of its own, or splice into the whole class: "
            f"{syntax.document.path}::{class_name}.LAYER",
        )
    lines: set[int] = set()
    for spot in place.spots:
        module = join(spot.root, place.owner)
        found = init_lines(bench, spot, module, {class_name})
        for (file, first), numbers in found.items():
            if file == site.file and function_at(syntax, first) is init:
                lines |= numbers
    statement = definition_anchor(syntax, init, lines) if lines else init.body[-1]
    return anchor_of(syntax, site.file, init, statement)


def replace_place(
    bench: Workbench, survey: Survey, resolved: Resolved, spots: Sequence[Spot], name: str
) -> Place:
    """`--replace` assigns to the layer's own place, right after it was created."""
    place = Place(
        target=name,
        resolved=resolved,
        spots=spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(survey, spots, name, "", resolved.path),
        slot=False,
        attribute=resolved.path,
        anchor=NOWHERE,
        strategy="line",
    )
    settle_definition(bench, survey, place)
    return place


def attached_place(
    bench: Workbench,
    survey: Survey,
    request: AddRequest,
    block: str,
    resolved: Resolved,
    spots: Sequence[Spot],
    name: str,
) -> Place:
    """A layer that an installed package calls: the block goes under it, run by a forward hook."""
    resolved, spots = at_its_end(survey, resolved, spots)
    check_not_container(survey, spots, name)
    wish = request.name or attribute_name((), block)
    place = Place(
        target=name,
        resolved=resolved,
        spots=spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(survey, spots, name, "", resolved.path),
        slot=False,
        attribute=free_attribute(bench, spots, resolved.path, (), wish),
        wish=wish,
        anchor=NOWHERE,
        under=True,
        hooked=True,
        strategy="attach",
    )
    settle_definition(bench, survey, place)
    return place


def at_its_end(
    survey: Survey, resolved: Resolved, spots: Sequence[Spot]
) -> tuple[Resolved, Sequence[Spot]]:
    """Of a Sequential the layer at its end, which gives what the Sequential gives; else itself."""
    while all(runs_in_order(survey, spot) for spot in spots):
        names = {spot.configuration.children(spot.path)[-1] for spot in spots}
        if len(names) != 1:
            break
        inner = replace(resolved, path=join(resolved.path, names.pop()))
        ends = inner.spots(survey)
        if any(max(spot.layer["calls"].values()) != 1 for spot in ends):
            break
        resolved, spots = inner, ends
    return resolved, spots


def runs_in_order(survey: Survey, spot: Spot) -> bool:
    """Whether a layer is a Sequential, or of a class that leaves its forward alone, with children."""
    about = survey.classes[spot.layer["class"]] or {}
    plain = survey.classes.get("torch.nn.modules.container:Sequential") or {}
    return (
        survey.kind(spot.layer["class"]) == "sequential"
        and about.get("forward_file") == plain.get("forward_file")
        and bool(spot.configuration.children(spot.path))
    )


def run_by_sequential(bench: Workbench, site: Site, name: str) -> StitchError:
    """No call of the layer can be edited, and a block under the Sequential would be run by it."""
    document = bench.syntax(site.file).document
    where = f"{document.path}:{document.line_of(site.span[0])}"
    return StitchError(
        "installed-package",
        f"{name} is called by torch's Sequential, which {where} runs as one of all the children "
        "of its module, where a block has no place of its own",
        where=where,
        hint="Pass --attach to run the block from a forward hook.",
    )


def is_container(survey: Survey, spots: Sequence[Spot]) -> bool:
    return any(survey.kind(spot.layer["class"]) != "module" for spot in spots)


def script_place(
    bench: Workbench,
    survey: Survey,
    request: AddRequest,
    block: str,
    resolved: Resolved,
    spots: Sequence[Spot],
    name: str,
) -> Place:
    """A layer of a model that a script makes of an installed class: attached below the assignment."""
    syntax, made = bench.syntax(resolved.file), resolved.assignment
    assert made is not None
    where = f"{syntax.document.path}:{made.line}"
    statement = next(
        node
        for node in ast.walk(syntax.tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno == made.line
    )
    if request.placement == "replace":
        raise StitchError(
            "installed-package",
            f"{name} is a layer of an installed class, in whose source it is created",
            where=where,
            hint=f"Assign to it in the script, below {where}.",
        )
    if made.wrapped:
        raise StitchError(
            "unsupported",
            f"{where} wraps the model in the statement that builds it, so the block has no place",
            where=where,
            hint="Build the model in a statement of its own, and wrap it in the next.",
        )
    if request.placement == "after":
        resolved, spots = at_its_end(survey, resolved, spots)
    check_not_container(survey, spots, name)
    wish = request.name or attribute_name((), block)
    return Place(
        target=name,
        resolved=resolved,
        spots=spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(survey, spots, name, "", resolved.path),
        slot=False,
        attribute=free_attribute(bench, spots, resolved.path, (), wish),
        wish=wish,
        anchor=Anchor(
            file=str(resolved.file),
            span=syntax.document.span_of(statement),
            function="",
            line=statement.end_lineno or statement.lineno,
        ),
        under=True,
        hooked=True,
        variable=resolved.variable,
        moved=moved_as(statement.value),
        strategy="attach",
    )


def moved_as(value: ast.expr | None) -> str:
    """`.to(device)` of `Net().to(device)`: what moves a model has to move its block."""
    text = ""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr in ("to", "cuda", "half", "double", "bfloat16"):
            arguments = ast.unparse(value)[len(ast.unparse(value.func)) :]
            text = f".{value.func.attr}{arguments}{text}"
        value = value.func.value
    return text


def check_not_container(survey: Survey, spots: Sequence[Spot], name: str) -> None:
    for spot in spots:
        if survey.kind(spot.layer["class"]) != "module":
            last = spot.configuration.children(spot.path)[-1:]
            hint = "Splice in the class that runs it, or after the last layer that it runs."
            if runs_in_order(survey, spot):
                hint = "Pass --attach to run the block from a forward hook of its last layer."
            raise StitchError(
                "unsupported",
                f"a block under {name} would become one of the layers that it runs",
                where=observed.first_place(spot.layer),
                hint=hint,
                suggestions=[f"{name}.{child}" for child in last],
            )


def runs_its_children(
    bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str, sites: Sequence[Site]
) -> bool:
    """Whether a new child of the owner would be taken for one of its layers and run."""
    for spot in spots:
        if survey.kind(spot.configuration.class_at(join(spot.root, owner))) != "module":
            return True
    for site in sites:
        syntax = bench.syntax(site.file)
        uses = reading.uses(
            syntax.tree, syntax.document.text, class_of(bench, site), site.to_called[0].name
        )
        if any(use.kind == "iteration" and use.path == "*" for use in uses):
            return True
    return False


#: Uses of a layer that do not run it, or whose calls were seen.
HARMLESS = {"definition", "none-test", "isinstance", "init", "attribute", "child"}


def unexecuted_sites(bench: Workbench, place: Place) -> list[Site]:
    """Calls in the source of the class that no run made: they get the block as well.

    Raises where the source uses the layer in a way that the block would not see.
    """
    found: list[Site] = []
    for class_site in {class_of(bench, site): site for site in place.sites}.values():
        syntax = bench.syntax(class_site.file)
        document = syntax.document
        path = ".".join(step.name for step in place.below)
        spliced = [site.span for site in place.sites if site.file == class_site.file]
        uses = reading.uses(syntax.tree, document.text, class_of(bench, class_site), path)
        for use in uses:
            if use.kind in HARMLESS or any(covers(span, use.span) for span in spliced):
                continue
            where = f"{document.path}:{use.line}"
            depth = len(use.path.split("."))
            how = {"call": "call", "forward-call": "forward"}.get(use.kind)
            span = use.span
            if use.kind == "passed" and use.call and "checkpoint" in (use.detail or ""):
                how, span = "argument", use.call
            if how is not None and "*" not in use.path:
                found.append(
                    replace(
                        class_site,
                        span=span,
                        function=use.function,
                        how=how,
                        to_called=place.below[:depth],
                        chain=place.below[depth:],
                        numbers=(),
                    )
                )
            elif use.kind == "weight":
                raise StitchError(
                    "used-functionally",
                    f"{where} uses {use.path}.{use.detail} without calling the layer",
                    where=where,
                    hint="A block after the layer would not be seen there; splice elsewhere.",
                )
            elif use.kind in ("passed", "call", "forward-call"):
                raise StitchError(
                    "bypasses-call",
                    f"{where} passes {place.target} to {use.detail or 'a call'}, which no run of "
                    "the model reached and no edit can follow",
                    where=where,
                )
    return found


def covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
