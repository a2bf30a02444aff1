"""The command line: options in, exactly one result out. The commands are stood in for here."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import stitchgen
from stitchgen.cli import main
from stitchgen.errors import InternalError, StitchError
from stitchgen.source.edits import FileChange
from tests.support.results import ADDED, Outcome
from tests.support.spliced import MODEL, splice
from tests.support.stand import the_object


def test_a_command_that_is_mistyped_is_met_with_the_near_ones(stand, capsys):
    assert main.run(["chek", "--json"]) == 2
    assert the_object(capsys)["error"]["suggestions"] == ["stitchgen check"]


def test_without_a_command_the_help_is_shown(stand, capsys):
    assert main.run([]) == 2
    assert "Commands:" in capsys.readouterr().err
    assert main.run(["--json"]) == 2
    assert the_object(capsys)["error"]["code"] == "usage"


# ---------------------------------------------------------------- one object on stdout


@pytest.mark.parametrize("arguments", [["add", "cbam", "--after", "m.a", "--json"]])
def test_json_prints_the_result_and_nothing_else(stand, capsys, arguments):
    def noisy():
        print("a library says hello")
        return Outcome(ADDED)

    stand.put("add", noisy)
    assert main.run(arguments) == 0
    assert the_object(capsys) == ADDED


@pytest.mark.parametrize(
    "arguments", [["--help"], ["add", "--help"], ["--version"], ["list", "-h"]]
)
def test_json_holds_for_help_too(stand, capsys, arguments):
    assert main.run([*arguments, "--json"]) == 0
    value = the_object(capsys)
    assert value["ok"] and value["text"]


def test_json_may_stand_before_the_command(stand, capsys):
    stand.put("listing", {"ok": True, "command": "list", "blocks": []})
    assert main.run(["--json", "list"]) == 0
    assert the_object(capsys)["command"] == "list"


def test_json_is_ascii_whatever_the_names(stand, capsys):
    answer = {"ok": True, "command": "list", "blocks": ["卷积", "undecodable \udcff"]}
    stand.put("listing", answer)
    assert main.run(["list", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert out.isascii() and json.loads(out) == answer


def test_a_refusal_goes_to_stderr_and_its_object_to_stdout(stand, capsys):
    refusal = StitchError(
        "target-not-found",
        "ResNet has no layer layer22",
        where="model.py:12",
        hint="stitchgen layers model",
        suggestions=["model.layer2", "model.layer1"],
    )
    stand.put("add", refusal)
    assert main.run(["add", "cbam", "--after", "model.layer22"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error[target-not-found]: ResNet has no layer layer22",
        "  at model.py:12",
        "  hint: stitchgen layers model",
        "  perhaps:",
        "    model.layer2",
        "    model.layer1",
    ]
    assert main.run(["add", "cbam", "--after", "model.layer22", "--json"]) == 1
    assert the_object(capsys) == {"ok": False, "error": refusal.as_dict()}


@pytest.mark.parametrize(
    "defect",
    [ZeroDivisionError("oops"), InternalError("oops"), SystemExit(3), RecursionError("oops")],
    ids=lambda defect: type(defect).__name__,
)
def test_a_defect_is_exit_70_and_says_what_to_report(stand, capsys, defect):
    stand.put("add", defect)
    arguments = ["add", "cbam", "--after", "m.a"]
    assert main.run(arguments) == 70
    out, err = capsys.readouterr()
    assert out == "" and "please report" in err and "Traceback" not in err
    assert f"stitchgen: {stitchgen.__version__}" in err
    assert main.run([*arguments, "--json"]) == 70
    error = the_object(capsys)["error"]
    assert error["code"] == "internal"
    assert error["report"]["arguments"] == [*arguments, "--json"]


def test_a_report_that_fails_says_that_the_work_is_done(stand, capsys):
    stand.put("add", Outcome({"ok": True, "command": "add", "splices": []}))
    assert main.run(["add", "cbam", "--after", "m.a"]) == 70
    out, err = capsys.readouterr()
    assert out == "" and "has done its work" in err and "please report" in err


def test_a_traceback_of_the_observer_is_reported_as_places(stand, capsys):
    traceback = 'Traceback\n  File "/x/stitchgen/observer/laws.py", line 12, in prove\nKeyError: 1'
    stand.put("add", InternalError("KeyError: 1", details={"traceback": traceback}))
    assert main.run(["add", "cbam", "--after", "m.a", "--json"]) == 70
    out = json.dumps(the_object(capsys))
    assert "observer/laws.py:12" in out and "Traceback" not in out


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt(), EOFError()], ids=["Ctrl-C", "Ctrl-D"]
)
def test_an_interruption_is_exit_130(stand, capsys, interruption):
    stand.put("add", interruption)
    assert main.run(["add", "cbam", "--after", "m.a", "--json"]) == 130
    assert the_object(capsys)["error"]["code"] == "interrupted"


def test_drift_is_exit_1_with_the_report_of_check(stand, capsys):
    answer = {"ok": False, "command": "check", "files": []}
    stand.put("check", answer)
    assert main.run(["check", "--json"]) == 1
    assert the_object(capsys) == answer


# ---------------------------------------------------------------- the patch


def test_diff_prints_the_patch_alone_on_stdout(stand, capfdbinary):
    stand.put("add", Outcome(ADDED | {"dry_run": True}))
    assert main.run(["add", "cbam", "--after", "m.a", "--diff"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"--- a/model.py\n+++ b/model.py\n@@ -1 +1,2 @@\n a\n+b\n"
    assert b"layer2_cbam" in err
    assert stand.calls[0][1]["mode"] == "diff"


def test_diff_with_json_is_one_object_that_holds_the_patch(stand, capsys):
    change = FileChange("model.py", b"", b"caf\xe9\n")
    stand.put("add", Outcome(ADDED | {"dry_run": True}, (change,)))
    assert main.run(["add", "cbam", "--after", "m.a", "--diff", "--json"]) == 0
    patch = the_object(capsys)["patch"].encode("utf-8", "surrogateescape")
    assert patch.endswith(b"+caf\xe9\n")


@pytest.mark.parametrize(
    ("project", "here", "folder"),
    [
        (".", ".", "."),
        ("unet", "unet", "unet"),
        ("unet", "unet/unet", "unet/unet"),
        ("unet", "unet/other", "unet"),
        ("unet", ".", "."),
    ],
    ids=[
        "at the root of the repository",
        "in a project below it",
        "in a folder below the project",
        "in a folder of the project without the file",
        "above the project",
    ],
)
def test_git_applies_the_patch_in_the_folder_that_is_named(
    tmp_path, monkeypatch, stand, capsys, project, here, folder
):
    # The folder's name repeats, since git then takes a traditional name to be one from the root.
    path = "unet/model.py" if project == "unet" else "unet/unet/model.py"
    file = tmp_path / project / path
    for name in (file.parent, tmp_path / "unet" / "other"):
        name.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path / here)
    stand.put("add", Outcome(ADDED | {"dry_run": True}, (FileChange(path, b"a\n", b"a\nb\n"),)))
    root = str(tmp_path / project)
    options = ["--diff", "--json", "--project", root]
    assert main.run(["add", "cbam", "--after", "m.a", *options]) == 0
    answer = the_object(capsys)
    assert answer["patch_folder"] == str(tmp_path / folder)
    subprocess.run(
        ["git", "apply"], input=answer["patch"], cwd=tmp_path / folder, check=True, text=True
    )
    assert file.read_bytes() == b"a\nb\n"


# ---------------------------------------------------------------- as a process

PROGRAM = """
import sys, time, types, stitchgen.pipeline as pipeline
add = sys.modules["stitchgen.pipeline.splice"] = pipeline.splice = types.ModuleType("splice")
def run(*args, **kwargs):
    print("started", file=sys.stderr, flush=True)
    time.sleep(30)
