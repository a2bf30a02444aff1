"""Each block of the catalog beside an independent implementation: error, time, memory.

    python benchmarks/blocks.py                        every block that has an oracle in a package
    python benchmarks/blocks.py cbam mhsa --channels 64 256 --sizes 14 56
    python benchmarks/blocks.py --out blocks.json

Both get the same weights and the same inputs, one thread each, in turns, in one process. `error` is
the largest difference of outputs and input gradients in float64, relative to the largest value;
`time` the ratio of a forward and backward pass in float32, ours to theirs, as the geometric mean over
the settings; `memory` the same of the bytes kept for the backward pass. It needs
torch, torchvision and timm.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from stitchgen import catalog, render

CHANNELS, SIZES, BATCH = (64, 256, 512), (7, 14, 28), 4


@dataclass(frozen=True)
class Oracle:
    """`make(channels)` gives the arguments of ours and the other module."""

    where: str
    make: Callable[[int], tuple[dict[str, Any], nn.Module]]
    names: Mapping[str, str] = field(default_factory=dict)  # our prefix -> theirs; else in order


def oracles() -> dict[str, Oracle]:
    """Every block with a module to compare with."""
    import timm.layers as tl
    from timm.layers import cbam, coord_attn, grn
    from timm.models import (
        _efficientnet_blocks,
        convnext,
        densenet,
        fasternet,
        ghostnet,
        inception_next,
        metaformer,
        resnet,
        starnet,
        vision_transformer,
        xcit,
    )
    from torchvision.models.googlenet import BasicConv2d, Inception
    from torchvision.models.segmentation.deeplabv3 import ASPP

    def reduced(c: int, r: int = 16) -> int:
        return max(1, c // r)

    def norm(c: int, **options: Any) -> nn.Module:
        return nn.LayerNorm(c, eps=1e-6, **options)

    class SelfAttention(nn.MultiheadAttention):
        def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x, x, x, need_weights=False)[0]

    def global_context(c: int) -> nn.Module:
        module = tl.GlobalContext(c, fuse_add=True, fuse_scale=False, rd_channels=reduced(c))
        assert module.mlp_add is not None
        module.mlp_add.norm.eps = 1e-5
        return module

    def inception(c: int) -> nn.Module:
        module = Inception(c, 64, 96, 128, 16, 32, 32)
        module.branch3[1] = BasicConv2d(16, 32, kernel_size=5, padding=2)
        return module

    def aspp(c: int) -> nn.Module:
        module = ASPP(c, (6, 12, 18), 128)
        module.project[3] = nn.Identity()
        return module

    def same(build: Callable[[int], nn.Module], **more: Any) -> Any:
        return lambda c: ({"channels": c} | more, build(c))

    def through(build: Callable[[int], nn.Module], **more: Any) -> Any:
        return lambda c: ({"in_channels": c, "out_channels": c} | more, build(c))

    convnext_names = {"conv.": "conv_dw.", "mlp.0.": "mlp.fc1.", "mlp.2.": "mlp.fc2.", "": ""}
    star_names = {
        "conv1.": "dwconv.conv.",
        "norm1.": "dwconv.bn.",
        "fc1.": "f1.conv.",
        "fc2.": "f2.conv.",
        "fc3.": "g.conv.",
        "norm3.": "g.bn.",
        "conv2.": "dwconv2.conv.",
    }
    qkv = {"qkv.": "in_proj_", "proj.": "out_proj."}
    block = _efficientnet_blocks.InvertedResidual
    return {
        "cbam": Oracle("timm", same(lambda c: cbam.CbamModule(c, rd_channels=reduced(c)))),
        "channel-attention": Oracle(
            "timm", same(lambda c: cbam.ChannelAttn(c, rd_channels=reduced(c)))
        ),
        "spatial-attention": Oracle("timm", lambda c: ({}, cbam.SpatialAttn())),
        "se": Oracle("timm", same(lambda c: tl.SEModule(c, rd_channels=reduced(c)))),
        "eca": Oracle("timm", same(lambda c: tl.EcaModule(c))),
        "ese": Oracle("timm", same(lambda c: tl.EffectiveSEModule(c))),
        "coord-attention": Oracle(
            "timm",
            same(lambda c: coord_attn.CoordAttn(c, rd_channels=max(8, c // 32), bias=True)),
        ),
        "global-context": Oracle("timm", same(global_context)),
        "non-local": Oracle(
            "timm", same(lambda c: tl.NonLocalAttn(c, use_scale=False, rd_channels=c // 2))
        ),
        "attention2d": Oracle("timm", same(lambda c: tl.Attention2d(c, num_heads=8))),
        "mhsa": Oracle("torch", same(lambda c: SelfAttention(c, 8, batch_first=True)), qkv),
        "vit-block": Oracle(
            "timm",
            same(lambda c: vision_transformer.Block(c, 8, qkv_bias=True, norm_layer=norm)),
        ),
        "xca": Oracle("timm", same(lambda c: xcit.XCA(c, 8))),
        "pool-mixer": Oracle("timm", lambda c: ({}, metaformer.Pooling(3))),
        "ghost": Oracle("timm", through(lambda c: ghostnet.GhostModule(c, c))),
        "resnext-block": Oracle(
            "timm",
            same(
                lambda c: resnet.Bottleneck(c, c // 4, cardinality=16, base_width=4), cardinality=16
            ),
        ),
        "dense-block": Oracle(
            "timm",
            lambda c: ({"in_channels": c}, densenet.DenseBlock(6, c, bn_size=4, growth_rate=32)),
        ),
        "convnext-block": Oracle("timm", same(lambda c: convnext.ConvNeXtBlock(c)), convnext_names),
        "inception-dwconv": Oracle("timm", same(lambda c: inception_next.InceptionDWConv2d(c))),
        "dw-separable": Oracle("timm", through(lambda c: tl.SeparableConv2d(c, c, 3))),
        "mbconv": Oracle(
            "timm", through(lambda c: block(c, c, 3, exp_ratio=6, act_layer=nn.ReLU6))
        ),
        "pconv": Oracle("timm", same(lambda c: fasternet.Partial_conv3(c, 4, "split_cat"))),
        "star-block": Oracle("timm", same(lambda c: starnet.Block(c, 3)), star_names),
        "inception": Oracle(
            "torchvision", lambda c: ({"in_channels": c, "norm": True}, inception(c))
        ),
        "aspp": Oracle("torchvision", lambda c: ({"in_channels": c, "out_channels": 128}, aspp(c))),
        "split-attention": Oracle(
            "timm",
            same(
                lambda c: tl.SplitAttn(
                    c, radix=2, rd_channels=max(32, c // 2) // 2, norm_layer=nn.BatchNorm2d
                )
            ),
        ),
        "swish": Oracle("torch", lambda c: ({}, nn.SiLU())),
        "mish": Oracle("torch", lambda c: ({}, nn.Mish())),
        "hard-swish": Oracle("torch", lambda c: ({}, nn.Hardswish())),
        "swiglu": Oracle(
            "timm",
            same(lambda c: tl.SwiGLU(c, 2 * c, c, bias=True), hidden_channels=0, bias=True),
        ),
        "layer-scale": Oracle("timm", same(lambda c: tl.LayerScale2d(c))),
        "grn": Oracle("timm", same(lambda c: grn.GlobalResponseNorm(c, channels_last=False))),
        "layer-norm2d": Oracle("timm", same(lambda c: tl.LayerNorm2d(c))),
        "rms-norm": Oracle("torch", same(lambda c: nn.RMSNorm(c, eps=1e-6))),
        "drop-path": Oracle("timm", lambda c: ({"drop_prob": 0.1}, tl.DropPath(0.1))),
        "spatial-dropout": Oracle("torch", lambda c: ({"p": 0.1}, nn.Dropout2d(0.1))),
        "dropblock": Oracle("torchvision", lambda c: ({}, _DropBlock())),
    }


class _DropBlock(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        from torchvision.ops import drop_block2d

        return drop_block2d(x, 0.1, min(7, x.shape[-1]), eps=0)


def measure(name: str, oracle: Oracle, channels: list[int], sizes: list[int]) -> dict[str, Any]:
    """One row of the table."""
    block = catalog.get(name)
    space: dict[str, Any] = {"__name__": f"rendered_{name}"}
    exec(render.block_source(block), space)  # noqa: S102
    tokens = block.layouts[0] == "NLC"
    errors, times, kept = [], [], []
    for c in channels:
        arguments, theirs = oracle.make(c)
        if arguments.get("hidden_channels") == 0:
            arguments["hidden_channels"] = 2 * c
        ours = space[block.class_name](**arguments)
        copy(ours, theirs, oracle.names)
        for size in sizes:
            shape = (BATCH, size * size, c) if tokens else (BATCH, c, size, size)
            errors.append(error(ours, theirs, shape))
            ratios = pair_times(ours.float().train(), theirs.float().train(), shape)
            times.append(ratios)
            kept.append(bytes_kept(ours, shape) / max(bytes_kept(theirs, shape), 1))
    return {
        "block": name,
        "family": block.family,
        "oracle": oracle.where,
        "error": max(errors),
        "time": mean(times),
        "slowest": max(times),
        "memory": mean(kept),
    }


def copy(ours: nn.Module, theirs: nn.Module, names: Mapping[str, str]) -> None:
    """Random weights, the same in both."""
    source, target = ours.state_dict(), theirs.state_dict()
    assert len(source) == len(target), (list(source), list(target))
    for key, value in source.items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.1 + (0.5 if "var" in key else 0.01))

    def renamed(key: str) -> str:
        prefix = max((p for p in names if key.startswith(p)), key=len)
        return names[prefix] + key[len(prefix) :]

    keys = [renamed(key) for key in source] if names else list(target)
    theirs.load_state_dict({k: v.reshape(target[k].shape) for k, v in zip(keys, source.values())})


def error(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> float:
    results = []
    x = torch.randn(shape, dtype=torch.float64)
    for module in (ours, theirs):
        state = {k: v.clone() for k, v in module.state_dict().items()}
        module.double().train()
        torch.manual_seed(0)
        one = x.clone().requires_grad_()
        y = module(one)
        y.square().sum().backward()
        assert one.grad is not None
        results.append((y.detach(), one.grad))
        module.load_state_dict(state)
    return max(
        float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in zip(*results)
    )


def pair_times(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> float:
    """Ours to theirs, the best of passes in turns: others on the machine only ever add time."""
    x = torch.randn(shape, requires_grad=True)

    def once(module: nn.Module) -> float:
        start = time.perf_counter()
        y = module(x)
        y.backward(torch.ones_like(y))
        return time.perf_counter() - start

    once(ours), once(theirs)
    repeats = max(7, min(60, int(0.25 / max(once(theirs), 1e-5))))
    pairs = [(once(ours), once(theirs)) for _ in range(repeats)]
    mine, other = (min(values) for values in zip(*pairs))
    return mine / other


def bytes_kept(module: nn.Module, shape: tuple[int, ...]) -> int:
    """The storage that autograd keeps for the backward pass, each once, parameters aside."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.randn(shape, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = module(x)
    del y
    return sum(kept.values()) + x.untyped_storage().nbytes()


def mean(ratios: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blocks", nargs="*")
    parser.add_argument("--channels", nargs="*", type=int, default=list(CHANNELS))
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = oracles()
    rows = []
    print(f"{'block':<20} {'oracle':<12} {'error':>8} {'time':>6} {'slowest':>8} {'memory':>7}")
    for name in options.blocks or known:
        row = measure(name, known[name], options.channels, options.sizes)
        rows.append(row)
        print(
            f"{name:<20} {row['oracle']:<12} {row['error']:8.1e} {row['time']:6.2f} "
            f"{row['slowest']:8.2f} {row['memory']:7.2f}",
            flush=True,
        )
    print(
        f"{'geometric mean':<33} {'':>8} {mean([r['time'] for r in rows]):6.2f} {'':>8} "
        f"{mean([r['memory'] for r in rows]):7.2f}"
    )
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
