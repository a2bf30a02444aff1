"""The benchmarks of sweeps, in small: five kills, and a few hundred simulated sweeps."""

import importlib
import random
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """Import one of them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found in /proc")
def test_five_kills_leave_the_table_of_an_undisturbed_sweep(benchmark, tmp_path):
    wrong = benchmark("sweep_kills").run(tmp_path, 5, 4, 2, random.Random(1))
    assert wrong == []


def test_without_an_effect_few_gains_are_claimed(benchmark):
    claims = benchmark("sweep_statistics").claims
    assert claims(400, 3, 10, 0.0, "normal", random.Random(0))["gain"] <= 0.035
    assert claims(100, 5, 1, 3.0, "normal", random.Random(0))["gain"] >= 0.9
    sys.modules.pop("sweep_statistics")
