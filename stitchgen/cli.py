"""The command line: options in, one result out, exit status.

Owns click, the only print and the only sys.exit. Floor 6: may import everything, but at the top
only what `--help` needs; each command imports its module inside its body, so that none pays for
another's dependencies.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import click

from stitchgen import __version__
from stitchgen.errors import InternalError, StitchError, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])

DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

#: What `--set` says of the reduction, not of the block: `--set reduce.norm=true`.
REDUCE = "reduce."

AFTER_THE_DEED = "the command itself has done its work, only its report has failed; "


# ---------------------------------------------------------------- options that commands share


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: `--json` is read from the arguments before click sees them, since it rules usage errors too.
JSON_OPTION = click.option(
    "--json", is_flag=True, expose_value=False, help="Print one JSON object on stdout."
)
EVERY_COMMAND = _options(
    click.option(
        "--project",
        metavar="DIR",
        help="The project's root (else the nearest folder upwards with a stitchgen.toml, "
        "pyproject.toml or .git, else the current one).",
    ),
    JSON_OPTION,
)
WRITES = _options(
    click.option("--dry-run", is_flag=True, help="Do all but write."),
    click.option("--diff", is_flag=True, help="A dry run that prints the patch for `git apply`."),
    click.option("--yes", is_flag=True, help="Ask nothing."),
)


def _python(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A path is seen from here, wherever the model is then run; a bare name is left to PATH."""
    if value and os.path.dirname(value):
        return os.path.abspath(os.path.expanduser(value))
    return value


RUNS_THE_MODEL = _options(
    click.option(
        "--build",
        "builds",
        multiple=True,
        metavar="EXPR",
        help="How to construct the model, as in 'resnet18()', evaluated in the model file, or "
        "'package.module:expr'. Repeat for several configurations.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="SHAPE",
        help="What to feed it: 1x3x224x224, 1x16:int64, or a Python expression. Repeat for a "
        "model that takes several tensors.",
    ),
    click.option(
        "--python",
        metavar="PATH",
        callback=_python,
        help="The interpreter that runs the model (else the configured one, else the active "
        "virtual environment's, else the one that runs stitchgen).",
    ),
    click.option("--no-prove", is_flag=True, help="Do not run the edited model; say so."),
)


def _mode(dry_run: bool, diff: bool) -> str:
    return "diff" if diff else "dry-run" if dry_run else "apply"


def _pairs(option: str, values: Iterable[str], below: str = "") -> dict[str, str]:
    """The `name=value` texts of a repeatable option; `below` a prefix, those with it alone."""
    pairs: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        name = name.strip()
        if below and not name.startswith(below):
            continue
        name = name[len(below) :]
        if not equals or not name.isidentifier():
            raise UsageError(
                "bad-argument",
                f"{option} {text!r} is not of the form name=value",
                hint=f"{option} reduction=8",
            )
        if name in pairs:
            raise UsageError(
                "bad-argument",
                f"{option} gives {name} twice",
                hint=f"keep one of {name}={pairs[name]} and {text}",
            )
        pairs[name] = value.strip()
    return pairs


def _answer(outcome: Any, diff: bool, root: Path) -> Mapping[str, Any]:
    """The result of a command that writes, with its patch where `--diff` asks for one.

    git takes the names in a patch to be relative to the current folder, so they are, unless a file
    lies outside of it; then they are relative to the project's root, where the patch is to be
    applied.
    """
    if not diff:
        return outcome.result
    from stitchgen import edits

    here, root = Path.cwd().resolve(), root.resolve()
    paths = [(root / change.path) for change in outcome.changes]
    folder = here if all(path.is_relative_to(here) for path in paths) else root
    changes = [
        replace(change, path=path.relative_to(folder).as_posix())
        for change, path in zip(outcome.changes, paths)
    ]
    repository = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)
    prefix = folder.relative_to(repository).as_posix() + "/" if folder != repository else ""
    patch = edits.patch(changes, prefix).decode("utf-8", "surrogateescape")
    return {**outcome.result, "patch": patch, "patch_folder": str(folder)}


def _project(directory: str | None) -> Any:
    """The project, after a command that was killed here has been finished or rolled back."""
    from stitchgen import config

    project = config.find_project(directory)
    if (project.root / ".stitchgen").exists():
        from stitchgen import files

        files.recover(project.root)
    return project


