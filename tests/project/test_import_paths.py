"""The folders that a script puts on its search path, read from its text."""

import ast
from pathlib import Path

import pytest

from stitchgen.project.import_paths import added_folders

ROOT = Path("/project")
FILE = ROOT / "tools" / "train.py"

#: What a script says, the folders that it puts at the front, and those at the end.
SCRIPTS = {
    "a constant": ('sys.path.insert(0, "lib")', ["lib"], []),
    "the parent": ('sys.path.append("..")', [], [".."]),
    "dirname twice": ("sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))", ["."], []),
    "pathlib": ("sys.path.append(str(Path(__file__).resolve().parents[1] / 'src'))", [], ["src"]),
    "f-string": (
        "HERE = os.path.dirname(__file__)\nsys.path.insert(0, f'{HERE}/../lib')",
        ["lib"],
        [],
    ),
    "pardir": (
        "sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))",
        ["."],
        [],
    ),
    "abspath takes the dots away": (
        "up = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))\n"
        "sys.path.append(os.path.dirname(up))",
        [],
        [".."],
    ),
    "a name that is bound anew later": (
        "FILE = Path(__file__).resolve()\n"
        "ROOT = FILE.parents[1]\n"
        "if str(ROOT) not in sys.path:\n"
        "    sys.path.append(str(ROOT))\n"
        "ROOT = Path(os.path.relpath(ROOT, Path.cwd()))",
        [],
        ["."],
    ),
    "a function of the file": (
        "def add_path(path):\n"
        "    if path not in sys.path:\n"
        "        sys.path.insert(0, path)\n"
        "add_path(os.path.join(os.path.dirname(__file__), '..', 'lib'))",
        ["lib"],
        [],
    ),
    "a loop": ("for name in ('a', 'b'):\n    sys.path.append(name)", [], ["a", "b"]),
    "a loop that joins": (
        "for name in ['a', 'b']:\n    sys.path.insert(0, os.path.join('lib', name))",
        ["lib/b", "lib/a"],
        [],
    ),
    "extend": ("sys.path.extend(['a', 'b'])", [], ["a", "b"]),
    "augmented": ("sys.path += ['a', 'b']", [], ["a", "b"]),
    "a slice": ("sys.path[:0] = ['a', 'b']", ["a", "b"], []),
    "a sum": ("sys.path = ['a'] + sys.path", ["a"], []),
    "a sum behind": ("sys.path = sys.path + ['a']", [], ["a"]),
    "site": ("site.addsitedir('lib')", [], ["lib"]),
    "the script's own name": ("sys.path.append(os.path.dirname(sys.argv[0]))", [], ["tools"]),
    "split": ("sys.path.append(os.path.split(os.path.dirname(__file__))[0])", [], ["."]),
    "what cannot be read": ("sys.path.append(args.root)", [], []),
    "another list": ("paths.append('lib')\nself.path.insert(0, 'lib')", [], []),
    "a name of itself": ("HERE = HERE / 'x'\nsys.path.append(HERE)", [], []),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_folders_are_those_of_python(script):
    text, front, back = SCRIPTS[script]
    found = added_folders(ast.parse(text), FILE, ROOT)
    assert [list(end) for end in found] == [places(front), places(back)]


def places(names):
    return [Path("/") if name == ".." else ROOT / name if name != "." else ROOT for name in names]
