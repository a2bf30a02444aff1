"""A sweep as sweep.toml or pyproject.toml has it, and what the command line adds to it."""

import sys

import pytest

from stitchgen.errors import StitchError
from stitchgen.project.config import find_project
from stitchgen.sweep.configured import configured

WHOLE = """\
command = "python train.py --lr '1 2' --seed {seed}"
seeds = [3, 5]
metric = "val_acc"
jobs = 2
name = "first"
link = "data"
[variants]
se = "se --after model.layer2"
both = ["se --after model.layer3", "fuse model.layer2 model.layer4"]
[grid]
blocks = ["cbam", "eca --set kernel_size=3"]
after = ["model.layer2", "model.layer3"]
gate = [false, true]
"""


def read(folder):
    return configured(find_project(folder))


def test_a_file_is_read_with_its_grid(tmp_path):
    (tmp_path / "sweep.toml").write_text(WHOLE)
    found = read(tmp_path)
    assert found.command == ("python", "train.py", "--lr", "1 2", "--seed", "{seed}")
    assert found.seeds == (3, 5) and found.jobs == 2 and found.link == ("data",)
    assert len(found.variants) == 2 + 2 * 2 * 2
    assert found.variants["both"][1] == "fuse model.layer2 model.layer4"
    assert found.variants["cbam@layer2"] == ("cbam --after model.layer2",)
    gated = "eca --set kernel_size=3 --after model.layer3 --gate"
    assert found.variants["eca@layer3+gate"] == (gated,)


def test_the_same_in_pyproject_and_not_in_both(tmp_path):
    table = '[tool.stitchgen.sweep]\nmetric = "f1"\nseeds = "7-9"\n'
    (tmp_path / "pyproject.toml").write_text(table)
    assert (read(tmp_path).metric, read(tmp_path).seeds) == ("f1", (7, 8, 9))
    (tmp_path / "sweep.toml").write_text('metric = "acc"')
    with pytest.raises(StitchError, match="described twice"):
        read(tmp_path)


def test_names_of_a_grid_tell_equal_ends_apart(tmp_path):
    (tmp_path / "sweep.toml").write_text(
        '[grid]\nblocks = "se"\nafter = ["a.layer1.0", "a.layer2.0"]\n'
    )
    assert [*read(tmp_path).variants] == ["se@layer1.0", "se@layer2.0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sedes = 5", "no setting sedes"),
        ("seeds = 0", "not understood"),
        ("seeds = [1, 1]", "not understood"),
        ("seeds = true", "not understood"),
        ('jobs = "two"', "whole number"),
        ('at = "first"', "neither last nor best"),
        ('command = "python \'train.py"', "No closing quotation"),
        ("[variants]\nse = 3", "list of strings"),
        ('[grid]\nblocks = "se"', "needs blocks"),
        ('[grid]\nblocks = "se"\nafter = "m.a"\nbefore = "m.b"', "needs blocks"),
        ('[grid]\nblocks = "se"\nafter = "m.a"\ngate = 1', "true, false or both"),
        ('[grid]\nblocks = ["se", "se"]\nafter = "m.a"', "two variants would be called se@a"),
    ],
)
def test_a_faulty_file_is_refused_with_what_is_wrong(tmp_path, text, said):
    (tmp_path / "sweep.toml").write_text(text)
    with pytest.raises(StitchError, match=said) as caught:
        read(tmp_path)
    assert caught.value.code == "no-configuration" and "sweep.toml" in caught.value.where


def test_without_arguments_the_file_is_run_and_may_ask_for_more_seeds(printing, sweep):
    file = printing / "sweep.toml"
    text = f'command = "python train.py {{seed}}"\nseeds = 1\nmetric = "val_acc"\npython = "{sys.executable}"\n'
    file.write_text(text)
    status, answer = sweep()
    assert status == 0, answer
    assert [*answer["variants"][0]["values"]] == ["0"]
    file.write_text(text.replace("seeds = 1", "seeds = 2"))
    assert [*sweep()[1]["variants"][0]["values"]] == ["0", "1"]
    # What is typed stands above the file.
    assert [*sweep("--seeds", "3", "--name", "other")[1]["variants"][0]["values"]] == [
        "0",
        "1",
        "2",
    ]


def test_a_table_of_pyproject_may_change_and_the_rest_may_not(printing, sweep):
    file = printing / "pyproject.toml"
    text = '[tool.other]\nx = 1\n[tool.stitchgen.sweep]\ncommand = "python train.py {seed}"\n'
    text += f'metric = "val_acc"\npython = "{sys.executable}"\nseeds = '
    file.write_text(f"{text}1\n")
    assert sweep()[0] == 0
    file.write_text(f"{text}2\n")
    assert sweep()[0] == 0
    file.write_text(f"{text}2\n".replace("x = 1", "x = 2"))
    assert sweep()[1]["error"]["code"] == "sources-changed"


def test_a_faulty_variant_is_named(printing, sweep):
    (printing / "sweep.toml").write_text(
        'command = "python train.py {seed}"\nmetric = "val_acc"\n[variants]\nx = "se --aftr m.a"\n'
    )
    status, answer = sweep()
    assert status == 2 and answer["error"]["message"].startswith("variant x: ")
