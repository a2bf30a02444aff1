"""The models of the zoo, and how the file of one becomes a user's project.

A user copies a model's file out of its package: relative imports become absolute, what ties the
file to the package's registry is taken off, and the files that it needs may come along. Standard
library only; the models themselves are built by the judge.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path

#: Decorators that register a factory with torchvision, or translate its old arguments.
_REGISTRY = {"register_model", "handle_legacy_interface"}


@dataclass(frozen=True)
class Entry:
    """One model: where its file is, how it is built and what it is fed."""

    name: str
    source: str  # dotted name of the module that defines it
    builds: tuple[str, ...]  # passed to the tool, judged
    input: str = "1x3x64x64"
    others: tuple[str, ...] = ()  # further configurations, judged only
    feed: str | None = None  # an expression for the judge, where shapes do not say it
    tool_input: str | None = None  # what the tool gets where it differs from `input`
    group: str = "torchvision"  # or pytorchcv; "installed": most of the model is in the package
    vendor: tuple[str, ...] = ()  # modules copied along; "*": all that it imports of its package
    block: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)  # of configurations that need another


def _module_file(dotted: str) -> Path:
    spec = importlib.util.find_spec(dotted)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(dotted)
    return Path(spec.origin)


def _resolve(importer: str, level: int, module: str | None) -> str:
    """The absolute name of a relative import that stands in the module `importer`."""
    base = importer.split(".")[:-level]
    return ".".join(base + ([module] if module else []))


def _relative_imports(source: str) -> list[ast.ImportFrom]:
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) and n.level]


class Project:
    """The files of one entry: `model.py`, and what is copied along with it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.package = ".".join(entry.source.split(".")[:2])  # torchvision.models, pytorchcv.models
        self.local = {entry.source: "model"}
        for dotted in self._closure() if entry.vendor == ("*",) else entry.vendor:
            self.local.setdefault(dotted, dotted.removeprefix(self.package + "."))

    def _closure(self) -> list[str]:
        found, queue = [], [self.entry.source]
        while queue:
            dotted = queue.pop()
            for node in _relative_imports(_module_file(dotted).read_text()):
                name = _resolve(dotted, node.level, node.module)
                names = [name] if node.module else [f"{name}.{a.name}" for a in node.names]
                for name in names:
                    if name.startswith(self.package + ".") and name not in found:
                        if name != self.entry.source:
                            found.append(name)
                            queue.append(name)
        return found

    def write(self, folder: Path) -> None:
        for dotted, local in self.local.items():
            path = folder / (local.replace(".", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            for parent in path.relative_to(folder).parents[:-1]:
                (folder / parent / "__init__.py").touch()
            path.write_text(self.text(dotted))
        # The folder is a project of its own wherever it lies.
        (folder / "pyproject.toml").write_text('[project]\nname = "specimen"\nversion = "0"\n')

    def _modules(self, package: str, node: ast.ImportFrom) -> list[str | None]:
        """`from .. import a, b` where the modules themselves are copied along, line for line."""
        parts = []
        for alias in node.names:
            name = self.local.get(f"{package}.{alias.name}")
            home, _, last = (name or f"{package}.{alias.name}").rpartition(".")
            start = f"from {home} import {last}" if home else f"import {last}"
            bound = alias.asname or alias.name
            parts.append(start if last == bound else f"{start} as {bound}")
        height = (node.end_lineno or node.lineno) - node.lineno
        indent = " " * node.col_offset
        return [indent + f"\n{indent}".join(parts), *[None] * height]

    def text(self, dotted: str) -> str:
        """The source of a module, as its new owner would have it."""
        source = _module_file(dotted).read_text()
        lines = source.split("\n")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level:
                whole = _resolve(dotted, node.level, node.module)
                at = node.lineno - 1
                if any(f"{whole}.{alias.name}" in self.local for alias in node.names):
                    lines[at : node.end_lineno] = self._modules(whole, node)
                    continue
                name = self.local.get(whole, whole)
                lines[at] = re.sub(r"from\s+\.[.\w]*", f"from {name}", lines[at], count=1)
            elif isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if ast.unparse(mark).split("(")[0] in _REGISTRY:
                        for number in range(mark.lineno - 1, mark.end_lineno or mark.lineno):
                            lines[number] = None  # type: ignore[call-overload]
        return "\n".join(line for line in lines if line is not None)


def _tv(name: str, *builds: str, source: str | None = None, **rest) -> Entry:
    return Entry(name, f"torchvision.models.{source or name}", builds, **rest)


#: The ten models of the first milestone.
FIRST = (
    _tv("resnet", "resnet18()", "resnet50()", others=("resnet34()",)),
    _tv("vgg", "vgg11_bn()"),
    _tv("densenet", "densenet121()", others=("densenet169()",)),
    _tv("mobilenetv3", "mobilenet_v3_small()", "mobilenet_v3_large()"),
    _tv("efficientnet", "efficientnet_b0()", others=("efficientnet_b1()",)),
    _tv("googlenet", "googlenet(init_weights=False)", input="1x3x96x96"),
    _tv("shufflenetv2", "shufflenet_v2_x0_5()", "shufflenet_v2_x1_0()"),
    _tv("mnasnet", "mnasnet0_5()", "mnasnet1_0()"),
    _tv("convnext", "convnext_tiny()"),
    _tv(
        "deeplabv3",
        "deeplabv3_resnet50(weights_backbone=None, aux_loss=True)",
        source="segmentation.deeplabv3",
        group="installed",
    ),
)

_SEGMENTATION = (
    "torchvision.models._utils",
    "torchvision.models.segmentation._utils",
    "torchvision.models.segmentation.fcn",
    "torchvision.models.resnet",
    "torchvision.models.mobilenetv3",
)

_VIDEO = "MSBlockConfig(2, {0}, {1}, [3, 3, 3], [3, 3, 3], [1, {2}, {2}], [1, 2, 2])"

#: The rest of torchvision. Where a file's own factories are slow, a small model of its class.
REST = (
    _tv("alexnet", "alexnet()"),
    _tv("squeezenet", "squeezenet1_1()", others=("squeezenet1_0()",)),
    _tv("inception", "inception_v3(init_weights=False)", input="1x3x299x299"),
    _tv("mobilenetv2", "mobilenet_v2(width_mult=0.5)", others=("mobilenet_v2()",)),
    _tv("regnet", "regnet_y_400mf()", "regnet_x_400mf()"),
    _tv("swin", "swin_t()", source="swin_transformer"),
    _tv("swin_v2", "swin_v2_t()", source="swin_transformer"),
    _tv(
        "vit",
        "VisionTransformer(image_size=32, patch_size=8, num_layers=3, num_heads=4, "
        "hidden_dim=64, mlp_dim=128)",
        source="vision_transformer",
        input="1x3x32x32",
    ),
    _tv(
        "maxvit",
        "MaxVit(input_size=(64, 64), stem_channels=16, partition_size=4, block_channels=[16, 32], "
        "block_layers=[2, 2], head_dim=8, stochastic_depth_prob=0.2)",
    ),
    _tv(
        "fcn",
        "fcn_resnet50(weights_backbone=None, aux_loss=True)",
        source="segmentation.fcn",
        group="installed",
    ),
    _tv(
        "lraspp",
        "lraspp_mobilenet_v3_large(weights_backbone=None)",
        source="segmentation.lraspp",
        group="installed",
    ),
    # The same with the files that they build on, as users copy them.
    _tv(
        "fcn_copied",
        "fcn_resnet50(weights_backbone=None, aux_loss=True)",
        source="segmentation.fcn",
        vendor=_SEGMENTATION,
    ),
    _tv(
        "deeplabv3_copied",
        "deeplabv3_resnet50(weights_backbone=None, aux_loss=True)",
        source="segmentation.deeplabv3",
        vendor=_SEGMENTATION,
    ),
    _tv(
        "lraspp_copied",
        "lraspp_mobilenet_v3_large(weights_backbone=None)",
        source="segmentation.lraspp",
        vendor=_SEGMENTATION,
    ),
    _tv(
        "fpn",
        "resnet_fpn_backbone(backbone_name='resnet18', weights=None, trainable_layers=5)",
        source="detection.backbone_utils",
        group="installed",
    ),
    _tv(
        "fpn_copied",
        "resnet_fpn_backbone(backbone_name='resnet18', weights=None, trainable_layers=5)",
        source="detection.backbone_utils",
        vendor=("torchvision.models._utils", "torchvision.models.resnet"),
    ),
    _tv(
        "ssdlite",
        "_mobilenet_extractor(mobilenet.mobilenet_v3_small(), 6, nn.BatchNorm2d)",
        source="detection.ssdlite",
        group="installed",
    ),
    _tv(
        "ssdlite_copied",
        "_mobilenet_extractor(mobilenet.mobilenet_v3_small(), 6, nn.BatchNorm2d)",
        source="detection.ssdlite",
        vendor=("*",),
    ),
    _tv("r3d", "r3d_18()", source="video.resnet", input="1x3x4x32x32"),
    _tv("r2plus1d", "r2plus1d_18()", source="video.resnet", input="1x3x4x32x32"),
    _tv(
        "mvit",
        "MViT(spatial_size=(32, 32), temporal_size=4, block_setting=["
        + ", ".join(_VIDEO.format(*n) for n in ((16, 32, 1), (32, 32, 2), (32, 64, 2)))
        + "], residual_pool=True, residual_with_cls_embed=False, rel_pos_embed=True, "
        "proj_after_attn=True)",
        source="video.mvit",
        input="1x3x4x32x32",
    ),
    _tv("s3d", "s3d()", source="video.s3d", input="1x3x16x224x224"),
    _tv(
        "swin3d",
        "SwinTransformer3d(patch_size=[2, 4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], "
        "window_size=[2, 4, 4])",
        source="video.swin_transformer",
        input="1x3x4x32x32",
    ),
    _tv(
        "raft",
        "raft_small()",
        source="optical_flow.raft",
        input="1x3x128x128;1x3x128x128",
    ),
)

#: Families of pytorchcv: file, factory (the smallest of the file), size of an input. Left out are files
#: whose model is another file's class, takes several inputs, or is too slow for one core.
_PYTORCHCV = """
airnet airnet50_1x64d_r16 3x224x224
airnext airnext50_32x4d_r2 3x224x224
alexnet alexnetb 3x224x224
alphapose_coco alphapose_fastseresnet101b_coco 3x32x32
bagnet bagnet9 3x224x224
bamresnet bam_resnet18 3x224x224
bninception bninception 3x224x224
cbamresnet cbam_resnet18 3x224x224
centernet centernet_resnet18_voc 3x32x32
cgnet cgnet_cityscapes 3x32x32
channelnet channelnet 3x224x224
condensenet condensenet74_c8_g8 3x224x224
contextnet ctxnet_cityscapes 3x32x32
dabnet dabnet_cityscapes 3x32x32
danet danet_resnetd50b_cityscapes 3x32x32
darknet darknet_tiny 3x224x224
darknet53 darknet53 3x224x224
darts darts 3x224x224
densenet densenet121 3x224x224
densenet_cifar densenet40_k12_bc_cifar10 3x32x32
diapreresnet diapreresnet10 3x224x224
diapreresnet_cifar diapreresnet20_cifar10 3x32x32
diaresnet diaresnet10 3x224x224
diaresnet_cifar diaresnet20_cifar10 3x32x32
dicenet dicenet_wd5 3x32x32
diracnetv2 diracnet18v2 3x224x224
dla dla46xc 3x224x224
dpn dpn68 3x224x224
drn drnd22 3x224x224
edanet edanet_cityscapes 3x32x32
efficientnet efficientnet_b0 3x32x32
efficientnetedge efficientnet_edge_small_b 3x32x32
enet enet_cityscapes 3x32x32
erfnet erfnet_cityscapes 3x32x32
esnet esnet_cityscapes 3x32x32
espcnet espcnet_cityscapes 3x32x32
espnetv2 espnetv2_wd2 3x224x224
fbnet fbnet_cb 3x224x224
fcn8sd fcn8sd_resnetd50b_cityscapes 3x32x32
fishnet fishnet99 3x224x224
fpenet fpenet_cityscapes 3x32x32
fractalnet_cifar fractalnet_cifar10 3x32x32
ghostnet ghostnet 3x224x224
hardnet hardnet39ds 3x224x224
hrnet hrnet_w18_small_v1 3x224x224
ibnbresnet ibnb_resnet50 3x224x224
ibndensenet ibn_densenet121 3x224x224
ibnresnet ibn_resnet50 3x224x224
ibnresnext ibn_resnext50_32x4d 3x224x224
icnet icnet_resnetd50b_cityscapes 3x480x480
igcv3 igcv3_wd4 3x224x224
inceptionresnetv1 inceptionresnetv1 3x299x299
inceptionresnetv2 inceptionresnetv2 3x299x299
inceptionv3 inceptionv3 3x299x299
isqrtcovresnet isqrtcovresnet18 3x32x32
lednet lednet_cityscapes 3x64x64
lffd lffd20x5s320v2_widerface 3x128x128
linknet linknet_cityscapes 3x32x32
lwopenpose_cmupan lwopenpose2d_mobilenet_cmupan_coco 3x32x32
menet menet108_8x1_g3 3x224x224
mixnet mixnet_s 3x224x224
mnasnet mnasnet_small 3x224x224
mobilenet mobilenet_wd4 3x224x224
mobilenetv2 mobilenetv2b_wd4 3x224x224
mobilenetv3 mobilenetv3_small_w7d20 3x224x224
msdnet msdnet22 3x224x224
msdnet_cifar10 msdnet22_cifar10 3x32x32
nasnet nasnet_4a1056 3x224x224
nin_cifar nin_cifar10 3x32x32
octresnet octresnet10_ad2 3x224x224
peleenet peleenet 3x224x224
preresnet preresnet18_wd4 3x224x224
preresnet_cifar preresnet20_cifar10 3x32x32
prnet prnet 3x32x32
proxylessnas proxylessnas_mobile 3x224x224
pyramidnet pyramidnet101_a360 3x224x224
pyramidnet_cifar pyramidnet110_a48_cifar10 3x32x32
regnet regnetx002 3x32x32
resattnet resattnet56 3x224x224
resdropresnet_cifar resdropresnet20_cifar10 3x32x32
resnesta resnestabc14 3x32x32
resnet resnet18_wd4 3x224x224
resnet_cifar resnet20_cifar10 3x32x32
resneta resneta10 3x32x32
resnetd resnetd50b 3x32x32
resnext resnext14_32x2d 3x224x224
resnext_cifar resnext20_32x2d_cifar10 3x32x32
revnet revnet38 3x224x224
rir_cifar rir_cifar10 3x32x32
ror_cifar ror3_56_cifar10 3x32x32
scnet scnet50 3x128x128
segnet segnet_cityscapes 3x32x32
selecsls selecsls42 3x224x224
senet senet16 3x224x224
sepreresnet sepreresnet10 3x224x224
sepreresnet_cifar sepreresnet20_cifar10 3x32x32
seresnet seresnet10 3x224x224
seresnet_cifar seresnet20_cifar10 3x32x32
seresnext seresnext50_32x4d 3x224x224
shakedropresnet_cifar shakedropresnet20_cifar10 3x32x32
shakeshakeresnet_cifar shakeshakeresnet20_2x16d_cifar10 3x32x32
sharesnet sharesnet18 3x224x224
shufflenet shufflenet_g1_wd4 3x224x224
shufflenetv2 shufflenetv2_wd2 3x224x224
shufflenetv2b shufflenetv2b_wd2 3x224x224
simplepose_coco simplepose_resnet18_coco 3x32x32
simpleposemobile_coco simplepose_mobile_mobilenetv3_small_w1_coco 3x32x32
sinet sinet_cityscapes 3x128x128
sknet sknet50 3x224x224
sparsenet sparsenet121 3x224x224
spnasnet spnasnet 3x224x224
sqnet sqnet_cityscapes 3x32x32
squeezenet squeezenet_v1_1 3x224x224
squeezenext sqnxt23_w1 3x224x224
superpointnet superpointnet 1x64x64
tresnet tresnet_m 3x32x32
unet unet_cityscapes 3x32x32
vovnet vovnet27s 3x224x224
wrn1bit_cifar wrn20_10_1bit_cifar10 3x32x32
wrn_cifar wrn16_10_cifar10 3x32x32
xception xception 3x299x299
xdensenet xdensenet121_2 3x224x224
xdensenet_cifar xdensenet40_2_k24_bc_cifar10 3x32x32
"""


def _pcv(line: str) -> Entry:
    name, factory, size = line.split()
    return Entry(
        f"pcv.{name}",
        f"pytorchcv.models.{name}",
        (f"{factory}()",),
        input=f"1x{size}",
        group="pytorchcv",
        vendor=("*",),
    )


PYTORCHCV = tuple(_pcv(line) for line in _PYTORCHCV.strip().splitlines())

CORPUS = FIRST + REST + PYTORCHCV
