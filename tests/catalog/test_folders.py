"""The folders of the catalog: names found, other people's catalogs, hostile ones refused."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from stitchgen.catalog import folders, render, template
from stitchgen.cli import main
from stitchgen.errors import StitchError
from stitchgen.pipeline import new_module
from stitchgen.project.config import Project
from tests.support.catalogs import BODY, HEAD, broken

ROOT = Path(__file__).parents[2]


# ---------------------------------------------------------------- finding


def test_loads_every_template_by_its_name():
    blocks = folders.load()
    stems = [p.name.removesuffix(".py.j2") for p in (ROOT / "templates/blocks").rglob("*.j2")]
    assert sorted(stems) == list(blocks)
    assert blocks["cbam"] == folders.get("cbam")


@pytest.mark.parametrize(
    "typed, near",
    [("cbma", "cbam"), ("CBAM", "cbam"), ("GhostModule", "ghost"), ("coord_conv", "coordconv")],
)
def test_an_unknown_name_gets_near_ones(typed, near):
    with pytest.raises(StitchError) as error:
        folders.get(typed)
    assert error.value.code == "block-not-found" and near in error.value.suggestions
    assert typed in error.value.message


@pytest.mark.parametrize("typed", ["", "../cbam", "/etc/passwd", "lab/eca", "a/b/c", "cbam\0", "."])
def test_odd_names_are_just_unknown(typed):
    with pytest.raises(StitchError) as error:
        folders.get(typed)
    assert error.value.code == "block-not-found"


# ---------------------------------------------------------------- other people's catalogs


def test_another_catalog_works_like_the_built_in_one(lab):
    block = folders.get("lab/eca", [lab])
    assert block.name == "lab/eca" and block.module_for(2) == "eca"
    assert "class ECA3d(nn.Identity)" in render.block_source(block, 3)
    assert {"cbam", "lab/eca"} <= set(folders.load([lab]))
    assert folders.get("eca", [lab]).template.parent != lab  # the name alone is ours


def test_the_namespace_is_the_folder_without_blocks(tmp_path):
    for name, namespace in (("lab-blocks", "lab"), ("My_Team_blocks", "my-team"), ("x", "x")):
        folder = tmp_path / name
        (folder / "channel-attention").mkdir(parents=True)
        (folder / "channel-attention" / "eca.py.j2").write_text(HEAD + BODY)
        assert folders.get(f"{namespace}/eca", [folder]).class_name == "ECA"


def test_two_catalogs_of_one_name_are_refused(lab, tmp_path):
    other = tmp_path / "elsewhere" / "lab"
    other.mkdir(parents=True)
    broken(lambda: folders.load([lab, other]), str(other))
    assert folders.load([lab, lab])  # the same folder twice is harmless
    broken(lambda: folders.load([tmp_path / "missing"]))


def test_a_broken_catalog_does_not_stop_the_built_in_blocks(lab):
    (lab / "bad.py.j2").write_text("no head")
    assert folders.get("cbam", [lab]).name == "cbam"
    assert folders.get("lab/eca", [lab]).name == "lab/eca"
    broken(lambda: folders.load([lab]), f"{lab / 'bad.py.j2'}:1")


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")
def test_a_link_out_of_the_catalog_is_refused(lab, tmp_path):
    secret = tmp_path / "secret.py.j2"
    secret.write_text(HEAD.replace('"eca"', '"secret"') + BODY)
    (lab / "secret.py.j2").symlink_to(secret)
    broken(lambda: folders.get("lab/secret", [lab]), str(lab / "secret.py.j2"))
    (lab / "secret.py.j2").unlink()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py.j2").write_text(secret.read_text())
    (lab / "inner").symlink_to(tmp_path / "outside")  # a folder that is a link is not entered
    assert "lab/secret" not in folders.load([lab])
    (lab / "loop.py.j2").symlink_to(lab / "loop.py.j2")
    broken(lambda: folders.load([lab]))


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
def test_a_file_that_never_ends_is_refused(lab):
    os.mkfifo(lab / "pipe.py.j2")
    broken(lambda: folders.get("lab/pipe", [lab]), str(lab / "pipe.py.j2"))
    (lab / "pipe.py.j2").unlink()
    (lab / "pipe.py.j2").write_text(HEAD.replace('"eca"', '"pipe"') + "#" * template.MAX_BYTES)
    broken(lambda: folders.get("lab/pipe", [lab]), str(lab / "pipe.py.j2"))
    (lab / "pipe.py.j2").write_bytes(b"{#\nname = '\xff'\n#}\n")
    broken(lambda: folders.get("lab/pipe", [lab]), f"{lab / 'pipe.py.j2'}:2")


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cls.__init__.__globals__ }}",
        "{{ cls|attr('__class__') }}",
        "{{ cls.upper() }}",
        "{{ lipsum.__globals__['os'].system('touch OWNED') }}",
        "{{ cycler.__init__.__globals__.os.popen('touch OWNED').read() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% for a in range(99999) %}{% endfor %}",
        "{% for a in range(64) %}{% for b in range(64) %}{% for c in range(64) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ missing }}",
        "{{ 1 // 0 }}",
        "{% endif %}",
        "class :",
        "x = " + "(" * 100_000,
        "x = '\0'",
    ],
)
def test_a_template_cannot_run_or_repeat_anything(lab, tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    path = lab / "eca.py.j2"
    path.write_text(HEAD + BODY + attack + "\n")
    block = folders.get("lab/eca", [lab])  # reading the head runs nothing
    error = broken(lambda: render.block_source(block))
    assert error.where.startswith(str(path))
    assert not (tmp_path / "OWNED").exists()


def test_a_refused_template_writes_nothing(lab, tmp_path):
    (lab / "eca.py.j2").write_text(HEAD + "{{ cls.__class__ }}\n")
    project = Project(root=tmp_path / "project", catalogs=(str(lab),))
    project.root.mkdir()
    broken(lambda: new_module.run(project, "lab/eca"))
    assert not list(project.root.iterdir())


# ---------------------------------------------------------------- from the command line


def everything_below(folder):
    """Every path, with what a file holds or a link points to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[path] = path.read_bytes() if plain else os.path.islink(path) and os.readlink(path)
    return found


