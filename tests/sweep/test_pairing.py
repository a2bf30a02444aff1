"""Trainings in pairs: a variant begins where its baseline began, or does not count."""

import os
import subprocess
import sys

from tests.sweep.conftest import files_of

SE = "se=se --after model.layer2 --gate --no-prove"
TRAIN = "python train.py --seed {seed}"


def output(root, variant, seed=0):
    return (
        root / f".stitchgen/sweeps/sweep/runs/{variant}/seed-{seed}/try-1/output.txt"
    ).read_text()


def test_a_gated_variant_begins_with_its_baselines_loss(training, sweep):
    before = files_of(training)
    status, answer = sweep(
        "--variant",
        SE,
        "--seeds",
        "1",
        "--metric",
        "val_acc",
        "--python",
        sys.executable,
        train=TRAIN,
    )
    assert status == 0, answer
    assert files_of(training) == before
    for seed in (0,):
        baseline, variant = (
            output(training, name, seed).splitlines() for name in ("baseline", "se")
        )
        assert baseline[0] == variant[0], "the gate is closed: the first loss is the baseline's"
        assert baseline[1:] != variant[1:], "and then it is trained"
        # The split comes after the model: it would be another one.
        assert baseline[-1].split()[1] == variant[-1].split()[1]
    plain = subprocess.run(
        [sys.executable, "train.py", "--seed", "0"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert plain.stdout == output(training, "baseline", 0), "recorded, it is the plain run"
    [_, se] = answer["variants"]
    assert se["unpaired"] is None and se["comparison"]["pairs"] == 1
    assert se["comparison"]["low"] is None and se["comparison"]["verdict"] == "not-comparable"
    baseline = answer["variants"][0]
    # Two convolutions with their normalisations, and the classifier; an image has 6 x 6 pixels.
    assert baseline["cost"]["parameters"] == (9 + 1 + 2) * 8 + (9 * 8 + 1 + 2) * 8 + 9 * 4
    assert baseline["cost"]["macs"] == 36 * 9 * 8 + 36 * 9 * 8 * 8 + 8 * 4
    assert se["cost"]["parameters"] > baseline["cost"]["parameters"]
    assert se["cost"]["macs"] > baseline["cost"]["macs"]
    status, answer = sweep("keep", "se")
    assert status == 0 and {one["path"] for one in answer["files"]} == {
        "blocks/se.py",
        "model.py",
        "stitchgen.lock",
    }
    assert "layer2_se" in (training / "model.py").read_text()
    assert sweep("keep", "se")[1]["error"]["code"] == "sources-changed"


def test_a_block_that_no_optimizer_has_does_not_count(training, sweep):
    status, answer = sweep(
        *("--variant", SE, "--seeds", "1", "--metric", "val_acc", "--python", sys.executable),
        train=f"{TRAIN} --only-fc",
    )
    assert status == 1
    [reason] = answer["variants"][1]["missing"].values()
    assert reason == "no optimizer has layer2_se.fc.0.bias and 4 more"


def test_a_script_with_a_seed_of_its_own_is_refused(training, sweep):
    status, answer = sweep(
        *("--seeds", "2", "--metric", "val_acc", "--python", sys.executable),
        train=f"{TRAIN} --constant",
    )
    assert status == 1 and answer["error"]["code"] == "constant-seed"
    assert answer["error"]["where"] == "train.py:17"


def one_seed_of(sweep, flags):
    return sweep(
        *("--variant", SE, "--seeds", "1", "--metric", "val_acc", "--python", sys.executable),
        train=f"{TRAIN} {flags}",
    )


def test_the_split_is_the_baselines_where_the_script_initialises_before_it(training, sweep):
    status, answer = one_seed_of(sweep, "--init")
    assert status == 0 and answer["variants"][1]["unpaired"] is None
    held = [output(training, name).splitlines()[-1].split()[1] for name in ("baseline", "se")]
    assert held[0] == held[1]


def test_another_split_is_said(training, sweep):
    status, answer = one_seed_of(sweep, "--init --by-hand")
    assert status == 0
    assert answer["variants"][1]["unpaired"] == (
        "the loader at train.py:34 has other samples than the baseline's: "
        "split the data before the model is made"
    )
