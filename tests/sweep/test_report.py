"""The report: what its rows cost, its plots, and that the page loads nothing."""

import csv
import io
import itertools
import re
import xml.etree.ElementTree as xml
from dataclasses import replace

import pytest

from stitchgen.sweep.report import page, plots, png, write
from stitchgen.sweep.report.table import Cost, table_of
from stitchgen.sweep.spec import Run
from stitchgen.sweep.state import Kind, State

VALUES = {
    "baseline": [0.90, 0.92, 0.91],
    "a<b>": [0.95, 0.97, 0.961],
    "worse": [0.80, 0.83, 0.82],
}
ASKED = {
    "seeds": [[0, 1, 2]],
    "variants": {"a<b>": ["se --after m.a"], "worse": ["eca --after m.a"]},
    "metric": "val_acc",
    "less_is_better": False,
    "at": "last",
    "command": ["python", "train.py", "{seed}"],
}


def known(costs=True):
    found = {}
    for number, (name, values) in enumerate(VALUES.items()):
        for seed, value in enumerate(values):
            cost = {
                "parameters": 1000 + 10 * number,
                "macs": 5000 + 100 * number,
                "seconds": 0.001 * (1 + number) + 0.0001 * seed,
                "reason": None,
            }
            process = {"cost": cost if costs else None}
            result = {"value": value, "pairing": {"paired": True, "names": [], "reason": ""}}
            result["processes"] = {"rank-0-0": process}
            found[Run(name, seed)] = State(Kind.DONE, result=result)
    return found


@pytest.fixture
def table():
    return table_of(ASKED, known(), {"a<b>": (10, 100), "worse": (20, 200)})


def test_costs_are_those_of_the_trained_models(table):
    assert table.rows[1].cost == Cost(1010, 5100, pytest.approx(0.0021))
    text = write.markdown(table, "en", "sweep")
    [baseline, one, _] = [line.split(" | ") for line in text.splitlines() if "±" in line]
    assert baseline[-4:-1] == ["1k", "5k", "1.1 ms"]
    assert one[-4:-1] == ["+1.00 %", "+2.00 %", "+91 %"]
    rows = [*csv.DictReader(io.StringIO(write.variants_csv(table)))]
    assert (rows[2]["parameters"], rows[2]["macs"]) == ("1020", "5200")


def test_without_measured_costs_the_proof_has_counted(table):
    bare = table_of(ASKED, known(costs=False), {"a<b>": (10, 100)})
    assert "| +10 | +100 |" in write.markdown(bare, "en", "sweep")
    assert plots.pareto(bare, "params", plots.COSTS["parameters"]) == ""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_loads_nothing_and_shows_every_run(table, lang):
    text = page.html(table, lang, "sweep", ASKED)
    assert not re.search(r"(?:src|href|url|@import|https?:)\b", text.replace("url-", ""))
    drawn = [xml.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert len(drawn) == 4, "every run, and three costs"
    points = [one for one in drawn[0] if one.tag == "circle"]
    assert len(points) == 9
    assert points[1].find("title").text == "a<b>, seed 0: 0.95"
    for svg in drawn:
        across, down = (float(one) for one in svg.get("viewBox").split()[2:])
        for circle in svg.iter("circle"):
            assert 0 < float(circle.get("cx")) < across and 0 < float(circle.get("cy")) < down
    assert 'class="gain"' in text and 'class="loss"' in text and "<b>" not in text


def test_a_row_that_another_beats_is_grey(table):
    drawn = xml.fromstring(plots.pareto(table, "params", plots.COSTS["parameters"]))
    kinds = [circle.get("class") for circle in drawn.iter("circle")]
    assert kinds == ["base", "run", "worse"]


def test_the_front_has_no_point_that_another_is_as_good_as():
    points = [(1, 1), (2, 3), (3, 2), (2, 3), (4, 3)]
    assert plots.front(points, less_is_better=False) == [(1, 1), (2, 3)]
    assert plots.front(points, less_is_better=True) == [(1, 1)]


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.93, 0.951, [0.93, 0.935, 0.94, 0.945, 0.95])],
)
def test_ticks_are_round(low, high, found):
    assert plots.ticks(low, high) == pytest.approx(found)


def test_pictures_are_there_with_matplotlib(table):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    found = png.images(table)
    assert {*found} == {"seeds.png", "pareto.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in found.values())


def test_the_legend_of_the_costs_covers_no_plot(table):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    figure = png.costs_figure(table, plots.COSTS)
    figure.draw_without_rendering()
    [legend] = figure.legends
    assert [one.get_text() for one in legend.get_texts()] == [*VALUES]
    box = legend.get_window_extent()
    assert all(not box.overlaps(axes.get_tightbbox()) for axes in figure.axes)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_without_pictures_says_so(printing, sweep, monkeypatch, lang):
    words = ("--seeds", "1", "--metric", "val_acc", "--lang", lang)
    monkeypatch.setattr(png, "is_there", lambda: False)
    _, answer = sweep(*words, train="python train.py {seed}")
    [note] = [one for one in answer["notes"] if "matplotlib" in one]
    assert "stitchgen[plots]" in note and not any(".png" in one for one in answer["report"])


def test_no_name_covers_a_point_or_a_name(table):
    """Rows that cost nearly the same, and one at the right end, where names stand on the left."""
    means = (0.9639, 0.9632, 0.9667, 0.964, 0.9635)
    costs = (1000, 1002, 1000.06, 1000.3, 1000.4)
    names = ("baseline", "cbam@layer2+gate", "eca", "se", "coordinate")
    rows = [
        replace(table.rows[0], name=name, mean=mean, cost=Cost(cost, None, None))
        for name, mean, cost in zip(names, means, costs)
    ]
    close = replace(table, rows=tuple(rows))
    drawn = xml.fromstring(plots.pareto(close, "params", plots.COSTS["parameters"]))
    points = [(float(one.get("cx")), float(one.get("cy"))) for one in drawn.iter("circle")]
    boxes = []
    for text in drawn.iter("text"):
        if text.text in {plots._short(name) for name in names}:
            x, y, long = float(text.get("x")), float(text.get("y")), 7 * len(text.text)
            start = x - long if text.get("text-anchor") == "end" else x
            boxes.append((start, y - 10, start + long, y + 2))
    assert len(boxes) == len(points) == 5
    assert not any(
        left < x + 5 and x - 5 < right and top < y + 5 and y - 5 < bottom
        for left, top, right, bottom in boxes
        for x, y in points
    )
    assert not any(
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        for one, other in itertools.combinations(boxes, 2)
    )
