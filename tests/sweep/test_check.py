"""`stitchgen sweep check`: one short run of everything, and what it shows."""

import sys

from tests.sweep.conftest import files_of

OPTIONS = ("--metric", "val_acc", "--python", sys.executable)


def test_what_would_be_read_is_shown_and_nothing_kept(printing, sweep, capsys):
    (printing / "train.py").write_text(
        "import sys\n"
        "print('loss 3')\n"
        "for epoch in range(int(sys.argv[2])):\n"
        "    print(f'epoch {epoch} val_acc: 0.5{sys.argv[1]}')\n"
        "open('log.csv', 'w').write(f'val_acc,f1\\n0.5{sys.argv[1]},1\\n')\n"
    )
    before = files_of(printing)
    status, answer = sweep(
        "check", "--seeds", "4", "--probe", "2", *OPTIONS, train="python train.py {seed}"
    )
    assert status == 0, answer
    assert [(run["variant"], run["seed"]) for run in answer["runs"]] == [
        ("baseline", 0),
        ("baseline", 1),
    ]
    [table, printed] = answer["runs"][0]["sources"]
    assert (table["source"], table["last"]) == ("log.csv", "0.5")
    assert printed["count"] == 2 and printed["line"] == "epoch 1 val_acc: 0.50"
    assert answer["names"] == ["epoch", "f1", "loss"] and answer["planned"] == 4
    assert files_of(printing) == before and not (printing / ".stitchgen").exists()


def test_a_variant_is_checked_in_everything(training, sweep):
    status, answer = sweep(
        *("check", "--variant", "se=se --after model.layer2 --gate --no-prove", *OPTIONS),
        train="python train.py --seed {seed}",
    )
    assert status == 0, answer
    [_, _, se] = answer["runs"]
    assert se["paired"] and se["shared"] > 0 and se["moved"][0] == se["moved"][1] > 0
    # The line at which it would go wrong is not printed as a report's: no verdict.
    assert "table" not in answer


def test_what_does_not_count_is_said_and_kept(training, sweep):
    status, answer = sweep(
        *("check", "--variant", "se=se --after model.layer2 --no-prove", *OPTIONS),
        train="python train.py --seed {seed} --only-fc",
    )
    assert status == 1
    assert answer["runs"][2]["reason"].startswith("no optimizer has layer2_se")
    assert (
        answer["runs"][2]["where"] == "train.py:32"
        and "model.parameters()" in answer["runs"][2]["hint"]
    )
    assert (training / ".stitchgen/sweeps/.sweep.check/runs/se").is_dir() and answer["kept"]
