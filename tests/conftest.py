"""Settings and fixtures that hold for every test."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

# Two test processes share two cores; threads of torch would fight over them. Set before anything
# imports torch, and inherited by the observer.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing that a test remembers is for who runs it.
os.environ["STITCHGEN_CACHE"] = ""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")  # their asserts explain themselves, too

from tests.support.measuring import is_measured, let_observers_end  # noqa: E402
from tests.support.stand import Stand  # noqa: E402
from tests.support.warm import warm_python  # noqa: E402

# A test that fails only now and then tells a reader nothing: the examples are fixed. HYPOTHESIS_PROFILE=random
# looks for others, as `benchmarks/reader_campaign.py` does for the reader.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


#: Input of tests: projects of their own, whatever their files are called.
collect_ignore = ["cases"]


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "run one test of N, by its name: the same ones every time"
    parser.addoption("--part", type=int, default=1, metavar="N", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--part")
    left = [item for item in items if zlib.crc32(item.nodeid.encode()) % part]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


@pytest.fixture(scope="session")
def _with_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warm_python(tmp_path_factory.mktemp("warm")) as program:
        yield program


@pytest.fixture(scope="session")
def python(_with_torch: str) -> str:
    """The Python for the observer, with torch imported already."""
    return _with_torch


@pytest.fixture(scope="session")
def python_with_torchvision(
    _with_torch: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The same with torchvision, whose import takes longer than what most tests do with it."""
    pytest.importorskip("torchvision")
    with warm_python(tmp_path_factory.mktemp("warm"), "torchvision", python=_with_torch) as program:
        yield program


@pytest.fixture(scope="session", autouse=True)
def _measured() -> Iterator[None]:
    """Where coverage is measured, that of the observer too."""
    with pytest.MonkeyPatch.context() as patch:
        if is_measured():
            let_observers_end(patch)
        yield


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stand]:
    """An empty project as the current folder, and commands whose work is stood in for."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGINT)
    yield Stand(monkeypatch)
    signal.signal(signal.SIGINT, before)
