"""Serve requests: one JSON object a line on standard input, one answer a line on file 3's stand-in.

The answers go to the original standard output; what the user's model prints goes to standard
error, so that it cannot spoil an answer.
"""

import json
import os
import sys
import traceback


def main():
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


def answer_to(request):
    from stitchgen.observer import operations

    return operations.perform(request)


def serve(answers):
    def say(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    if sys.version_info < (3, 8):
        version = "%d.%d" % sys.version_info[:2]
        say({"ok": False, "error": {"code": "too-old", "message": "Python " + version}})
        return
    try:
        import torch
    except ImportError as error:
        say({"ok": False, "error": {"code": "no-torch", "message": str(error)}})
        return
    version = torch.__version__.split("+")[0]
    if tuple(int(part) for part in version.split(".")[:2]) < (1, 13):
        say({"ok": False, "error": {"code": "too-old", "message": "torch " + version}})
        return
    import stitchgen.observer.operations  # noqa: F401  (before the path is the user's)
    from stitchgen.observer import guard

    sys.path.pop(0)
    guard.raise_guard()
    say({"ok": True, "torch": torch.__version__, "python": sys.version.split()[0]})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say(answer_to(request))
        except Exception:
            say({"ok": False, "error": {"code": "internal", "message": traceback.format_exc()}})


if __name__ == "__main__":
    main()
