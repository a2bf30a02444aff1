"""Variants are planned on one copy of the project and one observer, which is asked nothing twice."""

import sys

import pytest

from stitchgen.analysis import runtime_backend
from stitchgen.commands.sweep import request_of
from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project.config import find_project
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.sources import layout_of
from stitchgen.sweep.spec import Metric, Spec, Variant
from stitchgen.sweep.variants import Planner
from tests.sweep.conftest import files_of

ADDS = ("se --after model.layer2", "eca --after model.layer2", "se --after model.layer1")


@pytest.fixture
def asked(monkeypatch):
    """The operations that observers are asked, one list an observer."""
    found = []
    construct, ask = runtime_backend.Observer.__init__, runtime_backend.Observer.ask

    def made(self, *arguments):
        construct(self, *arguments)
        self.heard = []
        found.append(self.heard)

    def heard(self, operation, **fields):
        self.heard.append(operation)
        return ask(self, operation, **fields)

    monkeypatch.setattr(runtime_backend.Observer, "__init__", made)
    monkeypatch.setattr(runtime_backend.Observer, "ask", heard)
    return found


def test_variants_of_one_splice_share_an_observer_and_are_what_add_writes(training, asked, command):
    requests = [command(text) for text in ADDS]
    variants = tuple(Variant(f"v{i}", (ADDS[i],), (one,)) for i, one in enumerate(requests))
    wrong = Variant("wrong", ("se --after model.layer9",), (command("se --after model.layer9"),))
    spec = Spec("s", ("python",), (0,), Metric.of("a"), variants, python=sys.executable)
    before = files_of(training)
    with Planner(SweepFolder(training, "s"), spec, layout_of(training)) as planner:
        first = planner.plan(variants[0])
        with pytest.raises(StitchError, match="variant wrong") as refused:
            planner.plan(wrong)
        planned = [first, *map(planner.plan, variants[1:])]
    assert refused.value.code == "target-not-found"
    [operations] = asked
    assert operations.count("survey") == 1 and operations.count("prove") == 3
    assert files_of(training) == before
    assert not (SweepFolder(training, "s").path / "planning").exists()
    # The last one, after all that its observer has seen, is what `add` writes with an observer of its own.
    alone = splice.run(find_project(training), planner.with_python(requests[2]), "preview")
    assert planned[2].files == {one.path: one.after for one in alone.changes}
    assert planned[2].params_added == alone.result["proof"]["params_added"]
    assert list(planned[2].laws) == alone.result["proof"]["laws"]
    assert len(asked) == 2


@pytest.fixture
def command():
    """What follows `stitchgen add`, as a request."""
    import click

    from stitchgen.commands.sweep import command as own

    with click.Context(own).scope():
        yield request_of
