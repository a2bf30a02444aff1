"""Where the project is and what it has configured."""

import sys
from pathlib import Path

import pytest

from stitchgen.errors import StitchError, UsageError
from stitchgen.project.config import find_project, remembering


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / {"pyproject": "pyproject.toml", "own": "stitchgen.toml"}.get(name, name)
        path.write_text(text, "utf-8")
    return root


@pytest.mark.parametrize("marker", ["stitchgen.toml", "pyproject.toml", ".git"])
def test_the_root_is_the_nearest_folder_upwards_with_a_marker(tmp_path, monkeypatch, marker):
    inner = tmp_path / "repo" / "pkg" / "nets"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "repo" / marker).touch()
    monkeypatch.chdir(inner)
    assert find_project().root == tmp_path / "repo"


def test_without_a_marker_the_root_is_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stitchgen.project.config.MARKERS", ("no-such-marker",))
    assert find_project().root == tmp_path


def test_a_directory_that_is_given_is_the_root_itself(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "sub").mkdir()
    assert find_project(tmp_path / "sub").root == tmp_path / "sub"


def test_a_directory_that_is_given_and_missing_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path / "missing")
    assert caught.value.code == "file-not-found"


CONTENT = """
python = ".venv/bin/python"
blocks = "models/blocks"
catalogs = ["lab"]
[models.unet]
target = "unet/unet_model.py::UNet"
build = ["UNet(3, 2)", "UNet(1, 4)"]
input = "1x3x256x256"
"""


@pytest.mark.parametrize(
    "files",
    [
        {"own": CONTENT},
        {"own": "[tool.stitchgen]" + CONTENT.replace("[models", "[tool.stitchgen.models")},
        {"pyproject": "[tool.stitchgen]" + CONTENT.replace("[models", "[tool.stitchgen.models")},
        {"own": "\ufeff" + CONTENT},
    ],
    ids=["stitchgen.toml", "stitchgen.toml with the prefix", "pyproject.toml", "with a BOM"],
)
def test_the_settings_are_the_same_wherever_they_stand(tmp_path, files):
    (tmp_path / "lab").mkdir()
    project = find_project(write(tmp_path, **files))
    assert project.python == str(tmp_path / ".venv/bin/python")
    assert project.blocks == "models/blocks"
    assert project.catalogs == (str(tmp_path / "lab"),)
    unet = project.models["unet"]
    assert unet.target == "unet/unet_model.py::UNet"
    assert unet.build == ("UNet(3, 2)", "UNet(1, 4)")
    assert unet.input == ("1x3x256x256",)


def test_a_command_name_of_a_python_is_left_to_the_path(tmp_path):
    assert find_project(write(tmp_path, own='python = "python3.11"')).python == "python3.11"


def test_a_python_that_is_a_symlink_is_not_resolved(tmp_path):
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert find_project(write(tmp_path, own='python = "./python"')).python == str(link)


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("pyton = 'x'", "no setting pyton", "python"),
        ("[models.a]\ntarget='m.py'\nbiuld='x'", "models.a.biuld", "models.a.build"),
        ("[models.a]\nbuild='x'", "models.a has no target", None),
        ("models = 3", "models is no table", None),
        ("[models]\na = 3", "models.a is no table", None),
        ("python = 3", "python must be a string", None),
        ("python = ''", "python must be a string", None),
        ("catalogs = [3]", "catalogs must be a list", None),
        ("catalogs = ['missing']", "no folder 'missing'", None),
        ("blocks = 'my-blocks'", "no folder that Python can import from", None),
        ("blocks = '../blocks'", "no folder that Python can import from", None),
        ("python = ", "not valid TOML", None),
    ],
)
def test_a_malformed_configuration_is_refused_with_its_place(tmp_path, text, message, suggestion):
    with pytest.raises(StitchError) as caught:
        find_project(write(tmp_path, own=text))
    error = caught.value
    assert error.code == "no-configuration"
    assert message in error.message
    assert error.where.startswith("stitchgen.toml")
    assert error.hint
    assert error.suggestions == ([suggestion] if suggestion else [])


def test_a_toml_error_names_its_line(tmp_path):
    with pytest.raises(StitchError) as caught:
        find_project(write(tmp_path, pyproject="[tool.stitchgen]\npython = \n"))
    assert caught.value.where == "pyproject.toml:2"


