"""What is reported of each layer: where it is created and called, what it is fed, what it returns,
who reads that."""

from __future__ import annotations

import inspect
import os
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple, Type, Union

import torch
from torch import nn

from stitchgen.observer import layout as axes
from stitchgen.observer.grids import note_grids
from stitchgen.observer.protocol import (
    Attribute,
    CallFeatures,
    Class,
    Feature,
    Frame,
    Layer,
    Site,
    Value,
    WeightRead,
)
from stitchgen.observer.tracing.calls import Call
from stitchgen.observer.tracing.definitions import Definitions, RegisteringFrame
from stitchgen.observer.tracing.frames import real
from stitchgen.observer.tracing.values import elements
from stitchgen.observer.variants import is_integer

#: Calls by the path of the layer.
ByPath = Dict[str, List[Call]]
#: What the types of the modules say of a channel axis, by path: of the output, and of the input.
Hints = Tuple[Dict[str, str], Dict[str, str]]
#: Whether sequences have their length first, by path: of the output, and of the input.
Orders = Tuple[Dict[str, bool], Dict[str, bool]]
#: The class of a layer and the place of its call, the side and the element, the rank, the axis of the samples.
Kind = Tuple[str, Optional[str], Tuple[int, ...], str, Optional[str], int, int]
#: `ChannelAxes.channel_axis`, or what stands in for it where the model does not run with gradients; and of what kind
#: the feature is that is asked about.


class ChannelAxisOf(Protocol):
    """Asks along which axis a feature has its channels, by gradients where what autograd recorded does not tell."""

    def __call__(
        self,
        path: str,
        number: int,
        side: str,
        element: Optional[str],
        batch: int,
        kind: Kind,
        *,
        by_gradients: bool,
    ) -> Optional[int]: ...


SIZES = (
    "out_channels",
    "num_features",
    "num_channels",
    "out_features",
    "embedding_dim",
    "in_channels",
    "in_features",
)


class Classes:
    """The classes of all models of a survey, by their keys: `module:QualName`."""

    def __init__(self) -> None:
        self.found: Dict[str, Optional[Class]] = {}

    def key_of(self, kind: Type[Any]) -> str:
        """The key of a class; on the way notes where it and its bases are written."""
        key = "%s:%s" % (kind.__module__, kind.__qualname__)
        if key not in self.found:
            self.found[key] = None
            try:
                file = os.path.realpath(inspect.getsourcefile(kind) or "")
            except (TypeError, OSError):
                file = ""
            forward = getattr(kind, "forward", None)
            code = getattr(inspect.unwrap(forward), "__code__", None) if forward else None
            self.found[key] = {
                "name": kind.__qualname__,
                "module": kind.__module__,
                "file": file,
                "forward_file": os.path.realpath(code.co_filename) if code else None,
                "bases": [self.key_of(base) for base in kind.__mro__[1:] if base is not object],
                "sequential": issubclass(kind, nn.Sequential),
                "container": issubclass(kind, (nn.Sequential, nn.ModuleList, nn.ModuleDict)),
                "own_forward": "forward" in kind.__dict__,
            }
        return key


