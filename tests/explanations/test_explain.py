"""Each code has an explanation in English and Chinese, and an example that leads to it."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from stitchgen.catalog import folders
from stitchgen.cli import main
from stitchgen.errors import CODES
from stitchgen.explanations import explain
from stitchgen.explanations.entries import SAMPLE, Explanation, explanations
from stitchgen.pipeline import splice
from stitchgen.project import transaction

PACKAGE = Path(main.__file__).parents[1]
KNOWN, PARTS = explanations()

#: No small model hides its axes.
WITHOUT = {"layout-ambiguous"}
#: Those of YAML files, which need PyYAML, or a checkpoint: `tests/yolo` leads to them.
WITHOUT |= {"no-yaml", "no-mcp", "reshaped", "nothing-new", "copied", "checkpoint"}
WITHOUT |= {"no-scale", "moved-layers", "not-imported"}
WITHOUT |= {"two-packages", "not-deterministic", "old-checkpoints"}
#: Those of trainings: `tests/sweep` leads to them.
WITHOUT |= {"baseline-failed", "no-metric", "constant-seed", "sources-changed", "disk-full"}
WITHOUT |= {"no-cluster"}


def warnings_in_the_source() -> set[str]:
    """The codes of all warnings and notes that some module makes."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Dict):
                found |= {
                    value.value
                    for key, value in zip(node.keys, node.values)
                    if isinstance(key, ast.Constant) and key.value == "code"
                    if isinstance(value, ast.Constant)
                }
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("warn", "note") and isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value)
    return found


def test_every_code_has_an_explanation_and_nothing_else_has():
    assert set(KNOWN) == set(CODES) | warnings_in_the_source()
    assert [code for part in PARTS for code in part.codes] == list(KNOWN)


@pytest.mark.parametrize("code", KNOWN)
def test_an_explanation_is_whole_in_both_languages(code):
    one = KNOWN[code]
    for text in (one.means, one.do):
        assert text.endswith(".") and text.isascii()
    for text in (one.means_zh, one.do_zh):
        assert text.endswith("。") and re.search("[\u4e00-\u9fff]", text)
    assert bool(one.commands) is (code not in WITHOUT)


# -- the examples --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def circumstances(
    request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """What an example says after a `#`, or cannot show: another command, a defect, an old Python."""

    def raising(error: BaseException) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(splice, "run", fail)

    match request.node.callspec.params["code"]:
        case "interrupted":
            raising(KeyboardInterrupt())
        case "internal":
            raising(ZeroDivisionError())
        case "locked":
            monkeypatch.setattr(transaction, "LOCK_SECONDS", 0.1)
            (folder / ".stitchgen").mkdir()
            with FileLock(folder / ".stitchgen" / "lock"):
                yield
            return
        case "too-old":
            code = "import runpy, sys; sys.argv = sys.argv[1:]; sys.version_info = (3, 7, 16); "
            code += "runpy.run_path(sys.argv[0], run_name='__main__')"
            (folder / "python3.7").write_text(
                f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n'
            )
            (folder / "python3.7").chmod(0o755)
        case "no-git":
            lab = lab_block(folder)
            (folder / "stitchgen.toml").write_text('catalogs = ["lab-blocks"]\n')
            assert main.run(["new-module", "lab/eca", "--json"]) == 0
            for path, text in ((lab, "not {"), (folder / "blocks" / "eca.py", "is {")):
                path.write_text(path.read_text().replace("got {channels", f"{text}channels"))
            monkeypatch.setattr(shutil, "which", lambda name: None)
    yield


def lab_block(folder: Path) -> Path:
    path = folder / "lab-blocks" / "eca.py.j2"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(folders.get("eca").template, path)
    return path


def write(one: Explanation, folder: Path) -> None:
    for name, text in one.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if one.code == "arguments":
        lab_block(folder)


def runs_the_model(words: list[str]) -> bool:
    return words[0] in ("add", "layers") and not {"--no-prove", "--python"} & set(words)


@pytest.mark.parametrize("code", [code for code in KNOWN if code not in WITHOUT])
def test_the_example_leads_to_the_code(
    code: str, folder: Path, circumstances: None, python: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = KNOWN[code]
    write(one, folder)
    said: list[str] = []
    for command in one.commands:
        program, *words = shlex.split(command, comments=True)
        if program != "stitchgen":
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": path})
            continue
        assert code not in said, "the last command alone leads to it"
        capsys.readouterr()
        main.run([*words, *(["--python", python] if runs_the_model(words) else []), "--json"])
        answer = json.loads(capsys.readouterr().out)
        found = [answer.get("error", {}), *answer.get("warnings", [])]
        found += [*answer.get("drift", []), *answer.get("notes", [])]
        said = [entry["code"] for entry in found if "code" in entry]
    assert code in said, answer


# -- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
    ids=str,
)
def test_the_language_is_that_of_the_locale(variables, language, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert explain.run("many-calls")["lang"] == language


def test_the_object(monkeypatch):
    found = explain.run("many-calls", "zh")
    assert found["kind"] == "error" and found["means"] == KNOWN["many-calls"].means_zh
    assert found["example"]["commands"] == ["stitchgen add se --after model.layer2 --no-prove"]
    assert explain.run("narrow", "en")["kind"] == "warning"
    assert {code for part in explain.run(None, "zh")["parts"] for code in part["codes"]} == set(
        KNOWN
    )


def test_a_person_reads_it_with_the_example(capsys):
    assert main.run(["explain", "file-not-found", "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "file-not-found"
    assert "  $ stitchgen add se --after modle.layer1" in lines
    assert [line[4:] for line in lines if line.startswith("    ")][:2] == SAMPLE.splitlines()[:2]
    assert main.run(["explain", "--lang", "zh"]) == 0
    assert "  many-calls " in capsys.readouterr().out


def test_a_mistyped_code_is_met_with_the_near_ones(capsys):
    assert main.run(["explain", "many-cals", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["suggestions"] == [
        "stitchgen explain many-calls"
    ]


@pytest.mark.parametrize("language", explain.LANGUAGES)
def test_the_page_of_the_documentation_has_all_codes(language):
    page = explain.page(language)
    assert re.findall(r"^### `([a-z-]+)`$", page, re.MULTILINE) == list(KNOWN)
    for one in KNOWN.values():
        assert all(text in page for text in one.text(chinese=language == "zh"))
        assert all(command in page for command in one.commands)
