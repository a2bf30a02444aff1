"""A failure of the user's model, as an answer gives it."""

from __future__ import annotations

import argparse
import linecache
import os
import re
import traceback
from typing import Optional

from stitchgen.observer.protocol import Error
from stitchgen.observer.tracing.frames import kind_of_file

#: Where the modules are that come with Python.
STANDARD = os.path.dirname(argparse.__file__) + os.sep


class Failure(Exception):
    """The model's own failure, and where in the user's code it happened."""

    def __init__(self, code: str, message: str, where: Optional[str] = None) -> None:
        super().__init__(message)
        self.report: Error = {"code": code, "message": message, "where": where}


def note_import_fault(report: Error, error: BaseException, root: str) -> None:
    """Note the last line of the project's own that an import got to, and what failed behind it."""
    report["importing"] = True
    package, seen = "", False
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = os.path.realpath(frame.f_code.co_filename)
        installed = re.search(r"(?:site|dist)-packages/(\w+)", filename.replace(os.sep, "/"))
        if installed is not None:
            package = package or (installed.group(1) if seen else "")
        elif filename.startswith(root + os.sep):
            report["where"] = "%s:%d" % (filename, line)
            package, seen = "", True
    if package:
        report["package"] = package
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, str):
        report["missing_file"] = error.filename


def exit_of(code: str, error: SystemExit, prefix: str) -> Failure:
    """That the user's code ends the process; where a parser of options does, with what it says."""
    said, where = "", None
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if frame.f_code.co_name == "error" and filename == argparse.__file__:
            said = ": %s" % frame.f_locals.get("message")
        elif kind_of_file(filename) == "user" and not filename.startswith(("<", STANDARD)):
            where = "%s:%d" % (os.path.realpath(filename), line)
    return Failure(code, "%s calls sys.exit(%s)%s" % (prefix, error, said), where)


def failure_of(code: str, error: BaseException, prefix: str) -> Failure:
    """The user's error, shortened to its type, its first line or else its line of code, and where that is."""
    where, code_line = None, ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if kind_of_file(filename) == "user" and not filename.startswith("<"):
            where = "%s:%d" % (os.path.realpath(filename), line)
            code_line = linecache.getline(filename, line).strip()
    if isinstance(error, SyntaxError) and not (error.filename or "<").startswith("<"):
        where = "%s:%s" % (os.path.realpath(error.filename or ""), error.lineno)
    lines = str(error).strip().splitlines()
    # An assertion without words is told by its line.
    text = lines[0][:300] if lines else code_line
    return Failure(code, "%s: %s: %s" % (prefix, type(error).__name__, text), where)