def test_a_toml_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "stitchgen.toml").write_bytes(b"python = '\xe9'")
    with pytest.raises(StitchError, match="not valid TOML"):
        find_project(tmp_path)


def test_two_configurations_are_refused(tmp_path):
    files = {"own": "python = 'a'", "pyproject": "[tool.stitchgen]\npython = 'b'"}
    with pytest.raises(StitchError, match="configured twice"):
        find_project(write(tmp_path, **files))


@pytest.mark.parametrize(
    ("files", "line_length", "formatter"),
    [
        ({}, 88, None),
        ({"pyproject": "[tool.black]\nline-length = 100"}, 100, "black"),
        ({"pyproject": "[tool.black]\nline_length = 79"}, 79, "black"),
        ({"pyproject": "[tool.black]"}, 88, "black"),
        ({"pyproject": "[tool.ruff]\nline-length = 110"}, 110, None),
        ({"pyproject": "[tool.ruff]\nline-length = 110\n[tool.ruff.format]"}, 110, "ruff"),
        ({"ruff.toml": "line-length = 70\n[format]"}, 70, "ruff"),
        ({"pyproject": "[tool.yapf]\ncolumn_limit = 60"}, 60, "yapf"),
        ({".style.yapf": "[style]"}, 88, "yapf"),
        ({"pyproject": "[tool.autopep8]\nmax_line_length = 120"}, 120, "autopep8"),
        ({".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: black\n"}, 88, "black"),
        ({".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: ruff\n"}, 88, None),
        ({".pre-commit-config.yaml": "repos:\n- hooks: \n    - id: ruff-format\n"}, 88, "ruff"),
        (
            {
                "pyproject": "[tool.ruff]\nline-length = 99",
                ".pre-commit-config.yaml": "- id: 'black'",
            },
            99,
            "black",
        ),
        ({"pyproject": "[tool.black]\nline-length = 'wide'"}, 88, "black"),
    ],
)
def test_the_style_of_the_project_is_followed(tmp_path, files, line_length, formatter):
    (tmp_path / ".git").mkdir()
    project = find_project(write(tmp_path, **files))
    assert (project.line_length, project.formatter) == (line_length, formatter)


def test_the_style_is_looked_for_up_to_the_repository(tmp_path):
    write(tmp_path, pyproject="[tool.black]\nline-length = 100")
    inner = tmp_path / "repo" / "unet"
    inner.mkdir(parents=True)
    write(inner, own="")
    assert find_project(inner).line_length == 100
    (tmp_path / "repo" / ".git").mkdir()
    assert find_project(inner).line_length == 88


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"own": "python = 'python3'\n"},
        {"own": "python = 'python3'"},
        {"own": "[models.unet]\ntarget = 'unet.py::UNet'\n"},
        {"pyproject": "[project]\nname = 'x'\n"},
        {"pyproject": "[tool.stitchgen]\npython = 'python3'\n[tool.black]\n"},
    ],
    ids=["no file", "own", "own without newline", "another model", "no table", "pyproject"],
)
def test_what_is_remembered_is_found_the_next_time(tmp_path, files):
    before = find_project(write(tmp_path, **files))
    build, shape = ("UNet(3, '\u00e9\"')", "UNet(1, 4)"), ("1x3x8x8",)
    change = remembering(before, "nets/unet.py::UNet.down4", build, shape)
    assert change.before is None or change.after.startswith(change.before)
    (tmp_path / change.path).write_bytes(change.after)
    after = find_project(tmp_path)
    [model] = set(after.models.values()) - set(before.models.values())
    assert (model.target, model.build, model.input) == ("nets/unet.py::UNet", build, shape)
    assert after.python == before.python
    assert remembering(after, "nets/unet.py::UNet.down4", build, shape) is None


def test_nothing_is_remembered_where_nothing_was_given(tmp_path):
    assert remembering(find_project(tmp_path), "unet.py::UNet.down4", (), ()) is None


def test_a_file_with_windows_newlines_keeps_them(tmp_path):
    (tmp_path / "stitchgen.toml").write_bytes(b"python = 'python3'\r\n")
    change = remembering(find_project(tmp_path), "unet.py::UNet.down4", ("UNet()",), ())
    assert change.after.count(b"\n") == change.after.count(b"\r\n") == 5
