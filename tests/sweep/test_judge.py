"""Why a run does not count, with the line of the script and what to change there."""

from stitchgen.sweep.judge import OTHER_MODEL, not_trained

TREE = "/p/.stitchgen/sweeps/s/runs/se/seed-0/try-1/tree/"


def seen(parameters, optimized=(), moved=(), trained_at=None):
    """What the runner says of a process."""
    return {
        "optimizer_at": f"{TREE}train.py:20",
        "trained_at": trained_at or {"0": f"{TREE}scripts/train.py:12"},
        "blocks": {
            "modules": ["0:layer2_se"],
            "parameters": parameters,
            "optimized": optimized,
            "moved": moved,
            "called": (),
            "callable": (),
        },
    }


def test_a_block_of_another_model_than_the_trained_one_is_told_from_a_forgotten_one():
    keys = ["0:layer2_se.weight"]
    forgotten = not_trained(seen(keys), ["layer2_se"])
    assert forgotten[0] == "no optimizer has layer2_se.weight" and forgotten[2] == "train.py:20"
    rebuilt = not_trained(seen(keys, trained_at={"1": f"{TREE}train.py:31"}), ["layer2_se"])
    assert rebuilt[0] == "the model that was trained is not the one that has layer2_se.weight"
    assert rebuilt[1:] == (OTHER_MODEL, "train.py:31")


def test_the_line_is_named_where_the_model_lacks_the_block_or_the_block_stays():
    keys = ["0:layer2_se.weight"]
    absent = not_trained(seen(keys, keys, keys), ["layer3_se"])
    assert absent[1:] == (OTHER_MODEL, "scripts/train.py:12")
    still = not_trained(seen(keys, keys), ["layer2_se"])
    assert still[0].startswith("layer2_se.weight") and still[2] == "train.py:20"
    assert not_trained(seen(keys, keys, keys), ["layer2_se"]) is None


def test_a_report_of_an_earlier_sweep_names_no_line():
    old = seen(["0:layer2_se.weight"])
    del old["optimizer_at"], old["trained_at"]
    assert not_trained(old, ["layer2_se"])[2] == ""
