"""The shape of the code: packages in one order, no circles, an owner for each dependency."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "stitchgen"

#: A package (or module) imports only those before it.
ORDER = (
    "errors explanations layouts fusions source project catalog history analysis drawing targets rewrite planning yolo "
    "pipeline sweep scaffold server "
    "commands cli __main__"
).split()

#: The one place that may import it. TOML is in the standard library from Python 3.11 on, so
#: whoever reads it is free to.
OWNERS = {
    "black": {"source/formatting.py"},
    "click": {"commands", "cli"},
    "filelock": {"project/transaction.py"},
    "jinja2": {"catalog/render.py"},
    "libcst": {"source/document.py"},
    "matplotlib": {"sweep/report/png.py"},
    "mcp": {"server/session.py"},
    "mcp_types": {"server/session.py"},
    "pathspec": {"project/python_files.py"},
    "prompt_toolkit": {"commands/picking.py"},
    "questionary": {"commands/picking.py"},
    "ray": {"sweep/ray.py"},
    "submitit": {"sweep/slurm.py"},
    "tomli": {
        "explanations/entries.py",
        "project/config.py",
        "catalog/head.py",
        "history/ledger.py",
    },
    "tensorboard": {"runner/tensorboard_events.py"},
    "torch": {"observer", "runner"},
    "yaml": {"source/yaml_document.py"},
}

#: They run in other processes, with a Python that has torch and nothing else.
APART = ("observer", "runner")
#: What both processes share: the types of what they say to each other.
PROTOCOL, BORDER = "stitchgen.observer.protocol", "analysis"


def place(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def package(file: Path) -> str:
    """The package or top-level module that a file belongs to."""
    return place(file).partition("/")[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))
IDS = list(map(place, FILES))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Every imported module with its line, wherever in the file it is imported."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            assert node.module is not None
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_imports_follow_the_order_of_the_packages(file):
    me = package(file)
    allowed = {me} if me in (*APART, "__init__") else set(ORDER[: ORDER.index(me) + 1])
    for line, name in imports(file):
        if me == BORDER and name.startswith(PROTOCOL):
            continue
        if name.startswith("stitchgen.") and name != "stitchgen.__version__":
            assert name.split(".")[1] in allowed, f"line {line} imports {name}"


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


def imported_files(file: Path) -> set[Path]:
    """The files of the package that a file imports itself; not the packages above them."""
    found = set()
    for _, name in imports(file):
        # `from a.b import c` imports the module c, or the module b that binds it.
        for parts in (name.split("."), name.split(".")[:-1]):
            path = PACKAGE.parent.joinpath(*parts)
            module = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
            if parts and module.is_file() and PACKAGE in module.parents:
                found.add(module)
                break
    return found


def test_no_module_imports_itself_through_others():
    """Inside a package as well, in function bodies, and for annotations alone."""
    try:
        TopologicalSorter({file: imported_files(file) for file in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(module_name(file) for file in reversed(error.args[1])))


def test_packages_hand_on_no_names():
    """An `__init__` that imports makes whoever wants one module pay for all."""
    for file in PACKAGE.rglob("*/__init__.py"):
        assert not [*imports(file)], place(file)


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_each_dependency_has_one_owner(file):
    for line, name in imports(file):
        dependency = name.split(".")[0]
        if dependency == "stitchgen" or dependency in sys.stdlib_module_names:
            continue
        if dependency in ("tomllib", "_typeshed"):  # in the standard library from 3.11 on
            continue
        assert dependency in OWNERS, f"line {line}: nobody owns {dependency}"
        assert {package(file), place(file)} & OWNERS[dependency], f"line {line}: {dependency}"


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_only_the_command_line_prints_and_exits(file):
    if package(file) in ("cli", *APART):
        return
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.exit", "exit", "os._exit"), f"line {node.lineno}"


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_every_module_says_what_it_is(file):
    assert ast.get_docstring(ast.parse(file.read_bytes())) or file.stat().st_size == 0


def test_observer_and_editor_agree_on_what_only_reads():
    """Each side of the process boundary holds the list; what one evaluates the other writes again."""

    def sets(module: str) -> dict[str, set[str]]:
        tree = ast.parse((PACKAGE / module).read_bytes())
        return {
            target.id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.startswith("READING_")
        }

    assert len(sets("rewrite/calls.py")) == 2
    assert sets("rewrite/calls.py") == sets("observer/tracing/reading.py")


CONTRIBUTING = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*ORDER[:-1], *APART])
def test_contributing_says_what_each_package_is(name):
    assert f"`{name}/`" in CONTRIBUTING or f"`{name}.py`" in CONTRIBUTING


def test_the_files_that_contributing_names_are_there():
    named = set(re.findall(r"[\w./-]+/[\w-]+\.(?:py|toml|md)(?:\.j2)?\b", CONTRIBUTING))
    assert len(named) > 40
    folders = (PACKAGE.parent, PACKAGE)
    assert [one for one in named if not any((at / one).exists() for at in folders)] == []