@dataclass
class Conversation:
    """What a command and the way out of it share: click's context object."""

    people: bool  # stdin and stderr are terminals, and the answer is a text
    question: str = ""  # asked after the report, where there are people
    consent: Callable[[], None] | None = None  # what a yes to it does


def _conversation() -> Conversation:
    return click.get_current_context().obj


def _note_that_the_model_runs() -> None:
    """A large model keeps people waiting for a minute; they should know for what."""
    if _conversation().people:
        click.echo("running the model; Ctrl-C leaves everything as it is", err=True)


def _offer_to_remember(project: Any, result: Mapping[str, Any], request: Any) -> None:
    """Options that were needed this time will be needed again; see `config.remembering`."""
    from stitchgen import config

    fresh = [splice["target"] for splice in result["splices"] if not splice.get("already")]
    [target, *_] = fresh or [""]
    change = config.remembering(project, target, request.builds, request.inputs)
    if not target or change is None:
        return

    def write() -> None:
        from stitchgen import files

        files.commit(project.root, [change])

    conversation = _conversation()
    given = [("--build", request.builds), ("--input", request.inputs)]
    options = " and ".join(option for option, values in given if values)
    conversation.question = f"Write {options} into {change.path}, for the next time?"
    conversation.consent = write


# ---------------------------------------------------------------- the commands


