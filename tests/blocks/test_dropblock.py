"""DropBlock against torchvision (odd blocks) and the paper's formula, and the faults of copies."""

import pytest
import torch
from torchvision.ops import drop_block2d, drop_block3d


@pytest.mark.parametrize("block_size", [1, 3, 5, 7])  # torchvision refuses even blocks
@pytest.mark.parametrize("size", [(7, 9), (14, 14), (3, 3), (9, 16)])
def test_equals_torchvision_with_the_same_seed(block, block_size, size):
    ours = block("dropblock")(block_size, 0.8).double()
    x = torch.randn(3, 4, *size, dtype=torch.float64)
    torch.manual_seed(3)
    theirs = drop_block2d(x, 0.2, min(block_size, *size), eps=0)
    torch.manual_seed(3)
    torch.testing.assert_close(ours(x), theirs, rtol=1e-12, atol=1e-12)


def test_equals_torchvision_in_3d(block):
    x = torch.randn(2, 3, 6, 7, 8)
    torch.manual_seed(3)
    theirs = drop_block3d(x, 0.2, 3, eps=0)
    torch.manual_seed(3)
    torch.testing.assert_close(block("dropblock", 3)(3, 0.8)(x), theirs)


@pytest.mark.parametrize("dims, size", [(1, (20,)), (2, (14, 14)), (2, (7, 7)), (3, (6, 7, 8))])
@pytest.mark.parametrize("block_size", [1, 2, 4, 7])
@pytest.mark.parametrize("keep_prob", [0.9, 0.75])
def test_dropped_regions_are_as_the_paper_says(block, dims, size, block_size, keep_prob):
    """gamma of the paper's equation 1; each seed makes one whole region; the rest is scaled."""
    x = torch.ones(64, 48, *size)
    y = block("dropblock", dims)(block_size, keep_prob)(x)
    kept = (y != 0).double().mean().item()
    side = [min(block_size, n) for n in size]
    gamma = 1 - keep_prob
    places = region = 1
    for n, b in zip(size, side):
        gamma *= n / (b * (n - b + 1))
        places, region = places * (n - b + 1), region * b
    # A position is kept where none of the regions over it is sampled.
    expected = torch.ones(size, dtype=torch.float64)
    for axis, (n, b) in enumerate(zip(size, side)):
        index = torch.arange(n)
        over = torch.minimum(index, torch.tensor(n - b)) - (index - b + 1).clamp(min=0) + 1
        expected = expected * over.view(-1, *[1] * (len(size) - axis - 1))
    expected = ((1 - gamma) ** expected).mean().item()
    assert kept == pytest.approx(expected, abs=0.01)
    assert kept >= keep_prob - 0.01  # regions overlap, so somewhat more stays
    torch.testing.assert_close(y.sum(), x.sum(), rtol=1e-4, atol=0)  # the mean is kept


def test_no_known_fault(block, raises):
    drop = block("dropblock")
    x = torch.ones(64, 32, 7, 7)
    assert (drop()(x) != 0).float().mean().item() == pytest.approx(0.903, abs=0.01)  # not 0.997
    for block_size in (2, 4, 6):
        assert drop(block_size)(x).shape == x.shape
    assert drop(50, 0.5)(x).shape == x.shape  # a block above the feature's size
    assert drop()(torch.ones(2, 3, 6, 6)).shape == (2, 3, 6, 6)  # 7 clipped to 6, an even block
    assert not drop(7, 1e-9)(torch.ones(1, 1, 7, 7)).any()  # all dropped: zeros, not NaN
    assert drop()(x.half()).dtype == torch.float16
    huge = drop(1, 0.9)(torch.ones(2, 64, 40, 40).half())  # the sum is above half's largest
    assert huge.isfinite().all() and huge.max() > 1
    raises(drop, "block_size", 0)
    for keep_prob in (0, -0.5, 1.5):
        raises(drop, "keep_prob", keep_prob)
    assert drop(keep_prob=1.0)(x) is x and drop().eval()(x) is x and not drop().state_dict()


def test_schedule_is_linear_and_saved(block):
    """keep_prob falls from 1 to its value over schedule_steps forward passes in training."""
    x = torch.ones(64, 64, 8, 8)
    drop = block("dropblock")(1, 0.6, schedule_steps=4)
    kept = [(drop(x) != 0).float().mean().item() for _ in range(6)]
    assert kept == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.6], abs=0.01)
    drop.eval()(x)
    assert drop.state_dict()["step"].item() == 6
    resumed = block("dropblock")(1, 0.6, schedule_steps=4)
    resumed.load_state_dict(drop.state_dict())
    assert (resumed(x) != 0).float().mean().item() == pytest.approx(0.6, abs=0.01)


def test_scheduled_block_compiles(block):
    drop = torch.compile(
        block("dropblock")(3, 0.5, schedule_steps=2), fullgraph=True, backend="eager"
    )
    x = torch.ones(2, 8, 9, 9)
    assert drop(x).min() == 1 and drop(x).min() == 0


def test_each_channel_has_its_own_regions(block):
    """The paper finds that better than one mask for all channels."""
    dropped = block("dropblock")(3, 0.7)(torch.ones(1, 8, 12, 12)) == 0
    assert len({tuple(mask.flatten().tolist()) for mask in dropped[0]}) > 1
