"""Serve requests: one JSON object a line on standard input, one answer a line on standard output.

The answers go to the original standard output; what the user's model prints goes to standard
error, so that it cannot spoil an answer. `protocol` says what is in them.
"""

# An older Python has to get as far as saying that it is too old: nothing here may be newer than 3.6,
# and nothing else of the observer is imported before the versions are known.
import json
import os
import sys
import traceback
from typing import Mapping, TextIO


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    package_folder = os.path.dirname(os.path.dirname(here))
    # Running this file put its own folder first on the path, where its modules would hide the
    # user's; they are imported by their full names instead.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.path.insert(0, package_folder)
    try:
        serve(answers)
    finally:
        answers.flush()


def serve(answers: TextIO) -> None:
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
    # All is imported before the path is the user's.
    from stitchgen.observer import guard, operations

    sys.path.pop(0)
    guard.raise_guard()
    say({"ok": True, "torch": torch.__version__, "python": sys.version.split()[0]})
    for line in sys.stdin:
        try:
            say(operations.perform(json.loads(line)))
        except Exception:
            refuse("internal", traceback.format_exc())


if __name__ == "__main__":
    main()