class LayerReports:
    """Gathers the records of the runs of one model by layer."""

    def __init__(
        self,
        model: nn.Module,
        definitions: Definitions,
        classes: Classes,
        weights_read: Dict[str, WeightRead],
        channel_axis: ChannelAxisOf,
        axes_of: Optional[Sequence[str]] = None,
        *,
        axes_read: bool = False,
    ) -> None:
        self.model = model
        self.axes_read = axes_read
        self.channel_axis = channel_axis
        self.definitions = definitions
        self.classes = classes
        self.weights_read = weights_read
        #: Every module under every name that it has.
        self.modules: Dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
        #: The first of the names, by id.
        self.canonical = {id(module): path for path, module in model.named_modules()}
        #: The frames in which layers were registered, and their places among these.
        self.frames: List[Frame] = []
        self.numbers: Dict[Tuple[str, int, str, int, Optional[str]], int] = {}
        #: The layers whose features are meant, by their first names.
        self.meant = {
            self.canonical[id(module)]
            for path, module in self.modules.items()
            if axes_of is None or path.rpartition(".")[2] in axes_of
        }

    def all(
        self, base: Sequence[Call], variants: Sequence[Optional[List[Call]]], train: Sequence[Call]
    ) -> List[Layer]:
        """A report a name of every layer.

        `base` are the calls in eval; `variants` those under other shapes of the input, None where
        the model does not run on them; `train` those in train.
        """
        called = by_path(base)
        varied = [None if calls is None else by_path(calls) for calls in variants]
        trained = by_path(train)
        order = {name: number for number, name in enumerate(called)}  # in which the layers return
        readers = self.readers(base)
        hints, orders = self.hints(base), self.orders(base)
        if lengthens(called, varied[:1], orders):
            varied = []
        layers: List[Layer] = []
        for path, module in self.modules.items():
            if not path:
                continue
            name = self.canonical[id(module)]
            own = called.get(name, [])
            calls = own + trained.get(name, [])
            layer: Layer = {
                "path": path,
                "same_as": name if name != path else None,
                "class_key": self.classes.key_of(type(module)),
                "calls": {"eval": len(own), "train": len(calls) - len(own)},
                "sites": sites_of(calls),
                "registered": self.registered(path),
                "readers": readers.get(name, []),
                "weights_read": self.weights_read.get(name),
                "scripted": isinstance(module, torch.jit.ScriptModule),
                "sizes": sizes_of(module),
                "attributes": attributes_of(module),
            }
            if own:
                first = own[0]
                layer["output"] = first.output
                layer["inputs"] = first.inputs
                layer["order"] = order[name]
                layer["arguments"] = first.arguments
                layer["overwrites"] = any(call.overwrites for call in own)
                layer["overwritten"] = any(call.overwritten for call in own)
                fixed = axes.hint_of(module) == "first"
                ask = None if fixed else self.channel_axis
                meant = name in self.meant
                kind = layer["class_key"]
                seen = Features(
                    name, kind, own, varied, hints, orders, ask, meant=meant, read=self.axes_read
                )
                layer["features"] = seen.by_call()
                layer["elements"] = {key: seen.of_element(key) for key in elements(first.output)}
            layers.append(layer)
        note_grids(layers, [called, *varied])
        return layers

    def parent(self, path: str) -> nn.Module:
        return self.modules[path.rpartition(".")[0]]

    def hints(self, base: Sequence[Call]) -> Hints:
        """What the types of the modules on the way say of each output's channel axis."""
        outputs: Dict[str, str] = {}
        inputs: Dict[str, str] = {}
        last = None
        for call in base:
            name = call.path
            module = self.modules[name]
            hint = axes.hint_of(module)
            fed = None
            for producer in call.reads:
                fed = outputs.get(producer) or fed
            given = hint or fed
            inputs.pop(name, None)
            if given is not None:
                inputs[name] = given
            if hint is None and not any(True for _ in module.children()):
                hint = fed
            elif hint is None:
                hint = last
            if hint is not None:
                outputs[name] = last = hint
        return outputs, inputs

    def orders(self, base: Sequence[Call]) -> Orders:
        """What the modules of sequences say of the order of their own axes and of those next to them."""
        outputs: Dict[str, bool] = {}
        inputs: Dict[str, bool] = {}
        for call in base:
            own = axes.length_first(self.modules[call.path])
            if own is not None:
                outputs[call.path] = inputs[call.path] = own
        for call in base:
            for producer in call.reads:
                if producer in outputs:
                    inputs.setdefault(call.path, outputs[producer])
                elif call.path in inputs:
                    outputs[producer] = inputs[call.path]
        return outputs, inputs

    def readers(self, base: Sequence[Call]) -> Dict[str, List[str]]:
        """For each layer, the outermost layers that are fed its output itself."""
        found: Dict[str, List[str]] = {}
        for call in base:
            for producer in call.reads:
                reader = call.path
                inside = reader.startswith(producer + ".") or producer.startswith(reader + ".")
                if not inside and reader and reader != producer:
                    found.setdefault(producer, []).append(reader)
        for producer, readers in found.items():
            all_readers = set(readers)
            found[producer] = [
                reader
                for reader in dict.fromkeys(readers)
                if not any(reader[:end] in all_readers for end in dots_in(reader))
            ]
        return found

    def registered(self, path: str) -> Optional[List[int]]:
        """The frames in which a child was registered in its parent, by their numbers; None where that is not known."""
        frames = self.definitions.of(self.parent(path), path.rpartition(".")[2])
        return None if frames is None else [self.number_of(frame) for frame in frames]

    def number_of(self, frame: RegisteringFrame) -> int:
        """Its place among the frames of the build, which most layers share."""
        owner = self.canonical.get(id(frame.receiver))
        key = (frame.file, frame.line, frame.function, frame.first_line, owner)
        if key not in self.numbers:
            self.numbers[key] = len(self.frames)
            self.frames.append(
                {
                    "file": real(frame.file),
                    "line": frame.line,
                    "function": frame.function,
                    "first_line": frame.first_line,
                    "self": owner,
                }
            )
        return self.numbers[key]