add.run = run
from stitchgen.cli.main import main
main()
"""


ASKED = """
import sys, types, stitchgen.pipeline as pipeline
sys.path.insert(0, sys.argv.pop(1))
from tests.support.results import ADDED, Outcome
from tests.support.stand import the_object
add = sys.modules["stitchgen.pipeline.splice"] = pipeline.splice = types.ModuleType("splice")
add.run = lambda *args, **kwargs: Outcome(ADDED)
from stitchgen.cli.main import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
@pytest.mark.parametrize(
    ("options", "typed", "written"),
    [([], b"y\n", True), ([], b"n\n", False), ([], b"\x04", False), (["--yes"], b"", False)],
    ids=["yes", "no", "Ctrl-D", "--yes"],
)
def test_a_build_that_was_given_may_be_remembered(tmp_path, options, typed, written):
    (tmp_path / "pyproject.toml").touch()
    here, there = os.openpty()
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            ASKED,
            root,
            "add",
            "cbam",
            "--after",
            "m.a",
            "--build",
            "resnet18()",
        ]
        + options,
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=there,
        cwd=tmp_path,
    )
    os.write(here, typed)
    out, _ = process.communicate(timeout=60)
    os.write(there, b".")  # reading waits for something, and nothing need be shown
    shown = os.read(here, 10_000).decode()
    os.close(here)
    os.close(there)
    assert process.returncode == 0
    assert b"stitchgen undo takes it back" in out
    assert ("Write --build into stitchgen.toml" in shown) == (not options)
    assert (tmp_path / "stitchgen.toml").exists() == written
    if written:
        assert 'build = ["resnet18()"]' in (tmp_path / "stitchgen.toml").read_text()


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_nothing_is_asked_where_there_was_nothing_to_do(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    here, there = os.openpty()
    root = str(Path(__file__).parents[2])
    done = "ADDED['splices'] = [s | {'already': True} for s in ADDED['splices']]\nADDED['files'] = []\n"
    program = ASKED.replace("from stitchgen.cli", done + "from stitchgen.cli")
    command = ["add", "cbam", "--after", "m.a", "--build", "resnet18()"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, root, *command],
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=there,
        cwd=tmp_path,
    )
    out, _ = process.communicate(timeout=60)
    os.write(there, b".")
    os.write(there, b".")  # reading waits for something, and nothing need be shown
    shown = os.read(here, 10_000).decode()
    os.close(here)
    os.close(there)
    assert process.returncode == 0
    assert b"nothing to do" in out and "Write" not in shown


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_signal_ends_the_command_with_130_and_no_traceback(tmp_path, number, options):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "add", "cbam", "--after", "m.a", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # Whoever runs the tests in the background has their signals ignored.
        preexec_fn=lambda: [  # noqa: PLW1509 (no threads here)
            signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)
        ],
    )
    assert process.stderr.readline() == "started\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    if options:
        assert json.loads(out)["error"]["code"] == "interrupted"
    else:
        assert "error[interrupted]" in err


