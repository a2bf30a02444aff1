"""Models of a YAML file, built by the user's own `parse_model`: Ultralytics', or that of a repository.

Nothing of it is called but what the user's own scripts would call: the model's class with the file's
dictionary, and `parse_model` alone where shapes are enough.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import torch
from torch import nn

from stitchgen.observer.failure import Failure, failure_of
from stitchgen.observer.guard import lead_settings_aside
from stitchgen.observer.meta_device import PlainShapes, fills_left_out
from stitchgen.observer.rows.quick import building
from stitchgen.observer.weights import left_random

TASKS = "ultralytics.nn.tasks"
#: By what the last row is called, which class Ultralytics has for the model.
BY_HEAD = {
    "RTDETRDecoder": "RTDETRDetectionModel",
    "WorldDetect": "WorldModel",
    "YOLOEDetect": "YOLOEModel",
    "YOLOESegment": "YOLOESegModel",
    "YOLOESegment26": "YOLOESegModel",
}
BY_TASK = {
    "detect": "DetectionModel",
    "segment": "SegmentationModel",
    "classify": "ClassificationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "semantic": "SemanticSegmentationModel",
    "depth": "DepthModel",
}
#: Modules that are fed texts besides: how many of how many features.
TEXTS = (80, 512)


class Builder:
    """The module with `parse_model`, and the classes beside it."""

    def __init__(self, module: Optional[str], register: Optional[str], name: str = "") -> None:
        """`name` is that of a new block, which nobody may have yet. Raises `Failure`: does-not-build."""
        lead_settings_aside()
        os.environ.setdefault("YOLO_OFFLINE", "true")
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        self.tasks = imported(module or TASKS)
        taken = bool(name) and module is None and hasattr(self.tasks, name)
        if taken:
            message = "Ultralytics has a class %s of its own, whose place the block would take"
            raise Failure("bad-argument", message % name, self.file)
        self.own = module is not None and not module.startswith("ultralytics")
        self.changed = [self.tasks]
        if register is not None and not self.own:
            self.changed.append(imported("ultralytics.utils.dist"))
        self.as_found = [dict(vars(one)) for one in self.changed]
        if register is not None:
            imported(register)

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *exception: object) -> None:
        """Take out what the project's registration put into the package: the next request has its own."""
        for module, names in zip(self.changed, self.as_found):
            now = vars(module)
            for name in [one for one in now if one not in names]:
                del now[name]
            now.update(names)

    @property
    def file(self) -> str:
        return str(self.tasks.__file__)

    @property
    def version(self) -> str:
        package = importlib.import_module("ultralytics") if not self.own else None
        return str(getattr(package, "__version__", ""))

    def settings(self, text: str, scale: str) -> Dict[str, Any]:
        """The file's dictionary, as the user's own reader of YAML has it."""
        yaml = importlib.import_module("yaml")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # reads the same, ten times as fast
        found: Dict[str, Any] = yaml.load(text, loader)
        if scale:
            found["scale"] = scale
        return found

    def build(self, settings: Mapping[str, Any], drawn: Optional[Sequence[str]] = None) -> Any:
        """The model, as a script builds it; with `drawn` the large weights of rows of these classes alone are drawn.

        Raises what its constructor raises.
        """
        kind = getattr(self.tasks, self.class_name(settings))
        taken = inspect.signature(kind.__init__).parameters
        options = {"verbose": False} if "verbose" in taken else {}
        with left_random([]), building(kind, drawn):
            return kind(copy.deepcopy(dict(settings)), ch=image_channels(settings), **options)

    def class_name(self, settings: Mapping[str, Any]) -> str:
        head = str(settings["head"][-1][2])
        if self.own:
            named = "SegmentationModel" if head == "Segment" else "DetectionModel"
            return named if hasattr(self.tasks, named) else "Model"
        task = self.tasks.guess_model_task(dict(settings))
        return BY_HEAD.get(head) or BY_TASK.get(str(task), "DetectionModel")

    def layers(self, settings: Mapping[str, Any]) -> List[nn.Module]:
        """The layers alone, without memory where torch can have it so."""
        channels: Any = image_channels(settings)
        with on_meta(), left_random([]):
            parsed = self.tasks.parse_model(
                copy.deepcopy(dict(settings)),
                [channels] if self.own else channels,
                **({} if self.own else {"verbose": False}),
            )
        return list(parsed[0])


def imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name or name
        message = "importing %s: there is no module %s" % (name, missing)
        raise Failure("does-not-build", message) from error
    except Exception as error:
        raise failure_of("does-not-build", error, "importing %s" % name) from error


def image_channels(settings: Mapping[str, Any]) -> int:
    return int(settings.get("ch") or settings.get("channels") or 3)


@contextlib.contextmanager
def on_meta() -> Iterator[None]:
    """Tensors without memory are made inside, where torch has that: from 2.0 on."""
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < (2, 0):
        yield
        return
    with torch.device("meta"), PlainShapes(), fills_left_out():  # type: ignore[no-untyped-call]
        yield


def run_layers(layers: List[nn.Module], channels: int, size: int) -> None:
    """Run all layers but the last, the head, on an image of zeros, as the models do.

    Without memory, where the layers have none and run so; else with weights of zeros.
    """
    if any(is_meta(layer) for layer in layers):
        try:
            with on_meta():
                run_in_turn(layers, channels, size)
            return
        except Exception:  # a layer may ask for values
            fill_with_zeros(layers[:-1])
    run_in_turn(layers, channels, size)


def is_meta(layer: nn.Module) -> bool:
    return any(one.is_meta for one in [*layer.parameters(), *layer.buffers()])


def fill_with_zeros(layers: List[nn.Module]) -> None:
    for layer in layers:
        if is_meta(layer):
            layer.to_empty(device="cpu")
            for tensor in [*layer.parameters(), *layer.buffers()]:
                tensor.data.zero_()


def run_in_turn(layers: List[nn.Module], channels: int, size: int) -> None:
    x: Any = torch.zeros(1, channels, size, size)
    texts = torch.zeros(1, *TEXTS)
    outputs: List[Any] = []
    with torch.no_grad():
        for layer in layers[:-1]:
            source: Any = layer.f
            if source != -1:
                x = (
                    outputs[source]
                    if isinstance(source, int)
                    else [x if one == -1 else outputs[one] for one in source]
                )
            name = type(layer).__name__
            layer.eval()
            if name == "C2fAttn":
                x = layer(x, texts)
            elif name != "ImagePoolingAttn":  # it changes the texts alone
                x = layer(x)
            outputs.append(x)
