"""`stitchgen layers model.yaml`: what each row gives, read as parse_model reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stitchgen.cli import main
from stitchgen.source.yaml_rows import read_model
from stitchgen.yolo.parse_model import features

MODEL = """\
nc: 7
scales:
  n: [0.33, 0.25, 1024]
  x: [1.00, 1.25, 512]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 6, C2f, [1024, True]]
  - [-1, 1, Mine, [64]]
head:
  - [1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[0, -1], 1, Concat, [1]]
  - [[4], 1, Detect, [nc]]
"""


def test_channels_and_strides_at_every_scale() -> None:
    model = read_model(MODEL.encode(), "m.yaml")
    at = {scale.name: features(model, scale) for scale in model.scales}
    assert [one.channels for one in at["n"]] == [16, 256, None, 256, 272, None]
    assert [one.channels for one in at["x"]] == [80, 640, None, 640, 720, None]
    assert [one.stride for one in at["n"]] == [2, 2, None, 1, 2, None]


def test_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "yolov8.yaml").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    assert main.run(["layers", "yolov8.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "yolov8.yaml, read and not built; channels at n/x"
    assert lines[3].split() == "model.1 -1 C2f x6 1024, True 256/640 2 2 3".split()
    assert lines[-1] == "as a target: yolov8.yaml::model.4"
    assert main.run(["layers", "yolov8x.yaml", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["layers"][4] == {
        "path": "model.4",
        "class": "Concat",
        "channels": 720,
        "layout": "NCHW",
        "evidence": "read",
        "calls": 1,
        "readers": ["model.5"],
        "line": 11,
        "from": [0, -1],
        "repeats": 1,
        "arguments": "1",
        "channels_at": {"x": 720},
        "stride": 2,
    }


def test_what_is_no_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.yaml").write_text("names: [a]\ntrain: images\n")
    monkeypatch.chdir(tmp_path)
    assert main.run(["layers", "data.yaml"]) == 1
    assert "describes a dataset" in capsys.readouterr().err