def stitchgen_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "stitchgen", *arguments], capture_output=True, text=True, **options
    )


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    command = f"{sys.executable} -m stitchgen list | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_report_that_cannot_be_written_is_said_without_a_traceback(tmp_path):
    command = f"{sys.executable} -m stitchgen list --json > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "stitchgen: the report cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
def test_a_current_folder_that_is_gone_is_wrong_usage(tmp_path):
    (tmp_path / "gone").mkdir()
    command = f"cd gone && rmdir ../gone && {sys.executable} -m stitchgen list --json"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "no longer there" in json.loads(done.stdout)["error"]["message"]


def test_an_encoding_that_lacks_a_letter_is_no_error(tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = stitchgen_process("list", cwd=tmp_path, env=environment)
    assert done.returncode == 0 and done.stderr == ""


def test_a_configuration_that_is_malformed_refuses_every_command(tmp_path):
    (tmp_path / "stitchgen.toml").write_text("pyton = 'x'")
    done = stitchgen_process("list", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "no-configuration"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_works_as_click_gives_it(tmp_path, shell):
    environment = os.environ | {"_STITCHGEN_COMPLETE": f"{shell}_source"}
    done = stitchgen_process(cwd=tmp_path, env=environment)
    assert done.returncode == 0 and "_STITCHGEN_COMPLETE" in done.stdout


def test_completion_knows_commands_and_blocks(tmp_path):
    def complete(words, index):
        environment = os.environ | {
            "_STITCHGEN_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(index),
        }
        return stitchgen_process(cwd=tmp_path, env=environment).stdout

    assert "plain,new-module" in complete("stitchgen new", 1)
    assert "plain,cbam" in complete("stitchgen add cb", 2)


def completed(folder, words, **environment):
    """What a shell is offered for the last of the words."""
    asked = os.environ | {"_STITCHGEN_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words)}
    asked |= {"COMP_CWORD": str(len(words) - 1)} | environment
    lines = stitchgen_process(cwd=folder, env=asked).stdout.splitlines()
    return [line.rpartition(",")[2] for line in lines]


def test_splices_and_second_targets_are_completed(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "model.py").write_text(MODEL)
    splice(tmp_path)
    splice(tmp_path, "conv1", "se")
    assert completed(tmp_path, ["stitchgen", "remove", "la"]) == ["layer2_cbam"]
    assert completed(tmp_path, ["stitchgen", "remove", "model.py::Net.c"]) == [
        "model.py::Net.conv1"
    ]
    assert completed(tmp_path, ["stitchgen", "remove", "--block", "s"]) == ["se"]
    second = ["stitchgen", "add", "sff", "--after", "model.conv1", "--with", "model.la"]
    assert completed(tmp_path, second) == ["model.layer2", "model.layer2_cbam"]


def test_powershell_is_completed(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    asked = {"_STITCHGEN_COMPLETE": "powershell_source"}
    script = completed(tmp_path, ["stitchgen"], **asked)
    assert script[0].startswith("Register-ArgumentCompleter") and "%(" not in "".join(script)
    words = "stitchgen\nadd\ncbam\n--after\nmodel.la"
    asked = {"_STITCHGEN_COMPLETE": "powershell_complete", "STITCHGEN_WORDS": words}
    assert completed(tmp_path, [""], **asked, STITCHGEN_WORD="model.la") == ["model.layer2"]
    asked["STITCHGEN_WORDS"] = "stitchgen\nund"
    assert completed(tmp_path, [""], **asked, STITCHGEN_WORD="und") == ["undo"]


def test_the_summaries_of_the_commands_are_whole_at_80_columns() -> None:
    context = click.Context(main.cli, info_name="stitchgen", terminal_width=80)
    _, commands = main.cli.get_help(context).split("Commands:\n")
    assert "status" in commands
    assert not [line for line in commands.splitlines() if line.endswith("...")]
