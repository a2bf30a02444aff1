"""The benchmark of the blocks: a row for each, no cell empty, and a measure that can tell."""

from __future__ import annotations

import csv
import json
import sys

import pytest
import torch
from torch import nn

from benchmarks import blocks as benchmark
from benchmarks.oracles import Oracle, oracles
from stitchgen.catalog import folders


def test_every_block_with_an_oracle_has_a_line():
    found = folders.load()
    wanted = {name for name, block in found.items() if block.oracle != "none"}
    assert oracles().keys() == wanted, "add it to benchmarks/oracles.py"


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["blocks.py", *arguments, "--channels", "16"])
        monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
        return benchmark.main(), capsys.readouterr().out

    return run


def test_the_table_is_exported_in_three_forms_without_an_empty_cell(run, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "time_ratio", lambda ours, theirs: 0.9)  # tested below
    files = [tmp_path / f"table.{kind}" for kind in ("md", "csv", "json")]
    options = [f"--{kind}" for kind in ("markdown", "csv", "json")]
    pairs = [str(one) for pair in zip(options, files) for one in pair]
    status, out = run("se", "fpn", "swish", *pairs, "--sizes", "4")
    assert status == 0 and out.count("\n") == 5
    rows = json.loads(files[2].read_text())
    assert [row["block"] for row in rows] == ["se", "fpn", "swish"]
    assert all(row.keys() == {*benchmark.COLUMNS, "settings"} for row in rows)
    assert all(row["error"] < 1e-12 and row["time"] == 0.9 for row in rows)
    assert [one["shapes"] for one in rows[0]["settings"]] == [[[4, 16, 4, 4]]]
    assert "1709.01507" in rows[0]["paper"] and rows[0]["oracle"] == "timm.layers.SEModule"
    with files[1].open(newline="") as file:
        table = list(csv.reader(file))
    lines = [line.strip("| \n").split(" | ") for line in files[0].read_text().splitlines()]
    for each in (table, lines):
        assert all(len(row) == len(benchmark.COLUMNS) and all(row) for row in each)
    assert lines[-1][0] == "all" and len(table) == 4 and len(lines) == 6


def test_a_block_without_an_oracle_is_shown_as_unverified(run, monkeypatch):
    import dataclasses

    plain = dataclasses.replace(folders.get("se"), oracle="none")
    monkeypatch.setattr(folders, "get", lambda name: plain)
    status, out = run("se")
    assert status == 0 and out.splitlines()[1].split()[-4:] == ["unverified"] * 4


def test_a_slower_a_heavier_and_a_wrong_implementation_are_told():
    class Slow(nn.Module):
        def forward(self, x):
            return sum(torch.sin(x * k) for k in range(20)) + x

    fast, slow = benchmark.both(nn.SiLU(), Slow(), [(4, 64, 16, 16)])
    assert benchmark.time_ratio(slow, fast) > 2 and benchmark.time_ratio(fast, slow) < 0.5
    assert benchmark.peak(slow) > 2 * benchmark.peak(fast) > 4 * 64 * 16 * 16 * 4
    assert benchmark.error(nn.SiLU(), nn.Mish(), [(2, 8)]) > 0.01
    wrong = Oracle(lambda c: ({}, nn.Mish()))
    row = benchmark.measure(folders.get("swish"), wrong, (8,), (4,))
    assert row["error"] > 0.01
    rows = [row | {"time": 1.2, "memory": 1.0}, row | {"time": 1.0, "memory": "unverified"}]
    assert benchmark.above_limits(rows[:1]) == ["swish: time 1.20, above 1.1"]


def test_the_limits_make_the_exit_status(run, monkeypatch):
    monkeypatch.setattr(benchmark, "time_ratio", lambda ours, theirs: 1.2)
    status, out = run("swish", "--sizes", "4")
    assert status == 1 and out.splitlines()[-1] == "swish: time 1.20, above 1.1"
