"""Blocks of several fields side by side: against torchvision and timm, else by formula."""

import pytest
import torch
from timm.layers import SplitAttn
from torch import nn
from torch.nn import functional as F
from torchvision.models.segmentation.deeplabv3 import ASPP

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def normalised(bn, x):
    return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training)


@pytest.mark.parametrize("rates", [(6, 12, 18), (2,)])
def test_aspp_equals_torchvision(block, agree, rates):
    theirs = ASPP(6, rates, 5)
    theirs.project[3] = nn.Identity()  # its dropout is not the paper's
    agree(block("aspp")(6, 5, rates), theirs, (2, 6, 9, 7), (3, 6, 8, 8))
    agree(block("aspp")(6, 5, rates), theirs, (1, 6, 1, 3), modes=["eval"])


def test_aspp_checks_its_rates(block, raises):
    raises(block("aspp"), "rates", (6, 0), 8)
    raises(block("ppm"), "bins", (), 8)
    raises(block("ppm"), "in_channels", 3)


def ppm_formula(bins=(1, 2, 3, 6)):
    def formula(ppm, x):
        dims = x.ndim - 2
        pool = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}[dims]
        mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[dims]
        features = [x]
        for size, (_, conv, bn, _) in zip(bins, ppm.branches):
            y = normalised(bn, CONV[dims](pool(x, size), conv.weight)).relu()
            features.append(F.interpolate(y, x.shape[2:], mode=mode, align_corners=True))
        return torch.cat(features, 1)

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("bins", [(1, 2, 3, 6), (2,)])
def test_ppm(block, agree, dims, bins):
    ours = block("ppm", dims)(9, bins)
    agree(ours, ppm_formula(bins), (3, 9, *(9, 7, 6)[:dims]))
    agree(ours, ppm_formula(bins), (1, 9, *(6, 8, 7)[:dims]), modes=["eval"])


def sk_formula(branches=2, groups=32):
    def formula(sk, x):
        dims, features = x.ndim - 2, []
        for rate, (conv, bn, _) in enumerate(sk.convs, 1):
            y = CONV[dims](x, conv.weight, padding=rate, dilation=rate, groups=groups)
            features.append(normalised(bn, y).relu())
        pooled = sum(features).flatten(2).mean(2)
        z = normalised(sk.reduce[1], pooled @ sk.reduce[0].weight.T).relu()
        scores = [z @ weight.T for weight in sk.select.weight.chunk(branches)]
        total = sum(score.exp() for score in scores)
        form = (..., *[None] * dims)
        return sum((s.exp() / total)[form] * y for s, y in zip(scores, features))

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("branches, groups, reduction", [(2, 4, 16), (3, 2, 1)])
def test_sk(block, agree, dims, branches, groups, reduction):
    ours = block("sk", dims)(8, branches, groups, reduction)
    agree(ours, sk_formula(branches, groups), (3, 8, *(7, 5, 4)[:dims]), rtol=1e-7, atol=1e-9)
    agree(ours, sk_formula(branches, groups), (1, 8, *(5, 5, 4)[:dims]), modes=["eval"])


@pytest.mark.parametrize("radix, reduction", [(2, 4), (4, 1)])
def test_split_attention_equals_timm(block, agree, radix, reduction):
    hidden = max(32, 8 * radix // reduction)
    theirs = SplitAttn(8, radix=radix, rd_channels=hidden // radix, norm_layer=nn.BatchNorm2d)
    ours = block("split-attention")(8, radix, reduction)
    agree(ours, theirs, (3, 8, 7, 5), rtol=1e-7, atol=1e-9)
    agree(ours, theirs, (1, 8, 4, 6), modes=["eval"])
