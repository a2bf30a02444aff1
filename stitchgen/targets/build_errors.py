"""What is said where a model is not built: what failed, and the constructions that the project has."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from stitchgen.analysis.layer_facts import Failure
from stitchgen.analysis.scope import imported_names
from stitchgen.analysis.subject import missing_package
from stitchgen.analysis.survey import Survey
from stitchgen.errors import StitchError
from stitchgen.project.modules import files_beside
from stitchgen.project.python_files import shown_path
from stitchgen.source.syntax import Syntax, explicit_class, module_classes, module_classes_in
from stitchgen.source.tree import nodes_in
from stitchgen.targets.adoption import OFFER, adoption
from stitchgen.targets.build_offers import constructions, signature
from stitchgen.targets.builds_around import constructions_around, user_of
from stitchgen.targets.model import TargetModel
from stitchgen.targets.other_builders import BUILDERS, built_by

#: What looks for a model's configuration and weights elsewhere, which is out of reach here.
FETCHING = "from_pretrained"


def check_given(model: TargetModel, survey: Survey) -> None:
    """Refuse where a configuration that the user named does not build or run."""
    for expression in model.subject.given:
        if expression in survey.failures:
            error = failed_build(model, expression, survey.failures[expression])
            raise with_offers(model, error) if error.code == "does-not-build" else error


def nothing_built(model: TargetModel, survey: Survey) -> StitchError:
    """The first failure, and the constructions that may help."""
    if not survey.failures:
        return no_builds(model)
    if model.unread:
        return may_do_more(model)
    asked = [text for text in survey.failures if not builds_another(model, text)]
    if not asked:
        return no_builds(model)
    expression, failure = asked[0], survey.failures[asked[0]]
    refusal = failed_build(model, expression, failure)
    # What lacks an attribute has it from the model that it is a part of, and no other input helps.
    if failure.code == "does-not-build" or "object has no attribute" in failure.message:
        return with_offers(model, refusal, survey.failures)
    return refusal


def no_builds(model: TargetModel) -> StitchError:
    """That nothing says how the model is built, with the constructions found in the project."""
    syntax = model.syntax
    path = syntax.document.path
    names = module_classes(syntax)
    if model.unread:
        return may_do_more(model)
    if not names:
        made = returned_container(syntax.tree)
        if made is not None:
            name, line = made
            called = model.located[0].names
            inner = called[1:] if called[0] in (name, f"{name}()") else called
            where = f"{path}:{line}"
            return installed_model(where, f"{name}()", "Sequential", ".".join(inner))
        return StitchError(
            "not-a-model",
            f"{path} defines no nn.Module",
            where=path,
            hint="Name the file that holds the model's class.",
            suggestions=[f"{bench_path}::{name}" for bench_path, name in classes_imported(model)],
        )
    wanted = wanted_classes(model)
    error = StitchError(
        "does-not-build",
        f"no construction without arguments was found for {', '.join(wanted)} in {path}",
        where=place_of(syntax, outermost(syntax, wanted)),
        hint=f"Say how the model is built: --build '{signature(syntax, outermost(syntax, wanted))}'",
    )
    return with_offers(model, error)


def wanted_classes(model: TargetModel) -> list[str]:
    """The classes of the file that the targets name, else all that are models."""
    names = module_classes(model.syntax)
    named = [
        found[0]
        for names_of in model.subject.names
        if (found := explicit_class(model.syntax, names_of))
    ]
    return list(dict.fromkeys(named)) or names


def builds_another(model: TargetModel, expression: str) -> bool:
    """Whether the construction is of a class of the file that no target names, where they name some; else of one that
    the model of the file is made of."""
    name, classes = expression.partition("(")[0], module_classes(model.syntax)
    wanted = wanted_classes(model)
    if wanted != classes:
        return name in classes and name not in wanted
    whole = outermost(model.syntax, classes) if classes else name
    return name != whole and name in names_below(model.syntax, whole)


def outermost(syntax: Syntax, names: Sequence[str]) -> str:
    """The class that uses most of the file's others, and that none of them uses; the last of equals."""
    used = {name: names_below(syntax, name) for name in names}
    inside = {one for name in names for one in used[name] - {name}}
    found = [name for name in names if name not in inside] or list(names)
    return max(reversed(found), key=lambda name: len(used[name]))


