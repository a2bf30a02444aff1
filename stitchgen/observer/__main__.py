"""Serve requests: one JSON object a line on standard input, or of a file that is named, one answer a line on
standard output.

The answers go to the original standard output; what the user's model prints goes to standard
error, so that it cannot spoil an answer. `protocol` says what is in them.
"""

# An older Python has to get as far as saying that it is too old: nothing here may be newer than 3.6,
# and nothing else of the observer is imported before the versions are known.
import json
import os
import queue
import sys
import threading
import traceback
from typing import Iterator, Mapping, TextIO

#: The argument with which the process ends, whatever it does, when whoever asks is gone.
ATTACHED = "--attached"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    files = [word for word in sys.argv[1:] if word != ATTACHED]
    lines = recorded(files[0]) if files else asked(attached=ATTACHED in sys.argv)
    # What the user's code parses is the command line of a script to which nothing was given.
    del sys.argv[1:]
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    package_folder = os.path.dirname(os.path.dirname(here))
    # Running this file put its own folder first on the path, where its modules would hide the
    # user's; they are imported by their full names instead.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.path.insert(0, package_folder)
    try:
        serve(lines, answers)
    finally:
        answers.flush()


def recorded(path: str) -> Iterator[str]:
    """The requests that a file has; standard input is left to a debugger."""
    with open(path, encoding="utf-8") as requests:
        yield from requests


def asked(*, attached: bool) -> Iterator[str]:
    """The requests on standard input, of which a model that reads it gets nothing."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return while_asked(requests) if attached else iter(requests)


def while_asked(requests: TextIO) -> Iterator[str]:
    """The requests; the process ends when the other end of the pipe is closed, in the midst of a forward too.

    The end of a pipe is the one sign that all systems give of a parent that was killed.
    """
    lines = queue.Queue()  # type: queue.Queue[str]

    def read() -> None:
        for line in requests:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def serve(lines: Iterator[str], answers: TextIO) -> None:
    def say(message: Mapping[str, object]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def refuse(code: str, message: str) -> None:
        say({"ok": False, "error": {"code": code, "message": message}})

    if sys.version_info < (3, 8):
        refuse("too-old", "Python %d.%d" % sys.version_info[:2])
        return
    try:
        import torch
    except ImportError as error:
        refuse("no-torch", str(error))
        return
    version = torch.__version__.split("+")[0]
    if tuple(int(part) for part in version.split(".")[:2]) < (1, 13):
        refuse("too-old", "torch " + version)
        return
    # All is imported before the path is the user's, and compiled once: not every installer does it.
    sys.dont_write_bytecode = False
    from stitchgen.observer import guard, operations, progress, threads

    sys.dont_write_bytecode = True
    sys.path.pop(0)
    guard.raise_guard()
    threads.take_one()
    progress.listeners.append(lambda text: say({"doing": text}))
    say({"ok": True, "torch": torch.__version__, "python": sys.version.split()[0]})
    for line in lines:
        try:
            say(operations.perform(json.loads(line)))
        except Exception:
            refuse("internal", traceback.format_exc())


if __name__ == "__main__":
    main()
