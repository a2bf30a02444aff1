"""The ways in which a project imports one of its files, found by reading its scripts."""

import textwrap

import pytest

from stitchgen.project.ways_in import ImportGraph, ways_into

NET = "class Net: ...\n"
INIT_PATHS = """
    import os.path as osp
    import sys

    def add_path(path):
        if path not in sys.path:
            sys.path.insert(0, path)

    add_path(osp.join(osp.dirname(__file__), '..'))
"""

#: The files of a project, the file that is asked about, and who imports it under what name.
PROJECTS = {
    "a script beside it": (
        {"net.py": NET, "train.py": "from net import Net\n"},
        "net.py",
        {"train.py": "net"},
    ),
    "two scripts in one way": (
        {
            "models/net.py": NET,
            "train.py": "import models.net",
            "eval.py": "from models.net import Net",
        },
        "models/net.py",
        {"eval.py": "models.net", "train.py": "models.net"},
    ),
    "a package of a package that nobody imports itself": (
        {
            "vendored/__init__.py": "from vendored.nn.tasks import Net",
            "vendored/nn/__init__.py": "from .tasks import Net",
            "vendored/nn/tasks.py": NET,
            "train.py": "from vendored import Net",
        },
        "vendored/nn/tasks.py",
        {"train.py": "vendored.nn.tasks"},
    ),
    "a neighbour that sets the path": (
        {
            "models/__init__.py": "from . import net",
            "models/net.py": NET,
            "tools/_init_paths.py": INIT_PATHS,
            "tools/train.py": "import _init_paths\nimport models",
        },
        "models/net.py",
        {"tools/train.py": "models.net"},
    ),
    "a module of the package that sets the path": (
        {
            "lib/net.py": NET,
            "tools/common/paths.py": "import sys\nsys.path.append('lib')",
            "tools/run.py": "from common import paths\nfrom net import Net",
        },
        "lib/net.py",
        {"tools/run.py": "net"},
    ),
    "a script of another folder that is run as a module": (
        {"models/net.py": NET, "tools/train.py": "from models.net import Net"},
        "models/net.py",
        {"python -m tools.train": "models.net"},
    ),
    "the file itself": (
        {"net.py": NET + "if __name__ == '__main__':\n    Net()\n"},
        "net.py",
        {"net.py": "net"},
    ),
    "nothing": ({"net.py": NET, "train.py": "import torch"}, "net.py", {}),
}


@pytest.mark.parametrize("project", PROJECTS)
def test_each_script_is_named_with_the_name_under_which_it_imports_the_file(project, tmp_path):
    files, asked, expected = PROJECTS[project]
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    ways = ways_into(tmp_path / asked, ImportGraph(tmp_path))
    assert {one: way.module for way in ways for one in way.importers} == expected


def test_scripts_that_import_a_file_alike_are_one_way(tmp_path):
    for name in ("net", "train", "eval", "export"):
        text = NET if name == "net" else "from net import Net"
        (tmp_path / f"{name}.py").write_text(text)
    (way,) = ways_into(tmp_path / "net.py", ImportGraph(tmp_path))
    assert way.importers == ("eval.py", "export.py", "train.py")


def test_a_relative_import_that_leads_out_of_everything_names_no_file(tmp_path):
    (tmp_path / "net.py").write_text(f"from {'.' * 60} import layers\n")
    graph = ImportGraph(tmp_path)
    assert graph.imported_by(tmp_path / "net.py") == set()