def names_below(syntax: Syntax, name: str) -> set[str]:
    """The classes and functions of the file that one of them reads, and that these read in turn."""
    defined = {
        node.name: node
        for node in syntax.tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    found: set[str] = set()
    todo = [name]
    while todo:
        node = defined.get(todo.pop())
        read = {part.id for part in nodes_in(node) if isinstance(part, ast.Name)} if node else set()
        todo += read & defined.keys() - found
        found |= read & defined.keys()
    return found


def place_of(syntax: Syntax, class_name: str) -> str:
    """`path:line` of a class."""
    node = syntax.class_named(class_name)
    path = syntax.document.path
    return f"{path}:{node.lineno}" if node is not None else path


def takes_nothing(syntax: Syntax, class_name: str) -> bool:
    """Whether the constructor of a class of the file has no arguments."""
    method = syntax.method(class_name, "__init__")
    if method is None:
        return False
    arguments = method.args
    several = arguments.vararg or arguments.kwarg or arguments.kwonlyargs
    return not several and len([*arguments.posonlyargs, *arguments.args]) == 1


def failed_build(model: TargetModel, expression: str, failure: Failure) -> StitchError:
    """What one construction failed with, and what to type next."""
    wanted = wanted_classes(model)
    called = expression.partition("(")[0]
    if model.syntax.class_named(called) is None:
        called = outermost(model.syntax, wanted) if wanted else "Net"
    shown = signature(model.syntax, called)
    hint = f"Pass the construction that your training script uses: --build '{shown}'"
    if "".join(shown.split()) == "".join(expression.split()) or "..." in expression:
        hint = (
            "Write values in their places: numbers, texts, SimpleNamespace(width=64) for an object of options; or "
            "name the variable in which your script keeps the model, --after train.py::model.LAYER"
        )
    if failure.where and takes_nothing(model.syntax, called):
        hint = "It takes no arguments, so that no other construction helps. Mend that line, or what it needs"
    if failure.code == "does-not-build" and expression.partition("(")[0].endswith(FETCHING):
        hint = BUILDERS[FETCHING][1]  # other arguments would be fetched as well
    if failure.code in ("does-not-run", "bad-argument"):
        hint = f"Pass the input that the model takes: {example_of_input(failure.guessed)}"
        if failure.takes:
            hint += f". Its {failure.takes} gets one --input after the other; 2x16:int64 is of "
            hint += "integers, and a Python expression may be a dict of keyword arguments"
    elif model.left_out:
        lines = ", ".join(str(line) for line, _ in model.left_out[:5])
        hint += f". Only definitions are run; left out were the statements at lines {lines}"
    if "CUDA" in failure.message or "NVIDIA" in failure.message:
        hint = (
            "That line needs a GPU, and models are run on the CPU here: take the device of what it is fed "
            "there, x.device, or pass --no-prove"
        )
    suggestions = []
    if failure.code == "not-a-model" and expression.replace(".", "").isidentifier():
        hint = "Call it, with its arguments."
        suggestions = [f"--build '{expression}()'"]
    if failure.models:
        hint = "Say which of its parts is the model."
        suggestions = [f"--build '{quoted(one)}'" for one in failure.models]
    several = len(model.subject.given) > 1 and expression not in failure.message
    return StitchError(
        failure.code,
        f"{expression}: {failure.message}" if several else failure.message,
        where=failure.where,
        hint=missing_package(failure.message, model.subject.python) or hint,
        suggestions=suggestions,
    )


def example_of_input(guessed: str) -> str:
    """How an input is passed, with the channels that were guessed and letters for the sizes that did not do:
    `--input 1x4xDxHxW`; an image where that is no help."""
    shapes = [shape.split("x") for shape in guessed.split() if ":" not in shape]
    sizes = {3: ["L"], 4: ["H", "W"], 5: ["D", "H", "W"]}
    if not shapes or any(len(shape) not in sizes for shape in shapes):
        return "--input 1x3x224x224"
    named = [
        # A sequence has its channels last, where the length that was guessed is in the middle.
        ["1", "L", one[2]] if len(one) == 3 and one[1] == "16" else ["1", one[1], *sizes[len(one)]]
        for one in shapes
    ]
    return " ".join(f"--input {'x'.join(one)}" for one in named)


def may_do_more(model: TargetModel) -> StitchError:
    """That a variable is assigned by a call that is not run, since it may train or load."""
    line, function = model.unread[0]
    where = f"{model.syntax.document.path}:{line}"
    other = built_by(function)
    if other is not None:
        what, hint = other
        message = f"{model.located[0].names[0]} {what}"
        return StitchError("does-not-build", message, where=where, hint=hint)
    error = StitchError(
        "does-not-build",
        f"{model.located[0].names[0]} is built at {where} by {function}(...), which may do more "
        "than build a model and is not run",
        where=where,
        hint="Say how the model is built: --build 'Net(...)'",
    )
    return with_offers(model, error)


def with_offers(
    model: TargetModel, error: StitchError, failed: Collection[str] = ()
) -> StitchError:
    """The refusal with the constructions of the model that stand in the project, ready to paste."""
    names = set(wanted_classes(model))
    found = constructions(model.subject.root, model.file, model.syntax, names)
    found = found or constructions_around(model.subject.root, model.file, names)
    tried = {*model.subject.builds, *failed} - set(model.subject.relatives)
    found = [offer for offer in found if offer.text not in tried]
    if error.hint and missing_package(error.message, model.subject.python):
        return error  # which every other construction lacks as well
    # What was asked for may be there, in another file.
    asked = tuple(f":{text}" for text in model.subject.given)
    found = ([offer for offer in found if offer.text.endswith(asked)] or found)[:4]
    if found:
        error.hint = (
            (error.hint or "").removesuffix(".")
            + ". The project has "
            + ", ".join(f"{offer.text} at {offer.where}" for offer in found)
        )
        error.suggestions += [f"--build '{quoted(offer.text)}'" for offer in found]
    elif user := user_of(model.subject.root, model.file, names):
        error.hint = (
            f"{error.hint or ''}, or as a part of the model that uses it, "
            f"{quoted(user.text)} at {user.where}"
        )
    return error


def quoted(text: str) -> str:
    """For single quotes of a shell: the expression's own strings get double ones."""
    return text.replace("'", '"')


def returned_container(tree: ast.Module) -> tuple[str, int] | None:
    """A function of the file that returns an nn.Sequential, with the line."""
    for function in tree.body:
        for node in nodes_in(function) if isinstance(function, ast.FunctionDef) else ():
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Call):
                if ast.unparse(node.value.func).rpartition(".")[2] == "Sequential":
                    assert isinstance(function, ast.FunctionDef)
                    return function.name, node.lineno
    return None


