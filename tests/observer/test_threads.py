"""How many threads torch takes."""

import pytest
import torch

from stitchgen.observer import threads


@pytest.fixture(autouse=True)
def same_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "processors", "load", "taken"),
    [
        (0.1, 8, 0.0, 1),  # not worth it
        (3.0, 8, 1.0, 8),  # the load is this process itself
        (3.0, 8, 6.0, 3),
        (3.0, 8, 30.0, 1),
        (3.0, 1, 0.0, 1),
    ],
)
def test_more_threads_where_a_forward_is_long_and_processors_are_idle(
    monkeypatch, seconds, processors, load, taken
):
    monkeypatch.setattr(threads, "usable", lambda: processors)
    monkeypatch.setattr(threads, "load", lambda: load)
    threads.take_one()
    threads.take_what_pays(seconds)
    assert torch.get_num_threads() == taken


@pytest.mark.parametrize(
    ("text", "granted"),
    [("max 100000\n", None), ("150000 100000\n", 1.5), ("", None)],
)
def test_the_quota_of_a_control_group(tmp_path, text, granted):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert threads.granted(str(file)) == granted
    assert threads.granted(str(tmp_path / "absent")) is None


def test_never_more_than_was_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.usable() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "100")
    assert threads.usable() < 100
