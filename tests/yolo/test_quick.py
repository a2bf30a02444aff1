"""What a proof of rows leaves out, beside what torch computes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from stitchgen.observer.rows import quick
from stitchgen.observer.rows.twins import layers_of, take_over
from tests.yolo.test_proof import proven


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"stride": 2, "padding": 1},
        {"stride": (2, 1), "padding": (0, 3), "dilation": (1, 2)},
        {"padding": "same"},
        {"groups": 4},
    ],
)
@pytest.mark.parametrize("biased", [False, True])
def test_a_convolution_of_zeros_is_its_bias(numbers: Any, *, biased: bool) -> None:
    weight = torch.randn(64, 32 // numbers.get("groups", 1), 3, 3)
    bias = torch.randn(64) if biased else None
    image = torch.zeros(2, 32, 24, 20)
    expected = functional.conv2d(image, weight, bias, **numbers)
    with quick.zeros_known():
        assert torch.equal(functional.conv2d(image, weight, bias, **numbers), expected)


def test_a_convolution_of_anything_else_is_computed() -> None:
    weight, image = torch.randn(64, 32, 3, 3), torch.zeros(2, 32, 24, 20)
    image[1, 31, 23, 19] = 1
    expected = functional.conv2d(image, weight)
    with quick.zeros_known():
        assert torch.equal(functional.conv2d(image, weight), expected)
        with pytest.raises(RuntimeError, match="channels"):
            functional.conv2d(torch.zeros(2, 31, 24, 20), weight)
        with pytest.raises(RuntimeError, match="Kernel size"):
            functional.conv2d(torch.zeros(900, 32, 2, 2), weight)


def test_a_product_with_a_diagonal_matrix_is_the_same() -> None:
    other = torch.randn(512, 64)
    diagonal = torch.diag(torch.randn(512))
    dense = diagonal.clone()
    dense[0, 511] = 1
    expected = [torch.mm(one, other) for one in (diagonal, dense)]
    with quick.diagonal_products():
        for one, product in zip((diagonal, dense), expected, strict=True):
            assert torch.equal(torch.mm(one, other), product)
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            torch.mm(diagonal, other[:64])


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(64, 64, 3)


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(64, 64, 3)
        self.block = Block()

    def info(self) -> None:
        raise AssertionError("it is printed")


def test_weights_are_drawn_of_the_new_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *sizes, **kwargs: empty(*sizes, **kwargs).fill_(7))
    with quick.building(Whole, ["Block"]):
        model = Whole()
    assert bool((model.first.weight == 7).all()) and len(model.block.conv.weight.unique()) > 9
    with quick.building(Whole):
        assert len(Whole().first.weight.unique()) > 9
    assert "normal_" not in vars(torch.Tensor) and "uniform_" not in vars(torch.Tensor)


@pytest.mark.parametrize("again", [False, True])
def test_what_is_drawn_until_it_fits_comes_to_an_end(
    monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    weight = nn.Parameter(torch.full((64, 64), 7.0))
    with quick.fills_left_out(()), torch.no_grad():
        if again:
            for _ in range(2):
                weight.clamp_(6, 8).normal_()
        else:
            nn.init.trunc_normal_(weight, std=0.02)
            nn.init.trunc_normal_(weight, std=3.0)  # drawn uniformly, and dropped by chance
    assert bool((weight.abs() < 6).all())


def test_nothing_is_counted_to_be_printed() -> None:
    model = Whole()
    with quick.fusing(Whole):
        model.info()
    with pytest.raises(AssertionError, match="printed"):
        model.info()


# -- what the two models share ---------------------------------------------------------------------


class Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))


def test_weights_are_shared_but_those_of_the_head() -> None:
    before, after = Rows(), Rows()
    shared = take_over(before, after, range(3), [], share=True)
    assert [one.old.path for one in shared] == [
        "model.0.weight",
        "model.0.bias",
        "model.1.weight",
        "model.1.bias",
    ]
    for one, other in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    statistics = [layers_of(model)[1].running_mean for model in (before, after)]
    assert statistics[0].data_ptr() != statistics[1].data_ptr()


@pytest.mark.parametrize("bypassing", [False, True])
def test_a_write_to_a_shared_weight_is_noticed(*, bypassing: bool) -> None:
    before, after = Rows(), Rows()
    shared = take_over(before, after, range(3), [], share=True)
    assert not any(one.is_written() for one in shared)
    weight = layers_of(after)[0].weight
    with torch.no_grad():
        (weight.data if bypassing else weight).mul_(2)
    assert [one.old.path for one in shared if one.is_written()] == ["model.0.weight"]


# -- where the quick way shows nothing ---------------------------------------------------------------


@pytest.fixture
def fork_module(importable: None) -> Any:
    return importlib.import_module("models.yolo")


@pytest.fixture
def by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """No image is given: the proof tries its own."""
    module = importlib.import_module("tests.yolo.test_proof")
    asked = module.request
    monkeypatch.setattr(module, "request", lambda *args: {**asked(*args), "inputs": []})


@pytest.mark.usefixtures("by_size", "importable")
def test_a_small_image_is_enough() -> None:
    answer = proven("Counted", 1)
    assert answer["error"] is None and answer["scales"][0]["input"] == "2x3x64x64"


class Wide(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training and x.shape[-1] < 32:
            raise ValueError("too small")
        return torch.sigmoid(self.conv(x))


@pytest.mark.usefixtures("by_size")
def test_a_block_that_needs_a_larger_map_gets_one(fork_module: Any) -> None:
    fork_module.Wide = Wide
    answer = proven("Wide", 1)
    assert answer["error"] is None and answer["scales"][0]["input"] == "2x3x128x128"


@pytest.mark.usefixtures("by_size")
@pytest.mark.parametrize("bypassing", [False, True])
def test_a_model_that_writes_to_its_weights_shares_none(
    fork_module: Any, monkeypatch: pytest.MonkeyPatch, *, bypassing: bool
) -> None:
    forward = fork_module.Conv.forward

    def bounded(conv: Any, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            weight = conv.conv.weight.data if bypassing else conv.conv.weight
            weight.clamp_(-0.02, 0.02)
        return forward(conv, x)  # type: ignore[no-any-return]

    monkeypatch.setattr(fork_module.Conv, "forward", bounded)
    answer = proven("Counted", 1)
    assert answer["error"] is None and answer["scales"][0]["input"] == "2x3x128x128"


@pytest.mark.usefixtures("by_size")
def test_a_wrong_edit_is_refused_both_ways(fork_module: Any) -> None:
    error = proven("Counted", 2, ("[[6, 3], 1", "[[6, 2], 1"))["error"]
    assert error is not None and error["check"] == "position"


# -- fused -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_size")
def test_a_head_with_another_form_is_compared_with_the_old_one(
    fork_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fused, the head gives a dictionary; with a row that the fused layers lose it is refused all the same."""
    fuse = fork_module.DetectionModel.fuse

    def fused(model: Any) -> Any:
        head = model.model[-1]
        give = head.forward
        head.forward = lambda x: {"found": give(x)}
        return fuse(model)

    monkeypatch.setattr(fork_module.DetectionModel, "fuse", fused)
    assert proven("Counted", 1)["error"] is None
    error = proven("Boosted", 1)["error"]
    assert error is not None and error["message"].startswith("at scale n: Fused")


