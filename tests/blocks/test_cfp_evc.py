"""EVCBlock against the authors' layers, written out in plain tensor operations."""

import pytest
import torch
from torch.nn import functional as F


def normalised(norm, x):
    axes = [0, *range(2, x.ndim)]
    form = (1, -1, *[1] * (x.ndim - 2))
    if norm.training:
        mean, var = x.mean(axes), x.var(axes, unbiased=False)
    else:
        mean, var = norm.running_mean, norm.running_var
    mean, var, weight, bias = (t.view(form) for t in (mean, var, norm.weight, norm.bias))
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


def grouped(norm, x):
    form = (1, -1, *[1] * (x.ndim - 2))
    flat = x.flatten(1)
    mean, var = flat.mean(1), flat.var(1, unbiased=False)
    shape = (-1, *[1] * (x.ndim - 1))
    x = (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt()
    return x * norm.weight.view(form) + norm.bias.view(form)


def formula(dims):
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[dims]

    def forward(evc, x):
        x = conv(x, evc.stem[0].weight, padding=3)
        x = pool(normalised(evc.stem[1], x).relu(), 3, 1, 1)

        step = evc.center.bottleneck
        y = normalised(step.residual[1], conv(x, step.residual[0].weight)).relu()
        y = normalised(step.residual[4], conv(y, step.residual[3].weight, padding=1)).relu()
        y = normalised(step.residual[7], conv(y, step.residual[6].weight))
        y = (y + normalised(step.shortcut[1], conv(x, step.shortcut[0].weight))).relu()
        encode = evc.center.encode
        z = normalised(encode[1], conv(y, encode[0].weight)).relu().flatten(2).transpose(1, 2)
        residuals = z[:, :, None] - encode[3].codewords  # (N, L, K, C), as the paper has it
        weights = torch.softmax(encode[3].scale * (residuals**2).sum(-1), -1)
        codes = (weights[..., None] * residuals).sum(1)
        codes = normalised(encode[4], codes).relu().mean(1)
        gate = torch.sigmoid(codes @ evc.center.fc.weight.T + evc.center.fc.bias)
        center = (y + y * gate.view(*gate.shape, *[1] * dims)).relu()

        mlp, c = evc.mlp, x.shape[1]
        y = normalised(mlp.conv[1], conv(grouped(mlp.norm1, x), mlp.conv[0].weight, groups=c))
        y = normalised(mlp.conv[4], conv(F.silu(y), mlp.conv[3].weight))
        shape = (-1, *[1] * dims)
        x = x + mlp.scale1.view(shape) * F.silu(y)
        y = F.gelu(conv(grouped(mlp.norm2, x), mlp.mlp[0].weight, mlp.mlp[0].bias))
        x = x + mlp.scale2.view(shape) * conv(y, mlp.mlp[2].weight, mlp.mlp[2].bias)
        return conv(torch.cat([center, x], 1), evc.proj.weight, evc.proj.bias)

    return forward


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("channels, num_codes, mlp_ratio", [(8, 64, 4), (6, 5, 2)])
def test_follows_the_formula(block, agree, dims, channels, num_codes, mlp_ratio):
    ours = block("cfp-evc", dims)(channels, num_codes, mlp_ratio)
    wide = (2, channels, *(7, 5, 3)[:dims])
    agree(ours, formula(dims), wide, (3, channels, *(4, 6, 3)[:dims]), rtol=1e-7, atol=1e-8)
    agree(ours, formula(dims), (1, channels, *(5, 5, 4)[:dims]), modes=["eval"], rtol=1e-7)


def test_no_known_fault(block):
    """The authors' code has 64 codes whatever it is told."""
    assert block("cfp-evc")(8, num_codes=5).center.encode[3].codewords.shape == (5, 8)