def traversal(lab, outside):
    (lab / "eca.py.j2").write_text(HEAD.replace('"eca"', '"../../../evil"', 1) + BODY)


def absolute(lab, outside):
    (lab / "eca.py.j2").write_text(HEAD.replace('"eca"', f'"{outside}/evil"', 1) + BODY)


def link(lab, outside):
    (outside / "eca.py.j2").write_text(HEAD + BODY)
    (lab / "eca.py.j2").symlink_to(outside / "eca.py.j2")


def execution(lab, outside):
    attack = "{{ cls.__init__.__globals__['__builtins__']['open']('%s/OWNED', 'w') }}"
    (lab / "eca.py.j2").write_text(HEAD + BODY + attack % outside)


def endless_file(lab, outside):
    os.mkfifo(lab / "eca.py.j2")


def endless_device(lab, outside):
    (lab / "eca.py.j2").symlink_to("/dev/zero")


def endless_loop(lab, outside):
    forever = "{% for a in range(9**9) %}{% for b in range(9**9) %}x{% endfor %}{% endfor %}"
    (lab / "eca.py.j2").write_text(HEAD + BODY + forever)


@pytest.mark.skipif(sys.platform == "win32", reason="no links and FIFOs there")
@pytest.mark.parametrize(
    "attack",
    [traversal, absolute, link, execution, endless_file, endless_device, endless_loop],
)
@pytest.mark.parametrize(
    "command",
    [
        ["new-module", "lab/eca"],
        ["add", "lab/eca", "--after", "model.conv", "--no-prove"],
        ["show", "lab/eca", "--source"],
    ],
    ids=["new-module", "add", "show"],
)
def test_a_hostile_catalog_is_refused_and_named_and_nothing_is_written(
    tmp_path, monkeypatch, capsys, attack, command
):
    lab, outside, inner = (tmp_path / name for name in ("lab", "outside", "project"))
    for folder in (lab, outside, inner):
        folder.mkdir()
    (inner / "stitchgen.toml").write_text('catalogs = ["../lab"]\n')
    (inner / "model.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.conv = nn.Conv2d(3, 8, 3)\n\n"
        "    def forward(self, x):\n        x = self.conv(x)\n        return x\n"
    )
    monkeypatch.chdir(inner)
    good = HEAD + BODY
    (lab / "eca.py.j2").write_text(good)
    assert main.run([*command, "--json"]) == 0  # it is the attack that is refused
    if command[0] != "show":
        assert main.run(["undo", "--json"]) == 0
    (lab / "eca.py.j2").unlink()
    attack(lab, outside)
    before = everything_below(tmp_path)
    capsys.readouterr()
    assert main.run([*command, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "catalog-broken" and "eca.py.j2" in error["where"]
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("name", ["../evil", "lab/../../evil", "/etc/passwd", "lab//etc/passwd"])
def test_no_name_on_the_command_line_leaves_the_catalogs(lab, tmp_path, monkeypatch, capsys, name):
    inner = tmp_path / "project"
    inner.mkdir()
    (inner / "stitchgen.toml").write_text('catalogs = ["../lab"]\n')
    (tmp_path / "evil.py.j2").write_text(HEAD + BODY)
    monkeypatch.chdir(inner)
    before = everything_below(tmp_path)
    assert main.run(["new-module", name, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "block-not-found"
    assert everything_below(tmp_path) == before