def installed_model(
    where: str, build: str, class_name: str, path: str, class_key: str = ""
) -> StitchError:
    """That the model itself is of an installed class, so that no forward in the file runs it."""
    file = where.partition(":")[0]
    offers = adoption(class_key, file)
    return StitchError(
        "installed-package",
        f"{build} gives a {class_name} of an installed package, which runs its layers itself: no "
        f"forward in {file} could run a block",
        where=where,
        hint=f"Keep it in a variable of a script, model = {build}, and attach the block there: "
        f"--after SCRIPT.py::model.{path} --attach{f'. {OFFER}' if offers else ''}",
        suggestions=offers,
    )


def can_be_model(name: str, text: str) -> bool:
    """Whether a file defines an nn.Module of that name, or only passes on what others define."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    return name not in defined or name in module_classes_in(tree)


def classes_imported(model: TargetModel) -> list[tuple[str, str]]:
    """Files and names of the models of the project that the file imports."""
    files = files_beside(model.file, *model.import_name.paths)
    found = []
    for node in nodes_in(model.syntax.tree):
        for name, origin in imported_names(node) if isinstance(node, ast.stmt) else ():
            other = files(origin.rpartition(".")[0] or origin)
            if other is not None and name[:1].isupper() and can_be_model(name, other[1]):
                rest = ".".join((name, *model.located[0].names))
                found.append((shown_path(other[0], model.subject.root), rest))
    return found[:4]
