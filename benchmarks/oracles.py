"""What each block is compared with: a module of a package, else the formula of its own test.

`oracles()` has an entry for every block whose head names an oracle; benchmarks/blocks.py times them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

Formula = Callable[..., Any]  # of our module, whose weights it uses, and the inputs


@dataclass(frozen=True)
class Oracle:
    """`make(channels)` gives the arguments of ours, and the other module or a formula of ours.

    The weights go over by `names` (prefixes, ours -> theirs), by `load`, else in order.
    """

    make: Callable[[int], tuple[dict[str, Any], nn.Module | Formula]]
    names: Mapping[str, str] = field(default_factory=dict)
    load: Callable[[nn.Module, nn.Module], None] | None = None
    training: bool = True
    sizes: tuple[int, ...] = ()  # where the oracle takes too long for the usual ones


def oracles() -> dict[str, Oracle]:
    """Every block that has an oracle, by name."""
    return {**_of_packages(), **_of_formulas()}


def _same(build: Callable[[int], nn.Module], **more: Any) -> Any:
    return lambda c: ({"channels": c, **more}, build(c))


def _through(build: Callable[[int], nn.Module], **more: Any) -> Any:
    return lambda c: ({"in_channels": c, "out_channels": c, **more}, build(c))


def _reduced(c: int, reduction: int = 16) -> int:
    return max(1, c // reduction)


def _of_packages() -> dict[str, Oracle]:
    import timm.layers as tl
    from timm.layers import cbam, coord_attn, grn
    from timm.models import _efficientnet_blocks as efficientnet
    from timm.models import (
        byobnet,
        convnext,
        densenet,
        efficientvit_mit,
        fasternet,
        focalnet,
        ghostnet,
        inception_next,
        mambaout,
        metaformer,
        res2net,
        resnet,
        starnet,
        vision_transformer,
        volo,
        xcit,
    )

    def norm(c: int, **options: Any) -> nn.Module:
        return nn.LayerNorm(c, eps=1e-6, **options)

    def split(c: int) -> nn.Module:
        hidden = max(32, c // 2) // 2
        return tl.SplitAttn(c, radix=2, rd_channels=hidden, norm_layer=nn.BatchNorm2d)

    convnext_names = {"conv.": "conv_dw.", "mlp.0.": "mlp.fc1.", "mlp.2.": "mlp.fc2.", "": ""}
    repvgg_names = {
        "conv3.": "conv_kxk.conv.",
        "norm3.": "conv_kxk.bn.",
        "identity.": "identity.",
        "conv1.": "conv_1x1.conv.",
        "norm1.": "conv_1x1.bn.",
    }
    mobile_one_names = {
        "identity.": "identity.",
        "convs.0.0.": "conv_kxk.0.conv.",
        "convs.0.1.": "conv_kxk.0.bn.",
        "scale.0.": "conv_scale.conv.",
        "scale.1.": "conv_scale.bn.",
    }
    danet_names = {
        "position.alpha": "position.scale.alpha",
        "channel.beta": "channel.scale.alpha",
        **{f"position.{n}.": f"position.{n}_conv." for n in ("query", "key", "value")},
    }
    fpn_names = {
        f"{ours}.{i}.": f"fpn.{theirs}_blocks.{i}.0."
        for ours, theirs in (("lateral", "inner"), ("output", "layer"))
        for i in range(2)
    }
    diff_names = {
        **{name: f"module.{name}" for name in ("qkv.", "proj.", "lambda_")},
        "norm_weight": "module.sub_norm.weight",
    }
    focal_names = {f"layers.{i}.": f"focal_layers.{i}.0." for i in range(2)} | {"": ""}
    outlook_names = {"value.": "v.", "weights.": "attn.", "proj.": "proj."}
    gated_names = {"norm.": "norm.", "expand.": "fc1.", "conv.": "conv.", "proj.": "fc2."}
    star_names = {
        "conv1.": "dwconv.conv.",
        "norm1.": "dwconv.bn.",
        "conv2.": "dwconv2.conv.",
        "fc1.": "f1.conv.",
        "fc2.": "f2.conv.",
        "fc3.": "g.conv.",
        "norm3.": "g.bn.",
    }
    return {
        "cbam": Oracle(_same(lambda c: cbam.CbamModule(c, rd_channels=_reduced(c)))),
        "channel-attention": Oracle(_same(lambda c: cbam.ChannelAttn(c, rd_channels=_reduced(c)))),
        "spatial-attention": Oracle(lambda c: ({}, cbam.SpatialAttn())),
        "se": Oracle(_same(lambda c: tl.SEModule(c, rd_channels=_reduced(c)))),
        "eca": Oracle(_same(lambda c: tl.EcaModule(c))),
        "ese": Oracle(_same(lambda c: tl.EffectiveSEModule(c))),
        "gather-excite": Oracle(
            lambda c: ({}, tl.GatherExcite(c, extra_params=False, extent=0, use_mlp=False))
        ),
        "coord-attention": Oracle(
            _same(lambda c: coord_attn.CoordAttn(c, rd_channels=max(8, c // 32), bias=True))
        ),
        "global-context": Oracle(_same(_global_context)),
        "non-local": Oracle(
            _same(lambda c: tl.NonLocalAttn(c, use_scale=False, rd_channels=c // 2))
        ),
        "attention2d": Oracle(_same(lambda c: tl.Attention2d(c, num_heads=8))),
        "mhsa": Oracle(
            _same(lambda c: _SelfAttention(c, 8, batch_first=True)),
            {"qkv.": "in_proj_", "proj.": "out_proj."},
        ),
        "cross-attention": Oracle(
            lambda c: ({"channels": c, "context_channels": c // 2}, _CrossAttention(c)),
            load=_load_cross_attention,
        ),
        "vit-block": Oracle(
            _same(lambda c: vision_transformer.Block(c, 8, qkv_bias=True, norm_layer=norm))
        ),
        "xca": Oracle(_same(lambda c: xcit.XCA(c, 8))),
        "pool-mixer": Oracle(lambda c: ({}, metaformer.Pooling(3))),
        "ghost": Oracle(_through(lambda c: ghostnet.GhostModule(c, c))),
        "ghost-v2": Oracle(_through(lambda c: ghostnet.GhostModuleV2(c, c))),
        "shuffle-unit": Oracle(_through(_shuffle_unit)),
        "resnext-block": Oracle(
            _same(
                lambda c: resnet.Bottleneck(c, c // 4, cardinality=16, base_width=4),
                cardinality=16,
            )
        ),
        "dense-block": Oracle(
            lambda c: ({"in_channels": c}, densenet.DenseBlock(6, c, bn_size=4, growth_rate=32))
        ),
        "convnext-block": Oracle(_same(lambda c: convnext.ConvNeXtBlock(c)), convnext_names),
        "inception-dwconv": Oracle(_same(lambda c: inception_next.InceptionDWConv2d(c))),
        "dw-separable": Oracle(_through(lambda c: tl.SeparableConv2d(c, c, 3))),
        "mbconv": Oracle(
            _through(
                lambda c: efficientnet.InvertedResidual(c, c, 3, exp_ratio=6, act_layer=nn.ReLU6)
            )
        ),
        "pconv": Oracle(_same(lambda c: fasternet.Partial_conv3(c, 4, "split_cat"))),
        "star-block": Oracle(_same(lambda c: starnet.Block(c, 3)), star_names),
        "inception": Oracle(lambda c: ({"in_channels": c, "norm": True}, _inception(c))),
        "aspp": Oracle(lambda c: ({"in_channels": c, "out_channels": 128}, _aspp(c))),
        "fpn": Oracle(lambda c: ({"in_channels": (c, c), "out_channels": c}, _FPN(c)), fpn_names),
        "pan": Oracle(
            lambda c: ({"in_channels": (c, c), "out_channels": c}, _PAN(c)), {**fpn_names, "": ""}
        ),
        "split-attention": Oracle(_same(split)),
        "swish": Oracle(lambda c: ({}, nn.SiLU())),
        "mish": Oracle(lambda c: ({}, nn.Mish())),
        "hard-swish": Oracle(lambda c: ({}, nn.Hardswish())),
        "swiglu": Oracle(
            lambda c: (
                {"channels": c, "hidden_channels": 2 * c, "bias": True},
                tl.SwiGLU(c, 2 * c, c, bias=True),
            )
        ),
        "layer-scale": Oracle(_same(lambda c: tl.LayerScale2d(c))),
        "grn": Oracle(_same(lambda c: grn.GlobalResponseNorm(c, channels_last=False))),
        "layer-norm2d": Oracle(_same(lambda c: tl.LayerNorm2d(c))),
        "rms-norm": Oracle(_same(lambda c: nn.RMSNorm(c, eps=1e-6))),
        "drop-path": Oracle(lambda c: ({"drop_prob": 0.1}, tl.DropPath(0.1))),
        "spatial-dropout": Oracle(lambda c: ({"p": 0.1}, nn.Dropout2d(0.1))),
        "dropblock": Oracle(lambda c: ({}, _DropBlock())),
        "blur-pool": Oracle(lambda c: ({}, tl.BlurPool2d(c))),
        "mixconv": Oracle(_same(lambda c: tl.MixedConv2d(c, c, [3, 5, 7], depthwise=True))),
        "repvgg": Oracle(_through(lambda c: byobnet.RepVggBlock(c, c)), repvgg_names),
        "mobile-one": Oracle(_through(lambda c: byobnet.MobileOneBlock(c, c)), mobile_one_names),
        "res2net-block": Oracle(
            _same(lambda c: res2net.Bottle2neck(c, c // 4, norm_layer=nn.BatchNorm2d))
        ),
        "cond-conv": Oracle(_through(_CondConv), {"weight": "conv.weight", "routing.": "routing."}),
        "danet": Oracle(_same(_DANet), danet_names),
        "window-attention": Oracle(_same(_window_attention), load=_load_window_attention),
        "focal-modulation": Oracle(_same(lambda c: focalnet.FocalModulation(c, 3, 2)), focal_names),
        # In training its normalisation enlarges the rounding of values that are nearly the same.
        "lite-mla": Oracle(_same(lambda c: _Exact(efficientvit_mit.LiteMLA(c, c))), training=False),
        "outlook-attention": Oracle(_same(lambda c: volo.OutlookAttention(c, 8)), outlook_names),
        "gated-cnn": Oracle(_same(lambda c: mambaout.GatedConvBlock(c)), gated_names),
        "evo-norm-b0": Oracle(_same(lambda c: _Exact(tl.EvoNorm2dB0(c)))),
        "diff-attention": Oracle(
            _same(lambda c: _Exact(tl.DiffAttention(c, 8, proj_bias=False))), diff_names
        ),
    }


def _of_formulas() -> dict[str, Oracle]:
    from tests.blocks import test_bam as bam
    from tests.blocks import test_carafe as carafe
    from tests.blocks import test_cfp_evc as cfp_evc
    from tests.blocks import test_channel_gates as channel_gates
    from tests.blocks import test_coordconv as coordconv
    from tests.blocks import test_criss_cross as criss_cross
    from tests.blocks import test_fca as fca
    from tests.blocks import test_fusion as fusion
    from tests.blocks import test_iformer_mixer as iformer
    from tests.blocks import test_involution as involution
    from tests.blocks import test_mamba as mamba
    from tests.blocks import test_mixed_gates as mixed
    from tests.blocks import test_multi_scale as multi_scale
    from tests.blocks import test_pointwise as pointwise
    from tests.blocks import test_sparse_moe as sparse_moe
    from tests.blocks import test_spatial_gates as spatial
    from tests.blocks import test_sppf as sppf
    from tests.blocks import test_token_mixers as token_mixers

    def same(formula: Formula, **more: Any) -> Oracle:
        return Oracle(lambda c: ({"channels": c, **more}, formula))

    def through(formula: Formula, **more: Any) -> Oracle:
        return Oracle(lambda c: ({"in_channels": c, "out_channels": c, **more}, formula))

    def joined(formula: Formula) -> Oracle:
        return Oracle(lambda c: ({"in_channels": (c, c), "out_channels": c}, formula))

    conv = {"kernel_size": 3, "padding": 1}
    return {
        "add-coords": Oracle(lambda c: ({}, coordconv.add_coords_formula())),
        "coordconv": through(coordconv.coordconv_formula(padding=1), **conv),
        "bam": same(bam.formula(2, 4)),
        "cfp-evc": Oracle(lambda c: ({"channels": c}, cfp_evc.formula(2)), sizes=(7, 14)),
        "gct": same(channel_gates.gct_formula),
        "frn": same(pointwise.frn_formula),
        "fusion-add": joined(fusion.fusion_formula("fusion-add")),
        "fusion-mul": joined(fusion.fusion_formula("fusion-mul")),
        "fusion-concat": joined(fusion.fusion_formula("fusion-concat")),
        "unet-skip": Oracle(
            lambda c: (
                {"in_channels": c, "skip_channels": c // 2, "out_channels": c // 2},
                fusion.unet_skip_formula(norm=False),
            )
        ),
        "attention-gate": Oracle(
            lambda c: ({"channels": c, "gate_channels": c}, fusion.attention_gate_formula)
        ),
        "film": Oracle(lambda c: ({"channels": c, "context_channels": c}, fusion.film_formula)),
        "aff": same(fusion.aff_formula),
        "iaff": same(fusion.iaff_formula),
        "rezero-gate": Oracle(lambda c: ({}, pointwise.rezero_formula)),
        "iformer-mixer": same(iformer.formula(8, 1, 2)),
        "mamba": Oracle(lambda c: ({"channels": c}, mamba.recurrence), sizes=(7, 14)),
        "u-mamba-layer": Oracle(
            lambda c: ({"channels": c}, mamba.norm_and_recurrence), sizes=(7, 14)
        ),
        "ela": same(mixed.ela_formula()),
        "triplet": Oracle(lambda c: ({}, mixed.triplet_formula())),
        "shuffle-attention": same(mixed.shuffle_attention_formula(16), groups=16),
        "scse": same(mixed.scse_formula),
        "ema": same(mixed.ema_formula(8)),
        "double-attention": same(mixed.double_attention_formula),
        "polarized-sa": same(mixed.polarized_sa_formula),
        "ppm": Oracle(lambda c: ({"in_channels": c}, multi_scale.ppm_formula())),
        "sk": same(multi_scale.sk_formula()),
        "frelu": same(pointwise.frelu_formula()),
        "pixel-shuffle-up": through(pointwise.pixel_shuffle_up_formula()),
        "spd-conv": through(pointwise.spd_conv_formula()),
        "sparse-moe": Oracle(
            lambda c: ({"channels": c}, sparse_moe.sparse_moe_formula()), training=False
        ),
        "simam": Oracle(lambda c: ({}, spatial.simam_formula())),
        "sge": Oracle(lambda c: ({}, spatial.sge_formula(64))),
        "lka": same(spatial.lka_formula),
        "lska": same(spatial.lska_formula(23)),
        "sppf": through(sppf.formula()),
        "carafe": same(carafe.formula()),
        "involution": Oracle(lambda c: ({"channels": c}, involution.formula()), sizes=(7, 14)),
        "fca": same(fca.formula()),
        "external-attention": same(token_mixers.external_attention_formula),
        "criss-cross": Oracle(lambda c: ({"channels": c}, criss_cross.formula()), sizes=(7, 14)),
    }


class _SelfAttention(nn.MultiheadAttention):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


class _CrossAttention(nn.MultiheadAttention):
    def __init__(self, channels: int) -> None:
        width = channels // 2
        super().__init__(channels, 8, kdim=width, vdim=width, batch_first=True)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, context, context, need_weights=False)[0]


def _load_cross_attention(ours: nn.Module, theirs: nn.Module) -> None:
    state = ours.state_dict()
    key, value = state["key_value.weight"].chunk(2)
    bias = torch.cat([state["query.bias"], state["key_value.bias"]])
    weights = {"q_proj_weight": state["query.weight"], "k_proj_weight": key}
    weights |= {"v_proj_weight": value, "in_proj_bias": bias}
    weights |= {f"out_proj.{kind}": state[f"proj.{kind}"] for kind in ("weight", "bias")}
    theirs.load_state_dict(weights)


class _DANet(nn.Module):
    """pytorchcv's two attentions, side by side."""

    def __init__(self, channels: int) -> None:
        from pytorchcv.models.danet import ChaAttBlock, PosAttBlock

        super().__init__()
        self.position, self.channel = PosAttBlock(channels), ChaAttBlock()

    def forward(self, x: Tensor) -> Tensor:
        return self.position(x) + self.channel(x)


