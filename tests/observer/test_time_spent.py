"""Configurations that nobody named are proven as long as there is time for them."""

import pytest

from stitchgen.observer import operations
from stitchgen.observer.operations import Spent


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(operations.time, "monotonic", lambda: now[0])

    def passes(spent, seconds):
        with spent.on_one():
            now[0] += seconds

    return passes


def test_quick_ones_are_all_tried(clock):
    spent = Spent()
    for _ in range(20):
        clock(spent, 1.0)
        assert spent.leaves_time() == (len(spent.each) < 30)


def test_slow_ones_take_no_more_than_some_times_the_first(clock):
    spent = Spent()
    clock(spent, 50.0)
    clock(spent, 40.0)
    assert spent.leaves_time()
    clock(spent, 40.0)
    assert not spent.leaves_time()


def test_they_end_before_the_limit_of_a_request(clock, monkeypatch):
    monkeypatch.setenv("STITCHGEN_TIMEOUT", "40")
    spent = Spent()
    clock(spent, 20.0)
    assert not spent.leaves_time()
