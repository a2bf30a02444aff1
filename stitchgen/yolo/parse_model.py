"""What `parse_model` makes of a row, read and not run: how many channels come out, and at which stride.

The tables are those of Ultralytics 8 with yolov5, yolov7 and yolov9; of a module that is in none of them
nothing is said. `benchmarks/yolo.py` compares them with the layers of the installed Ultralytics.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stitchgen.source.yaml_rows import IMAGE, ModelYaml, Row, Scale

#: Modules whose first argument is their width, which the scale multiplies: `base_modules`.
SCALED = frozenset(
    "Conv ConvTranspose GhostConv Bottleneck GhostBottleneck SPP SPPF C2fPSA C2PSA DWConv Focus "
    "BottleneckCSP C1 C2 C2f C3k2 RepNCSPELAN4 ELAN1 ADown AConv SPPELAN C2fAttn C3 C3TR C3Ghost "
    "nn.ConvTranspose2d DWConvTranspose2d C3x RepC3 PSA SCDown C2fCIB A2C2f "
    # yolov5, yolov7
    "C3SPP MixConv2d CrossConv nn.Conv2d RepConv SPPCSPC DownC BottleneckCSPA BottleneckCSPB "
    "BottleneckCSPC Stem GhostStem".split()
)
#: Modules that end a model; what they give is no feature map.
HEADS = frozenset(
    "Detect WorldDetect YOLOEDetect Segment Segment26 YOLOESegment YOLOESegment26 Pose Pose26 OBB OBB26 "
    "Depth SemanticSegment v10Detect RTDETRDecoder LRPCHead IDetect IAuxDetect IKeypoint IBin DDetect "
    "DualDetect DualDDetect TripleDetect Classify".split()
)
#: Modules whose output is several tensors, or no map: a block cannot stand behind them.
NO_MAPS = frozenset({"CBLinear", "TorchVision", "ImagePoolingAttn", *HEADS})
#: Modules that give as many channels as they get.
SAME = frozenset(
    "nn.Upsample nn.Identity nn.BatchNorm2d nn.MaxPool2d nn.ZeroPad2d AIFI MP SP".split()
)

#: The names that parse_model has while it reads a row: a string argument of such a name becomes its value.
LOCALS = frozenset(
    "d ch verbose ast legacy max_channels nc act scales end2end reg_max depth width kpt_shape scale "
    "restricted default_act layers save c2 base_modules repeat_modules i f n m args j a n_ c1 block cm "
    "hidden_channels m_ t x anchors gd gw na no ch_mul".split()
)
#: The classes that Ultralytics' tasks already has, which a block of that name would take the place of.
TAKEN = frozenset(
    "A2C2f AConv ADown AIFI BaseModel Bottleneck BottleneckCSP C1 C2 C2PSA C2f C2fAttn C2fCIB C2fPSA C3 "
    "C3Ghost C3TR C3k2 C3x CBFuse CBLinear ClassificationModel Classify Concat Conv Conv2 ConvTranspose "
    "DWConv DWConvTranspose2d Depth Detect DetectionModel ELAN1 Ensemble Focus GhostBottleneck GhostConv "
    "HGBlock HGStem ImagePoolingAttn Index LRPCHead OBB OBB26 OBBModel PSA Path Pose Pose26 PoseModel "
    "RTDETRDecoder RTDETRDetectionModel RepC3 RepConv RepNCSPELAN4 RepVGGDW ResNetLayer SCDown SPP SPPELAN "
    "SPPF Segment Segment26 SegmentationModel SemanticSegment TorchVision WorldDetect WorldModel YAML "
    "YOLOEDetect YOLOEModel YOLOESegModel YOLOESegment YOLOESegment26 v10Detect".split()
)
#: What parse_model sets on every layer: a block with such a submodule cannot be a row.
SET_ON_LAYERS = ("i", "f", "type", "np")


@dataclass(frozen=True)
class Feature:
    """What a row gives: channels, and how many pixels of the image one of its own spans."""

    channels: int | None
    stride: float | None


UNKNOWN = Feature(None, None)


def features(model: ModelYaml, scale: Scale) -> list[Feature]:
    """What each row gives at a scale of the model."""
    found: list[Feature] = []
    for row in model.rows:
        image = Feature(int(model.settings.get("ch") or model.settings.get("channels") or 3), 1)
        fed = [image if index == IMAGE else found[index] for index in row.reads]
        found.append(Feature(channels_of(model, row, scale, fed), stride_of(model, row, fed)))
    return found


def channels_of(model: ModelYaml, row: Row, scale: Scale, fed: list[Feature]) -> int | None:
    name, args = row.module, row.args
    if name == "Classify":
        return number(model, args, 0)
    if name in SCALED:
        return scaled(number(model, args, 0), scale)
    if name in SAME:
        return fed[0].channels
    if name == "Concat":
        widths = [one.channels for one in fed]
        return None if None in widths else sum(one for one in widths if one is not None)
    if name in ("HGStem", "HGBlock"):
        return number(model, args, 1)
    if name == "ResNetLayer":
        width = number(model, args, 1)
        return width if width is None or (len(args) > 3 and args[3]) else width * 4
    if name == "CBFuse":
        return fed[-1].channels
    if name == "Index":
        return number(model, args, 0)
    if name == "ReOrg":
        return None if fed[0].channels is None else fed[0].channels * 4
    return fed[0].channels if name in model.own else None


def number(model: ModelYaml, args: tuple[Any, ...], position: int) -> int | None:
    """An argument that is a whole number, or the name of one: `nc`."""
    value = args[position] if position < len(args) else None
    if isinstance(value, str):
        value = model.settings.get(value) if value == "nc" else literal(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def scaled(width: int | None, scale: Scale) -> int | None:
    if width is None:
        return None
    return math.ceil(min(width, scale.max_channels) * scale.width / 8) * 8


#: The factor by which a module makes the sides of its input smaller, from its arguments.
STRIDES: Mapping[str, Callable[[tuple[Any, ...]], Any]] = {
    **dict.fromkeys(
        ["Conv", "DWConv", "GhostConv", "nn.Conv2d", "RepConv"], lambda a: argument(a, 2, 1)
    ),
    **dict.fromkeys(["SCDown", "CrossConv", "MixConv2d"], lambda a: argument(a, 2, 1)),
    **dict.fromkeys(["ADown", "AConv", "Focus", "MP", "ReOrg", "DownC"], lambda a: 2),
    "HGStem": lambda a: 4,
    "ResNetLayer": lambda a: 4 if argument(a, 3, False) else argument(a, 2, 1),
    "nn.MaxPool2d": lambda a: argument(a, 1, argument(a, 0, None)),
    "nn.Upsample": lambda a: inverse(argument(a, 1, None)),
    "nn.ConvTranspose2d": lambda a: inverse(argument(a, 2, 1)),
    "ConvTranspose": lambda a: inverse(argument(a, 2, 2)),
    "SP": lambda a: argument(a, 1, 1),
    **dict.fromkeys(
        ["nn.Identity", "nn.BatchNorm2d", "AIFI", "Concat", "nn.ZeroPad2d"], lambda a: 1
    ),
}
#: The others of the tables keep the size.
KEEPS_SIZE = SCALED - STRIDES.keys() | {"HGBlock"}


def stride_of(model: ModelYaml, row: Row, fed: list[Feature]) -> float | None:
    if row.module == "CBFuse":
        return fed[-1].stride
    factor = 1 if row.module in KEEPS_SIZE or row.module in model.own else None
    if row.module in STRIDES:
        factor = STRIDES[row.module](row.args)
    if not isinstance(factor, (int, float)) or fed[0].stride is None or row.module in HEADS:
        return None
    if row.module == "nn.ZeroPad2d":
        return fed[0].stride
    return fed[0].stride * factor**row.repeats if factor != 1 else fed[0].stride


def argument(args: tuple[Any, ...], position: int, default: Any) -> Any:
    value = args[position] if position < len(args) else default
    return literal(value) if isinstance(value, str) else value


def inverse(value: Any) -> float | None:
    return 1 / value if isinstance(value, (int, float)) and value else None


def literal(text: str) -> Any:
    """A string as parse_model reads it: a literal, else itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
