"""The command line: arguments in, one result out, exit status. The only print and the only exit.

`--help` loads the files of `commands/`, which hold options and import what they do inside their bodies.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import click

from stitchgen import __version__
from stitchgen.commands import (
    add,
    adopt,
    check,
    demo,
    diff,
    draw,
    explain,
    fuse,
    init,
    layers,
    mcp,
    new_module,
    prove,
    remove,
    show,
    status,
    sweep,
    undo,
    update,
    weights,
)
from stitchgen.commands import list as list_blocks
from stitchgen.commands.conversation import Conversation
from stitchgen.commands.options import JSON_OPTION
from stitchgen.errors import InternalError, StitchError, UsageError

DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

#: Seconds from which on a person is told how long a command took.
WORTH_TELLING = 1.0
AFTER_THE_DEED = "the command itself has done its work, only its report has failed; "


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


#: In the order of the work; a new command is a file of `commands/` and its name here.
COMMANDS = (
    *(init, list_blocks, show, new_module, layers, draw, adopt, add, fuse, prove, weights, sweep),
    *(status, check, diff, update, remove, undo, explain, demo, mcp),
)
for module in COMMANDS:
    cli.add_command(module.command)


#: So many new objects before Python looks for cycles among them, 700 by default. Syntax trees are large and have few:
#: looking for some took a tenth of a command that only reads, and its memory is no less with it.
OBJECTS = 1_000_000


def main() -> NoReturn:
    """The console script."""
    gc.set_threshold(OBJECTS)
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
        # Parsing a user's file warns of things in it that do not concern stitchgen.
        warnings.simplefilter("ignore")
    if os.environ.get("_STITCHGEN_COMPLETE", "").startswith("powershell"):
        from stitchgen.cli import powershell

        powershell.register()
    started = time.monotonic()
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    as_json = "--json" in options
    terminals = (sys.stdin, sys.stderr)
    interactive = not as_json and all(
        stream is not None and stream.isatty() for stream in terminals
    )
    shows = interactive and sys.stdout is not None and sys.stdout.isatty()
    progress = interactive and _takes_progress()
    conversation = Conversation(interactive, progress, shows)
    with _progress(started) if progress else nullcontext():
        status, result = _guarded(arguments, as_json=as_json, conversation=conversation)
    try:
        _print(result, as_json=as_json)
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
        _print(result, as_json=as_json)
    if interactive and time.monotonic() - started > WORTH_TELLING:
        click.secho(f"took {time.monotonic() - started:.1f} s", dim=True, err=True)
    if status == DONE and interactive and conversation.consent:
        try:
            if click.confirm(conversation.question, err=True):
                conversation.consent()
        except click.Abort:
            pass  # a no; what the command did stays done
        except Exception as error:
            status, result = _failure(error, arguments)
            _print(result, as_json=as_json)
    return status


def _takes_progress() -> bool:
    """Whether lines may come and go on standard error, a terminal: not where plain output is asked for."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def _progress(started: float) -> Iterator[None]:
    """Show on standard error what is being done."""
    from stitchgen.analysis import progress
    from stitchgen.cli.progress_line import ProgressLine

    line = ProgressLine(sys.stderr, started)
    try:
        with progress.shown_on(line):
            yield
    finally:
        line.close()


def _guarded(
    arguments: Sequence[str], *, as_json: bool, conversation: Conversation
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
    folder = str(Path(__file__).parent.parent) + os.sep
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith(folder):
            yield f"stitchgen/{name[len(folder):]}:{traceback.tb_lineno}".replace(os.sep, "/")
        traceback = traceback.tb_next


def _print(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        # ASCII: whatever the encoding of stdout, and undecodable file names too.
        print(json.dumps(result))
        return
    from stitchgen.cli import report, report_parts

    # A patch is for another program, so it has stdout to itself.
    stream = sys.stderr if "error" in result or "patch" in result else sys.stdout
    paint = _paint if stream is not None and _coloured(stream) else report_parts.plain
    terminal = stream is not None and stream.isatty()
    columns = shutil.get_terminal_size().columns if terminal else None
    if text := report.text(result, paint, columns):
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