class Commands(click.Group):
    """The group, which lists the commands in the order of the work rather than of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.commands, n=2)
            raise UsageError(
                "usage",
                f"there is no command {args[0]!r}",
                hint="the commands are " + ", ".join(self.commands),
                suggestions=[f"stitchgen {name}" for name in near],
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 refused and nothing written (or drift), 2 wrong usage, "
    "70 a defect of stitchgen, 130 interrupted.",
)
@click.version_option(__version__, prog_name="stitchgen", message="%(prog)s %(version)s")
@JSON_OPTION
def cli() -> None:
    """Splice published neural-network blocks into the PyTorch models you already have."""


def _complete_block(ctx: click.Context, parameter: click.Parameter, text: str) -> list[str]:
    from stitchgen import catalog, config

    try:
        names = catalog.load(config.find_project(None).catalogs)
    except StitchError:
        return []
    return sorted(name for name in names if name.startswith(text))


BLOCK = click.argument("block", shell_complete=_complete_block)


@cli.command("list")
@click.option("--family", metavar="F", help="Only blocks of this family.")
@click.option("--layout", metavar="L", help="Only blocks that take this layout, as in NCHW.")
@click.option("--dims", type=click.IntRange(1, 3), metavar="1|2|3", help="Spatial dimensions.")
@click.option("--search", metavar="TEXT", help="Only blocks whose head has these words.")
@click.option("--year", metavar="YEARS", help="The paper's: 2021, 2019-2022, 2022-.")
@click.option("--max-parameters", metavar="N", help="At 256 channels: 8000, 8k, 1.5M.")
@EVERY_COMMAND
def list_blocks(project: str, **wanted: Any) -> Any:
    """The blocks of the catalog."""
    from stitchgen import listing

    return listing.run(_project(project), **wanted)


@cli.command()
@BLOCK
@click.option("--source", is_flag=True, help="The block's source as well.")
@EVERY_COMMAND
def show(block: str, source: bool, project: str) -> Any:
    """One block: paper, arguments, layouts, cost, example."""
    from stitchgen import show

    return show.run(_project(project), block, source=source)


@cli.command("new-module")
@BLOCK
@click.option("--name", metavar="CLASS", help="The name of the class.")
@click.option("--dims", type=click.IntRange(1, 3), metavar="1|2|3", help="Spatial dimensions.")
@click.option("--into", metavar="DIR", help="The folder (else the blocks folder).")
@WRITES
@EVERY_COMMAND
def new_module(
    block: str,
    name: str | None,
    dims: int | None,
    into: str | None,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """Write a block into the project, without splicing it."""
    from stitchgen import new_module

    at = _project(project)
    outcome = new_module.run(at, block, name=name, dims=dims, into=into, mode=_mode(dry_run, diff))
    return _answer(outcome, diff, at.root)


@cli.command()
@click.argument("model")
@RUNS_THE_MODEL
@EVERY_COMMAND
def layers(
    model: str,
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    python: str | None,
    no_prove: bool,
    project: str,
) -> Any:
    """The targets of MODEL, with channels and readers."""
    from stitchgen import layers

    at = _project(project)
    _note_that_the_model_runs()
    return layers.run(at, model, builds=builds, inputs=inputs, python=python, prove=not no_prove)


@cli.command()
@BLOCK
@click.argument("more_targets", nargs=-1, metavar="[TARGET]...")
@click.option("--after", multiple=True, metavar="TARGET...", help="Feed the block T's output.")
@click.option("--before", multiple=True, metavar="TARGET...", help="Feed T the block's output.")
@click.option("--replace", multiple=True, metavar="TARGET...", help="The block instead of T.")
@click.option("--beside", multiple=True, metavar="TARGET...", help="Feed the block T's input.")
@click.option("--with", "with_", multiple=True, metavar="S", help="A second input of the block.")
@click.option("--into", metavar="R", help="Only reader R of the target sees the block.")
@click.option("--every", metavar="CLASS", help="All layers of this class under the target.")
@click.option("--where", multiple=True, metavar="K=V", help="Of these only those with K == V.")
@click.option("--fuse", type=click.Choice(["add", "mul", "concat"]), help="Join with T's output.")
@click.option("--reduce", type=click.Choice(["conv", "linear"]), help="Back to T's channels.")
@click.option("--gate", is_flag=True, help="A learnable gate that starts closed.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A block argument.")
@click.option("--name", metavar="ATTR", help="The name of the new attribute.")
@click.option("--channels", metavar="EXPR", help="The channels, where they cannot be found.")
@click.option("--attach", is_flag=True, help="Allow a hook where no source can be edited.")
@RUNS_THE_MODEL
@WRITES
@EVERY_COMMAND
def add(
    block: str,
    more_targets: tuple[str, ...],
    settings: tuple[str, ...],
    where: tuple[str, ...],
    no_prove: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
    after: tuple[str, ...],
    before: tuple[str, ...],
    beside: tuple[str, ...],
    replace: tuple[str, ...],
    **options: Any,
) -> Any:
    """Put BLOCK at layers of a model, and prove it.

    \b
    stitchgen add cbam --after model.layer2
    stitchgen add se --after "model.layer[1-4]" --set reduction=8
    stitchgen add ghost --replace models/resnet.py::BasicBlock.conv2

    BLOCK is a name that `stitchgen list` prints, or your own class, model/attention.py::EMSA.
    """
    from stitchgen.request import AddRequest, Placement

    placements: dict[Placement, tuple[str, ...]] = {
        "after": after,
        "before": before,
        "beside": beside,
        "replace": replace,
    }
    given = {name: targets for name, targets in placements.items() if targets}
    if len(given) != 1:
        named = " and ".join(f"--{name}" for name in given)
        raise UsageError(
            "usage",
            f"{named} do not go together" if given else "it is not said where the block goes",
            hint="give one of --after, --before, --beside and --replace, as in "
            f"stitchgen add {block} --after model.layer2",
        )
    [(placement, targets)] = given.items()
    if swallowed := [target for target in targets if target.startswith("-")]:
        raise UsageError(
            "usage",
            f"--{placement} requires an argument, and {swallowed[0]} is an option",
            hint=f"stitchgen add {block} --{placement} model.layer2 {swallowed[0]}",
        )
    request = AddRequest(
        block=block,
        placement=placement,
        targets=targets + more_targets,
        settings=_pairs("--set", [text for text in settings if not text.startswith(REDUCE)]),
        reduce_settings=_pairs("--set", settings, REDUCE),
        where=_pairs("--where", where),
        prove=not no_prove,
        **options,
    )
    from stitchgen import add

    at = _project(project)
    _note_that_the_model_runs()
    outcome = add.run(at, request, mode=_mode(dry_run, diff))
    if not (dry_run or diff or yes):
        _offer_to_remember(at, outcome.result, request)
    return _answer(outcome, diff, at.root)


@cli.command()
@click.argument("targets", nargs=-1, metavar="TARGET TARGET...")
@click.option("--fuse", type=click.Choice(["add", "mul", "concat"]), help="How (else concat).")
@click.option("--reduce", type=click.Choice(["conv", "linear"]), help="Back to its channels.")
@click.option(
    "--resize",
    type=click.Choice(["nearest", "bilinear", "area"]),
    default="bilinear",
    help="How outputs of another size are brought to that of the last target.",
)
@click.option("--at", metavar="TARGET", help="Fuse at this one of the targets (else the last).")
@click.option("--block", metavar="fpn|pan", help="A pyramid, whose outputs go to all the targets.")
@click.option("--gate", is_flag=True, help="A learnable gate that starts closed.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A block argument.")
@click.option("--name", metavar="ATTR", help="The name of the new attribute.")
@RUNS_THE_MODEL
@WRITES
@EVERY_COMMAND
def fuse(
    targets: tuple[str, ...],
    block: str | None,
    settings: tuple[str, ...],
    no_prove: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
    **options: Any,
) -> Any:
    """Fuse the outputs of several layers, in the place of the last one's, and prove it.

    \b
    stitchgen fuse model.layer2 model.layer3
    stitchgen fuse model.layer2 model.layer3 model.layer4 --fuse add --gate
    stitchgen fuse model.down1 model.down2 model.down3 --block fpn
    """
    from stitchgen.request import FuseRequest

    request = FuseRequest(
        block=block or "",
        placement="after",
        targets=targets,
        settings=_pairs("--set", [text for text in settings if not text.startswith(REDUCE)]),
        reduce_settings=_pairs("--set", settings, REDUCE),
        prove=not no_prove,
        **options,
    )
    from stitchgen import fuse

    at = _project(project)
    _note_that_the_model_runs()
    outcome = fuse.run(at, request, mode=_mode(dry_run, diff))
    if not (dry_run or diff or yes):
        _offer_to_remember(at, outcome.result, request)
    return _answer(outcome, diff, at.root)


@cli.command()
@EVERY_COMMAND
def check(project: str) -> Any:
    """Is what was generated as recorded?"""
    from stitchgen import check

    return check.run(_project(project))


@cli.command()
@WRITES
@EVERY_COMMAND
def undo(dry_run: bool, diff: bool, yes: bool, project: str) -> Any:
    """Take the last run back; again for the one before."""
    from stitchgen import undo

    at = _project(project)
    return _answer(undo.run(at, mode=_mode(dry_run, diff)), diff, at.root)


@cli.command()
@RUNS_THE_MODEL
@WRITES
@EVERY_COMMAND
def demo(
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    python: str | None,
    no_prove: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """The main job on a sample project, in a new folder here."""
    from stitchgen import demo

    parent = Path(project or ".")
    _note_that_the_model_runs()
    outcome = demo.run(
        parent,
        builds=builds,
        inputs=inputs,
        python=python,
        prove=not no_prove,
        mode=_mode(dry_run, diff),
    )
    return _answer(outcome, diff, parent)


# ---------------------------------------------------------------- one result out


def main() -> NoReturn:
    """The console script."""
    _interrupt_on(signal.SIGTERM, getattr(signal, "SIGHUP", None))
    try:
        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the report was being printed
        status = INTERRUPTED
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and print its result; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A report may hold names that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not sys.warnoptions:
        # Parsing a user's file warns of things in it that are none of stitchgen's business.
        warnings.simplefilter("ignore")
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    as_json = "--json" in options
    terminals = (sys.stdin, sys.stderr)
    people = not as_json and all(stream is not None and stream.isatty() for stream in terminals)
    conversation = Conversation(people)
    status, result = _guarded(arguments, as_json, conversation)
    try:
        _print(result, as_json)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`); python must not complain of it at exit.
        _leave_stdout()
    except OSError as error:
        _leave_stdout()
        print(f"stitchgen: the report cannot be written: {error.strerror}", file=sys.stderr)
        status = status or REFUSED
    except Exception as error:
        status, result = _failure(error, arguments)
        result["error"]["hint"] = AFTER_THE_DEED + result["error"]["hint"]
        _print(result, as_json)
    if status == DONE and people and conversation.consent:
        try:
            if click.confirm(conversation.question, err=True):
                conversation.consent()
        except click.Abort:
            pass  # a no; what the command did stays done
        except Exception as error:
            status, result = _failure(error, arguments)
            _print(result, as_json)
    return status


def _guarded(
    arguments: Sequence[str], as_json: bool, conversation: Conversation
) -> tuple[int, Mapping[str, Any]]:
    """Run a command: the exit status, and the object that `--json` prints."""
    try:
        # With --json, stdout is for the one object; nothing that is imported may add to it.
        printed = io.StringIO()
        with redirect_stdout(printed) if as_json else nullcontext():
            outcome = cli.main(
                list(arguments), prog_name="stitchgen", standalone_mode=False, obj=conversation
            )
        if isinstance(outcome, int):
            # `--help` and `--version` have printed what there is to say.
            return outcome, {"ok": True, "command": "help", "text": printed.getvalue()}
        return (DONE if outcome["ok"] else REFUSED), outcome
    except click.exceptions.NoArgsIsHelpError as error:
        if as_json:
            return _failure(UsageError("usage", "no command is given", hint="stitchgen --help"), ())
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE, {"ok": False, "command": "help", "text": ""}
    except SystemExit as error:
        if any(name.endswith("_COMPLETE") for name in os.environ):
            raise  # click has answered a shell that asks for completions
        return _failure(error, arguments)
    except (Exception, KeyboardInterrupt) as error:
        return _failure(error, arguments)


def _failure(error: BaseException, arguments: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """The exit status and the object of `--json` for whatever went wrong."""
    match error:
        case StitchError():
            failure = error
        case KeyboardInterrupt() | click.Abort():
            # A second Ctrl-C must not cut the answer to the first one short.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            message = "interrupted; nothing is half-written"
            failure = StitchError("interrupted", message, hint="run the command again")
            failure.exit_status = INTERRUPTED
        case click.ClickException():
            failure = _usage_error(error)
        case _:
            failure = InternalError(f"{type(error).__name__}: {error}".strip(": "))
            failure.__traceback__ = error.__traceback__
    if isinstance(failure, InternalError):
        _say_what_to_report(failure, arguments)
    return failure.exit_status, {"ok": False, "error": failure.as_dict()}


def _interrupt_on(*signals: int | None) -> None:
    """Let a polite kill be what Ctrl-C is: everything is put back, and the exit status is 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in signals:
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