def dots_in(path: str) -> List[int]:
    """Where the names of the modules around one end."""
    return [index for index, letter in enumerate(path) if letter == "."]


def lengthens(called: ByPath, varied: Sequence[Optional[ByPath]], orders: Orders) -> bool:
    """Whether what was taken for a larger batch made the sequences longer that a module takes as L x N x C:
    then the first axis of the input is the length."""
    for name, first in orders[0].items():
        for table in varied if first else ():
            calls = (table or {}).get(name, [])
            shapes = [
                one[0].inputs[0].get("shape")
                for one in (called[name], calls)
                if one and one[0].inputs
            ]
            if None not in shapes and len(shapes) == 2 and len(shapes[0] or ()) == 3:
                if axes.batch_axis(shapes) == 0:
                    return True
    return False


class Features:
    """The features of one layer, by call: layout, channels and dims, from how the shapes vary."""

    def __init__(
        self,
        name: str,
        class_key: str,
        own: List[Call],
        varied: Sequence[Optional[ByPath]],
        hints: Hints,
        orders: Orders,
        channel_axis: Optional[ChannelAxisOf],
        *,
        meant: bool,
        read: bool,
    ) -> None:
        self.name = name
        self.class_key = class_key
        self.own = own
        self.meant = meant
        self.read = read
        #: None where the type of the layer says it.
        self.channel_axis = channel_axis
        #: The layer's calls under other shapes of the input, None where there are not as many.
        self.varied: List[Optional[List[Call]]] = []
        for table in varied:
            calls = (table or {}).get(name, [])
            self.varied.append(calls if len(calls) == len(own) else None)
        outputs, inputs = hints
        self.output_hint, self.input_hint = outputs.get(name), inputs.get(name)
        self.orders = orders

    def by_call(self) -> List[CallFeatures]:
        return [
            {
                "output": self.feature(number, "output", self.output_hint),
                "input": self.feature(number, "input", self.input_hint),
            }
            for number in range(len(self.own))
        ]

    def of_element(self, element: str) -> List[Feature]:
        """Of a tensor in the tuple, list or dict that the layer returns."""
        numbers = range(len(self.own))
        return [self.feature(number, "output", self.output_hint, element) for number in numbers]

    def feature(
        self, number: int, side: str, hint: Optional[str], element: Optional[str] = None
    ) -> Feature:
        """Layout, channels, dims of what one call returns or takes; None for what is no tensor."""

        def tensor(call: Call) -> Value:
            value = call.output if side == "output" else (call.inputs or [{}])[0]
            return value if element is None else elements(value).get(element, {})

        unknown: Feature = {"layout": None, "channels": None, "dims": None}
        shape = tensor(self.own[number]).get("shape")
        if shape is None:
            return unknown
        shapes: List[Optional[List[int]]] = [shape]
        for calls in self.varied:
            if calls is not None:
                shapes.append(tensor(calls[number]).get("shape"))
            elif len(shapes) == 1:
                break
        layout = axes.layout_of(shapes, hint)
        ask = self.channel_axis
        if ask and axes.layout_of(shapes, "first") != axes.layout_of(shapes, "last"):
            # The shapes leave a choice, and the types of the modules around are no evidence.
            if not self.meant and not self.read:
                return unknown
            batch = axes.batch_axis(shapes)
            site = self.own[number].site
            place = tuple(site.get("span") or [site.get("line", 0)])
            kind = (self.class_key, site.get("file"), place, side, element, len(shape), batch)
            axis = ask(self.name, number, side, element, batch, kind, by_gradients=self.meant)
            if axis is None and not self.meant:
                return unknown
            if axis is not None:
                layout = axes.layout_of(shapes, axes.named(axis, len(shape)))
        if layout == "NLC" and len([one for one in shapes if one is not None]) == 1:
            # No larger batch was seen, so the shapes do not tell the batch from the length.
            layout = self.order_of(side)
        if layout is None:
            return unknown
        return {
            "layout": layout,
            "channels": shape[layout.index("C")],
            "dims": {"NC": 0, "NCL": 1, "NLC": 1, "LNC": 1}.get(layout, len(layout) - 2),
            "memory": tensor(self.own[number]).get("memory", "contiguous"),
        }

    def order_of(self, side: str) -> Optional[str]:
        """NLC or LNC, as the modules of sequences say; None where others of the model have LNC."""
        outputs, inputs = self.orders
        first = (outputs if side == "output" else inputs).get(self.name)
        if first is None:
            return None if any(outputs.values()) else "NLC"
        return "LNC" if first else "NLC"


