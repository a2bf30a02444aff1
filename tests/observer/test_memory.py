"""A model that does not fit is refused before it is built."""

import pytest
import torch
from torch import nn

from stitchgen.observer import memory
from stitchgen.observer.failure import Failure


def test_the_size_counts_what_is_shared_once_and_buffers_too():
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))
    model.append(model[0])
    assert memory.size_of(model) == 4 * (16 + 4 * 4) + 8  # the count of batches is an int64
    assert memory.size_of(nn.Linear(4, 4, bias=False, device="meta")) == 64
    assert memory.size_of(nn.LazyLinear(4)) == 0


def test_what_is_larger_than_what_is_free_is_refused_with_the_figures(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1_000_000_000)
    memory.check_fits("Net()", 800_000_000)
    memory.check_fits("Net()", 200_000_000, times=3)
    with pytest.raises(Failure, match=r"Net\(\) has 2.0 GB of weights, and 1.0 GB of memory"):
        memory.check_fits("Net()", 2_000_000_000)
    with pytest.raises(Failure, match="which its proof needs 4 times, and"):
        memory.check_fits("Net()", 400_000_000, times=3)


def test_nothing_is_refused_where_nothing_is_known(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.check_fits("Net()", 10**18)


def test_a_limit_counts_what_the_process_has(monkeypatch):
    monkeypatch.setenv("STITCHGEN_MEMORY", str(memory.resident() + 10**6))
    held = torch.zeros(10**5)
    assert 0 <= memory.available() <= 2 * 10**6
    monkeypatch.setenv("STITCHGEN_MEMORY", "1")
    assert memory.available() == 0
    del held
