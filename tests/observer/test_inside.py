"""A block among the elements of a Sequential: old state arrives, or the proof says which tensor does not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stitchgen.catalog.render import snippet
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.inside import name_as_before


class Old(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.Linear(3, 3))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.Bilinear(3, 3, 3), nn.Linear(3, 3)
        )


LOADER = snippet("inside", "keys", class_name="Net", container="features", index=3, command="add x")
INSIDE = {
    "file": __file__,
    "class_name": "Net",
    "container": "features",
    "index": 3,
    "key": "inserted",
    "loader": "/keys.py",
}


def named(loader: str) -> tuple[nn.Module, nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    before, after = Old(), Net()
    start = {key: value.clone() for key, value in after.state_dict().items()}
    name_as_before(before, after, [INSIDE], {"/keys.py": loader.encode()}, loads=True)
    return before, after, start


def test_elements_are_called_what_they_were() -> None:
    before, after, start = named(LOADER)
    names = list(after.features._modules)
    assert names == ["0", "1", "2", "inserted", "3"]
    kept = after.state_dict()
    assert before.state_dict().keys() <= kept.keys()
    # The proof goes on with the model's own starting values.
    assert torch.equal(kept["features.3.weight"], start["features.4.weight"])
    assert torch.equal(kept["features.inserted.weight"], start["features.3.weight"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INDEX = 3", "INDEX = 2"),
        ("int(number) + 1", "int(number)"),
        ("if lacking or result.unexpected_keys:", "if False:"),
    ],
)
def test_a_tensor_that_does_not_arrive(old: str, new: str) -> None:
    broken = LOADER.replace(old, new)
    if new == "if False:":
        broken = broken.replace("int(number) + 1", "int(number) + 2")
    assert broken != LOADER
    with pytest.raises(CheckFailed) as failed:
        named(broken)
    assert failed.value.check == "keys"


def test_other_instances_and_classes_are_left_alone() -> None:
    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(*(nn.Linear(2, 2) for _ in range(6)))

    other = Other()
    name_as_before(Old(), other, [INSIDE], {}, loads=False)
    assert list(other.features._modules) == ["0", "1", "2", "3", "4", "5"]