def by_path(calls: Sequence[Call]) -> ByPath:
    found: ByPath = {}
    for call in calls:
        found.setdefault(call.path, []).append(call)
    return found


def sizes_of(module: nn.Module) -> Dict[str, int]:
    """The integer attributes of a layer that can name its channel count."""
    sizes: Dict[str, int] = {}
    for name in SIZES:
        value = getattr(module, name, None)
        if value is not None and is_integer(value):
            sizes[name] = int(value)
    return sizes


def attributes_of(module: nn.Module) -> Dict[str, Attribute]:
    """The public numbers, texts and tuples of numbers of a layer; whether it has a bias."""
    found: Dict[str, Attribute] = {}
    for name, value in vars(module).items():
        items = value if isinstance(value, tuple) else (value,)
        if not name.startswith("_") and all(
            item is None or isinstance(item, (bool, int, float, str)) for item in items
        ):
            found[name] = value
    if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
        bias: Union[torch.Tensor, None] = module.bias
        found["bias"] = bias is not None
    return found


def sites_of(calls: Sequence[Call]) -> List[Site]:
    """The distinct call sites of some calls, each with its modes and the numbers of its calls.

    Calls are numbered from 1 within one forward pass, in eval.
    """
    found: Dict[str, Site] = {}
    number = 0
    for call in calls:
        key = repr(sorted(call.site.items(), key=str))
        site = found.get(key)
        if site is None:
            site = found[key] = {**call.site, "modes": [], "numbers": []}
        mode = call.mode or ""
        if mode not in site["modes"]:
            site["modes"].append(mode)
        if mode == "eval":
            number += 1
            site["numbers"].append(number)
    return list(found.values())