def _window_attention(c: int) -> nn.Module:
    from torchvision.models.swin_transformer import ShiftedWindowAttention

    return ShiftedWindowAttention(c, [7, 7], [0, 0], 8)


def _load_window_attention(ours: nn.Module, theirs: nn.Module) -> None:
    state = ours.state_dict()
    state["relative_position_bias_table"] = state.pop("position_bias")
    theirs.load_state_dict({**theirs.state_dict(), **state})


class _Exact(nn.Module):
    """A module that casts to float32 inside; what comes in float64 stays so."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float64:
            return self.module(x)
        with mock.patch.object(Tensor, "float", Tensor.double):
            return self.module(x)


class _CondConv(nn.Module):
    """timm's convolution, and the routing in front of it, which it leaves to its caller."""

    def __init__(self, channels: int) -> None:
        from timm.layers import CondConv2d

        super().__init__()
        self.routing = nn.Linear(channels, 8, bias=False)
        self.conv = CondConv2d(channels, channels, num_experts=8)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x, torch.sigmoid(self.routing(x.mean((2, 3)))))


class _FPN(nn.Module):
    """torchvision's, which takes and gives dictionaries."""

    def __init__(self, channels: int) -> None:
        from torchvision.ops import FeaturePyramidNetwork

        super().__init__()
        self.fpn = FeaturePyramidNetwork([channels, channels], channels)

    def forward(self, *features: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.fpn({str(i): x for i, x in enumerate(features)}).values())


