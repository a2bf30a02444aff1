"""Settings and fixtures that hold for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

# Two test processes share two cores; threads of torch would fight over them. Set before anything
# imports torch, and inherited by the observer.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from tests.support.warm import warm_python

# A test that fails only now and then tells a reader nothing: in CI the examples are fixed.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


#: Input of tests: projects of their own, whatever their files are called.
collect_ignore = ["cases"]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Python for the observer, with torch imported already."""
    with warm_python(tmp_path_factory.mktemp("warm")) as program:
        yield program
