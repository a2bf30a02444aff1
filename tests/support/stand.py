"""The modules that do a command's work, stood in for: what the command line asks of them."""

import importlib
import json
import sys
import types

#: The module that does a command's work.
WORK = {
    "add": "stitchgen.pipeline.splice",
    "fuse": "stitchgen.pipeline.splice",
    "layers": "stitchgen.pipeline.layers",
    "demo": "stitchgen.pipeline.demo",
    "new_module": "stitchgen.pipeline.new_module",
    "listing": "stitchgen.catalog.listing",
    "show": "stitchgen.catalog.show",
    "check": "stitchgen.history.check",
    "status": "stitchgen.history.status",
    "remove": "stitchgen.pipeline.remove",
    "update": "stitchgen.history.update",
    "undo": "stitchgen.history.undo",
}


class Stand:
    """Stands in for the modules that do the work, and keeps what they were called with."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.calls = []

    def put(self, module, answer):
        """Let the module answer so: with a value, with what a function gives, or by raising it."""

        def run(*args, **kwargs):
            self.calls.append((args, kwargs))
            if isinstance(answer, BaseException):
                raise answer
            return answer() if callable(answer) else answer

        package, name = WORK[module].rsplit(".", 1)
        fake = types.ModuleType(WORK[module])
        fake.run = run
        self.monkeypatch.setitem(sys.modules, fake.__name__, fake)
        self.monkeypatch.setattr(importlib.import_module(package), name, fake, raising=False)


def the_object(capsys):
    """The one JSON object on stdout, and nothing else."""
    out, _ = capsys.readouterr()
    value = json.loads(out)
    assert out.count("\n") == 1, "exactly one object, on one line"
    return value
