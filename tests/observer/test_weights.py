"""Constructors that want weights which are not on this machine."""

import pytest
import torch
from torch import nn

from stitchgen.observer import weights
from stitchgen.observer.failure import Failure
from stitchgen.observer.models import build


class Stub:
    """Evaluates the expression that it is given, in the namespace of the test."""

    def __init__(self, **names):
        self.names = {"torch": torch, "nn": nn, **names}
        self.absent_weights = []

    def evaluate(self, expression):
        return eval(expression, self.names)


class Checkpointed(nn.Module):
    """Loads what it takes from a checkpoint, as scripts do."""

    def __init__(self, path, adapt):
        super().__init__()
        self.body = nn.Linear(3, 3)
        self.body.load_state_dict(adapt(torch.load(path)))


@pytest.mark.parametrize(
    "adapt",
    [
        lambda state: state,
        lambda state: state["state_dict"],
        lambda state: state.get("state_dict", state),
        lambda state: {key[7:]: value for key, value in state["state_dict"].items()},
        lambda state: {key: value.float() for key, value in state.get("model", state).items()},
        lambda state: (state.pop("fc.weight"), state)[1],
    ],
)
def test_a_checkpoint_that_is_not_there_leaves_the_weights_random(adapt):
    project = Stub(Net=Checkpointed, adapt=adapt)
    model = build(project, "Net('weights/best.pth', adapt)")
    torch.manual_seed(0)
    assert torch.equal(model.body.weight, nn.Linear(3, 3).weight)
    assert project.absent_weights == ["best.pth"]
    assert weights.note(project.absent_weights).endswith("best.pth.")


def test_a_checkpoint_that_is_there_is_loaded_and_strictly(tmp_path):
    path = str(tmp_path / "best.pth")
    torch.save(nn.Linear(3, 3).state_dict(), path)
    project = Stub(Net=Checkpointed, path=path)
    model = build(project, "Net(path, lambda state: state)")
    assert torch.equal(model.body.weight, torch.load(path)["weight"])
    assert project.absent_weights == []
    with pytest.raises(Failure, match="in loading state_dict"):
        build(project, "Net(path, lambda state: {})")


def test_another_file_that_is_not_there_is_the_failure_that_it_is():
    with pytest.raises(Failure, match="No such file"):
        build(Stub(), "nn.Linear(len(open('nothing.txt').read()), 2)")


def test_nothing_stays_replaced_afterwards():
    before = torch.load, nn.Module.load_state_dict, torch.hub.download_url_to_file
    build(Stub(Net=Checkpointed), "Net('weights/best.pth', lambda state: state)")
    assert (torch.load, nn.Module.load_state_dict, torch.hub.download_url_to_file) == before
