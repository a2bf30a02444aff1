"""The shape of the code: imports point only down, and each dependency has one owner."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "stitchgen"

#: From the ground up. A module (or folder of modules) may import those of lower floors only.
FLOORS = [
    ["errors", "facts"],
    ["edits"],
    ["config", "request", "target", "catalog", "report"],
    ["files"],
    ["render", "style", "cst", "observe", "reading", "definitions"],
    ["syntax", "meaning"],
    ["sites", "channels", "imports", "advice"],
    ["users"],
    ["observed", "traces"],
    ["describing", "removal"],
    ["workbench", "ledger", "offers", "scripts", "elements", "insertion"],
    ["anchors", "wrapping", "session"],
    ["sequential_calls"],
    ["calls"],
    ["unbuilt", "methods"],
    ["resolve"],
    ["read_survey"],
    ["place"],
    ["constructors"],
    ["containers", "unexecuted"],
    ["attached"],
    ["places"],
    ["plan", "selections"],
    ["already", "blocks", "counts", "own_block", "proof", "writing"],
    ["joining", "features"],
    ["planning", "outcome"],
    ["again", "pyramid"],
    ["splicing"],
    ["fusing"],
    ["listing", "show", "new_module", "layers", "add", "fuse", "undo", "check"],
    ["demo"],
    ["cli"],
    ["__main__"],
]
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}

#: The one module that may import it. TOML is in the standard library from Python 3.11 on, so
#: whoever reads it is free to.
OWNERS = {
    "black": {"style"},
    "click": {"cli"},
    "filelock": {"files"},
    "jinja2": {"render"},
    "libcst": {"cst"},
    "tomli": {"config", "catalog", "ledger"},
    "torch": {"observer"},
}


def owner(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))
IDS = [file.relative_to(PACKAGE).as_posix() for file in FILES]


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


def own_imports(file: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(file):
        if name.startswith("stitchgen."):
            module = name.split(".")[1]
            if (PACKAGE / module).is_dir() or (PACKAGE / f"{module}.py").is_file():
                yield line, module


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_imports_point_only_down(file):
    me = owner(file)
    if me in ("__init__", "observer"):
        # The observer runs in another process, with a Python that has only torch.
        assert {module for _, module in own_imports(file)} <= {me}
        return
    assert me in FLOOR, f"{me} has no floor: put it into the table"
    for line, module in own_imports(file):
        if module != me:
            assert module != "observer", f"line {line}: the observer runs only in its own process"
            assert FLOOR[module] < FLOOR[me], f"line {line}: {me} imports {module}"


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


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_each_dependency_has_one_owner(file):
    me = owner(file)
    for line, name in imports(file):
        package = name.split(".")[0]
        if package == "stitchgen" or package in sys.stdlib_module_names:
            continue
        if package in ("tomllib", "_typeshed"):  # in the standard library from 3.11 on
            continue
        assert package in OWNERS, f"line {line}: nobody owns {package}"
        assert me in OWNERS[package], f"line {line}: {package} is for {OWNERS[package]}"


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_only_the_command_line_prints_and_exits(file):
    if owner(file) in ("cli", "observer"):
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

    assert len(sets("calls.py")) == 2
    assert sets("calls.py") == sets("observer/trace.py")