class _PAN(_FPN):
    """The paper's bottom-up path on top of torchvision's FPN."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.down = nn.ModuleList([nn.Conv2d(channels, channels, 3, 2, 1)])
        self.merge = nn.ModuleList([nn.Conv2d(channels, channels, 3, 1, 1)])

    def forward(self, *features: Tensor) -> tuple[Tensor, ...]:
        fine, coarse = super().forward(*features)
        return fine, self.merge[0](coarse + self.down[0](fine).relu()).relu()


class _DropBlock(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        from torchvision.ops import drop_block2d

        return drop_block2d(x, 0.1, min(7, x.shape[-1]), eps=0)


def _global_context(c: int) -> nn.Module:
    from timm.layers import GlobalContext

    module = GlobalContext(c, fuse_add=True, fuse_scale=False, rd_channels=_reduced(c))
    assert module.mlp_add is not None
    module.mlp_add.norm.eps = 1e-5
    return module


def _inception(c: int) -> nn.Module:
    from torchvision.models.googlenet import BasicConv2d, Inception

    module = Inception(c, 64, 96, 128, 16, 32, 32)
    module.branch3[1] = BasicConv2d(16, 32, kernel_size=5, padding=2)
    return module


def _shuffle_unit(c: int) -> nn.Module:
    from torchvision.models.shufflenetv2 import InvertedResidual

    return InvertedResidual(c, c, 1)


def _aspp(c: int) -> nn.Module:
    from torchvision.models.segmentation.deeplabv3 import ASPP

    module = ASPP(c, (6, 12, 18), 128)
    module.project[3] = nn.Identity()
    return module