@pytest.mark.usefixtures("by_size")
def test_an_edit_by_which_fusing_changes_another_layer_is_refused(
    fork_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository's `fuse` goes by numbers, which the row moved: the head then gives something else."""
    fuse = fork_module.DetectionModel.fuse

    def fused(model: Any) -> Any:
        model.model[-1].forward = lambda x: {"rows": torch.tensor(len(model.model))}
        return fuse(model)

    monkeypatch.setattr(fork_module.DetectionModel, "fuse", fused)
    error = proven("Counted", 1)["error"]
    assert error is not None and "Fused, without the new rows" in error["message"]


@pytest.mark.usefixtures("by_size")
@pytest.mark.parametrize("old_fuses", [False, True])
def test_a_model_that_does_not_fuse(
    fork_module: Any, monkeypatch: pytest.MonkeyPatch, *, old_fuses: bool
) -> None:
    """With the row it is a failed check; where the old one does not fuse either, a note."""
    fuse = fork_module.DetectionModel.fuse

    def fused(model: Any) -> Any:
        if not old_fuses or any(type(one).__name__ == "Counted" for one in model.model):
            raise RuntimeError("not here")
        return fuse(model)

    monkeypatch.setattr(fork_module.DetectionModel, "fuse", fused)
    answer = proven("Counted", 1)
    if old_fuses:
        assert "fusing the edited model" in answer["error"]["message"]
    else:
        assert answer["error"] is None
        assert "does not fuse" in answer["scales"][0]["notes"][0]