def _usage_error(error: click.ClickException) -> StitchError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "stitchgen"
    near = getattr(error, "possibilities", None) or []
    # click repeats the near ones in its message, where the suggestions say them already.
    message = error.message if near else error.format_message()
    return UsageError(
        "usage",
        message[:1].lower() + message[1:].rstrip("."),
        hint=f"{command} --help",
        suggestions=list(near),
    )


def _say_what_to_report(error: InternalError, arguments: Sequence[str]) -> None:
    """Complete a defect with what its report needs; paths of the user's are not in it."""
    frames = list(_own_frames(error.__traceback__))
    if frames and error.where is None:
        error.where = frames[-1]
    error.hint = error.hint or (
        "this is a defect of stitchgen, nothing was written; please report it with the lines below"
    )
    # Of what the observer sends, too, only the places: a traceback is no message.
    traceback = str(error.details.pop("traceback", ""))
    frames += [
        f"{file}:{line}" for file, line in re.findall(r'/(\w+/\w+\.py)", line (\d+)', traceback)
    ]
    error.details["report"] = {
        "stitchgen": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": sys.platform,
        "arguments": list(arguments),
        "frames": frames,
    }


def _own_frames(traceback: TracebackType | None) -> Iterable[str]:
    folder = str(Path(__file__).parent) + os.sep
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith(folder):
            yield f"stitchgen/{name[len(folder):]}:{traceback.tb_lineno}".replace(os.sep, "/")
        traceback = traceback.tb_next


def _print(result: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        # ASCII: whatever the encoding of stdout, and undecodable file names too.
        print(json.dumps(result))
        return
    from stitchgen import report

    # A patch is for another program, so it has stdout to itself.
    stream = sys.stderr if "error" in result or "patch" in result else sys.stdout
    paint = _paint if stream is not None and _coloured(stream) else report.plain
    if text := report.text(result, paint):
        print(text, file=stream)
    if "patch" in result and sys.stdout is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(result["patch"].encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def _leave_stdout() -> None:
    """Let what is still buffered go nowhere, or Python complains of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _coloured(stream: Any) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _paint(text: str, role: str) -> str:
    styles: dict[str, dict[str, Any]] = {
        "error": {"fg": "red", "bold": True},
        "warning": {"fg": "yellow", "bold": True},
        "good": {"fg": "green", "bold": True},
        "name": {"bold": True},
        "faint": {"dim": True},
    }
    return click.style(text, **styles[role])
