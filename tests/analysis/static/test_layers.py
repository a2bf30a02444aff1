"""Reading: channels, definitions and call sites from the source alone, against what torch does.

A wrong answer is a defect, unknown is none: the cases of what cannot be determined come first.
"""

from __future__ import annotations

import ast
import collections
import importlib.util
import sys
import textwrap
from pathlib import Path

import pytest

from stitchgen.analysis.factories import configurations
from stitchgen.analysis.facts import Layer
from stitchgen.analysis.static.layers import read_classes, read_layers
from stitchgen.analysis.subject import installed_packages
from stitchgen.project.modules import files_beside

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def read(body: str, path: str = "l", class_name: str = "Net", more: str = "") -> Layer:
    text = HEAD + textwrap.dedent(more) + textwrap.dedent(body)
    layers = {layer.path: layer for layer in read_layers(Path("m.py"), text, class_name)}
    return layers[path]


def net(init: str, forward: str = "return self.l(x)", parameters: str = "c, d=8") -> str:
    forward, *methods = forward.split("\n\ndef ")
    return (
        f"class Net(nn.Module):\n    def __init__(self, {parameters}):\n"
        "        super().__init__()\n"
        + textwrap.indent(textwrap.dedent(init).strip("\n"), " " * 8)
        + "\n    def forward(self, x):\n"
        + textwrap.indent(textwrap.dedent(forward).strip("\n"), " " * 8)
        + "\n"
        + "".join(textwrap.indent(f"def {method}\n", " " * 4) for method in methods)
    )


UNKNOWN = {
    "another layer in the other branch": (
        "if d > 3:\n    self.l = nn.Conv2d(c, 4, 1)\nelse:\n    self.l = nn.Conv2d(c, 8, 1)",
        "return self.l(x)",
    ),
    "the name has moved on within the statement": (
        "for i in range(2):\n    setattr(self, f'l{i}' if i else 'l', nn.Conv2d(3, c, 1))\n"
        "    c = c * 2",
        "return self.l(x)",
    ),
    "it is called twice with different results": (
        "self.a = nn.Conv2d(3, c, 1)\nself.b = nn.Conv2d(c, d, 1)\nself.l = nn.ReLU()",
        "return self.l(self.b(self.l(self.a(x))))",
    ),
    "an activation fed by something unknown": (
        "self.l = nn.ReLU()",
        "return self.l(torch.some_function(x))",
    ),
    "an activation whose input is not known": ("self.l = nn.ReLU()", "return self.l(x)"),
    "a sum that may be stretched": (
        "self.a = nn.Conv2d(3, c, 1)\nself.b = nn.Conv2d(3, d, 1)\nself.l = nn.ReLU()",
        "return self.l(self.a(x) * self.b(x))",
    ),
    "a hook may change its result": (
        "self.l = nn.Conv2d(3, c, 1)\nself.l.register_forward_hook(print)",
        "return self.l(x)",
    ),
    "a function of another file gets the model": (
        "from helpers import prune\nself.l = nn.Conv2d(3, c, 1)\nprune(self)",
        "return self.l(x)",
    ),
    "a list that is popped": (
        "self.l = nn.Conv2d(3, c[0], 1); c.pop(0)",
        "return self.l(x)",
    ),
    "flattened axes": ("self.l = nn.Flatten()", "return self.l(F.conv2d(x, self.w))"),
    "a size from the input": (
        "self.l = nn.ReLU()",
        "return self.l(x.view(x.shape[0], -1, 4, 4))",
    ),
    "a weight of its own in the forward": (
        "self.w = nn.Parameter(torch.ones(c, 3, 1, 1))\nself.l = nn.ReLU()",
        "return self.l(F.conv2d(x, self.w))",
    ),
    "a norm without parameters": ("self.l = nn.InstanceNorm2d(c)", "return self.l(x)"),
    "return in a loop of unknown length": (
        "self.a = nn.Conv2d(3, 4, 1)\nself.b = nn.Conv2d(3, 8, 1)\nself.l = nn.ReLU()",
        "return self.l(self.pick(x))\n\ndef pick(self, x):\n    for i in range(self.n):\n"
        "        if x.sum() > i:\n            return self.a(x)\n    return self.b(x)",
    ),
    "return in a match": (
        "self.a = nn.Conv2d(3, 4, 1)\nself.b = nn.Conv2d(3, 8, 1)\nself.l = nn.ReLU()",
        "return self.l(self.pick(x))\n\ndef pick(self, x):\n    match self.mode:\n"
        "        case 'a':\n            return self.a(x)\n    return self.b(x)",
    ),
    "a member of an enumeration, which equals a text": (
        "self.a = nn.Conv2d(3, 4, 1)\nself.f = Format('NHWC')\nself.l = nn.ReLU()",
        "x = self.a(x)\nif self.f == 'NHWC':\n    x = torch.cat([x, x], 1)\n" "return self.l(x)",
    ),
    "a constant of another file, which may be false": (
        "from settings import FAST\nself.l = nn.Conv2d(3, c, 1)\n"
        "if FAST:\n    self.l = nn.Conv2d(3, d, 1)",
        "return self.l(x)",
    ),
    "a module whose class has a __call__": (
        "self.l = Odd(c)",
        "return self.l(x)",
    ),
    "a decorated forward": ("self.l = Strange(c)", "return self.l(x)"),
    "a callable that is passed in": ("self.l = nn.Sequential(c(d))", "return self.l(x)"),
}
ODD = """
from enum import Enum
class Format(str, Enum):
    NCHW = 'NCHW'
    NHWC = 'NHWC'
class Odd(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = nn.Conv2d(3, c, 1)
    def __call__(self, x):
        return super().__call__(x)[:, :1]
    def forward(self, x):
        return self.a(x)
class Strange(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = nn.Conv2d(3, c, 1)
    @halve
    def forward(self, x):
        return self.a(x)
"""


@pytest.mark.parametrize("init, forward", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_cannot_be_told_is_unknown(init, forward):
    layer = read(net(init, forward), more=ODD)
    assert layer.channels.evidence == "unknown", layer.channels
    assert layer.channels.expression is None and layer.channels.value is None
    assert layer.channels.reason


KNOWN = {
    "a literal": ("self.l = nn.Conv2d(3, 64, 3)", "return self.l(x)", "64"),
    "a parameter": ("self.l = nn.Conv2d(3, c, 3)", "return self.l(x)", "c"),
    "a keyword": ("self.l = nn.Conv2d(in_channels=3, out_channels=c, kernel_size=1)", None, "c"),
    "an expression": ("self.l = nn.Conv2d(3, c // 2, 3)", "return self.l(x)", "c // 2"),
    "brackets that are needed": ("self.l = nn.Conv2d(3, (c + 1) * d, 3)", None, "(c + 1) * d"),
    "a local name": ("w = int(c * 0.5)\nself.l = nn.Conv2d(3, w, 3)", None, "w"),
    "a parameter that is bound anew before": (
        "c = c * 2\nself.l = nn.Conv2d(3, c, 3)",
        None,
        "c",
    ),
    "a parameter that is bound anew after": (
        "self.l = nn.Conv2d(3, c, 3)\nc = 5",
        None,
        "c",
    ),
    "a default that is filled in": (
        "if c is None:\n    c = 64\nself.l = nn.Conv2d(3, c, 3)",
        None,
        "c",
    ),
    "an attribute": ("self.w = c\ndel c\nself.l = nn.Conv2d(3, self.w, 3)", None, "self.w"),
    "an element of a list": ("self.l = nn.Conv2d(3, c[1], 3)", None, "c[1]"),
    "an attribute of a configuration": ("self.l = nn.Conv2d(3, c.width, 3)", None, "c.width"),
    "a module in between, which ends with a known count": (
        "self.l = nn.Sequential(nn.Conv2d(3, c, 1), nn.BatchNorm2d(c), nn.ReLU())",
        None,
        "c",
    ),
    "an activation takes what feeds it": (
        "self.a = nn.Conv2d(3, c, 1)\nself.l = nn.ReLU()",
        "x = self.a(x)\nx = self.l(x)\nreturn x",
        "c",
    ),
    "pooling, dropout and nesting": (
        "self.a = nn.Conv2d(3, c, 1)\nself.p = nn.MaxPool2d(2)\nself.l = nn.Dropout(0.1)",
        "return self.l(self.p(F.relu(self.a(x), inplace=True)))",
        "c",
    ),
    "the first layer tells what the input has": (
        "self.l = nn.MaxPool2d(2)\nself.a = nn.Conv2d(c, d, 1)",
        "return self.a(self.l(x))",
        "c",
    ),
    "a residual sum": (
        "self.a = nn.Conv2d(c, c, 1)\nself.l = nn.ReLU()",
        "return self.l(x + self.a(x))",
        "c",
    ),
    "a sum in place keeps its shape": (
        "self.a = nn.Conv2d(3, c, 1)\nself.l = nn.ReLU()",
        "y = self.a(x)\ny += self.unknown(x)\nreturn self.l(y)",
        "c",
    ),
    "a concatenation": (
        "self.a = nn.Conv2d(3, c, 1)\nself.b = nn.Conv2d(3, d, 1)\nself.l = nn.ReLU()",
        "return self.l(torch.cat([self.a(x), self.b(x)], dim=1))",
        "c + d",
    ),
    "a helper that changes an attribute": (
        "self.w = 16\nself.l = self.make(c, 2)\nself.m = self.make(d, 2)",
        "return self.m(self.l(x))\n\ndef make(self, planes, n):\n    layers = []\n"
        "    for _ in range(n):\n        layers.append(nn.Conv2d(self.w, planes * 4, 1))\n"
        "        self.w = planes * 4\n    return nn.Sequential(*layers)",
        "c * 4",
    ),
    "a function of the file": ("self.l = conv3x3(3, c)", None, "c"),
    "a class of the file": ("self.l = Block(3, c)", None, "c * Block.expansion"),
    "a class of the file that is a Sequential": ("self.l = Act(3, c)", None, "c"),
    "weight_norm": ("self.l = nn.utils.weight_norm(nn.Conv1d(3, c, 1))", None, "c"),
}
MORE = """
def conv3x3(inp, out, stride=1):
    return nn.Conv2d(inp, out, kernel_size=3, stride=stride)
class Block(nn.Module):
    expansion = 2
    def __init__(self, inp, out):
        super().__init__()
        self.a = nn.Conv2d(inp, out * self.expansion, 1)
    def forward(self, x):
        return F.relu(self.a(x))
class Act(nn.Sequential):
    def __init__(self, inp, out):
        super().__init__(nn.Conv2d(inp, out, 1), nn.ReLU())
"""


@pytest.mark.parametrize("init, forward, expression", KNOWN.values(), ids=KNOWN.keys())
def test_plain_shapes_are_read(init, forward, expression):
    layer = read(net(init, forward or "return self.l(x)"), more=MORE)
    assert layer.channels.expression == expression, layer.channels
    assert layer.channels.evidence == ("literal" if expression.isdigit() else "symbolic")


def test_a_layer_tells_where_it_is_defined_and_called():
    text = HEAD + net(
        "self.l = nn.Conv2d(3, c, 1)\nself.s = nn.Sequential(nn.Conv2d(c, d, 1), nn.ReLU())",
        "x = self.l(x)  # ü\nif self.training:\n    x = self.l(x)\nreturn self.s('ü' and x)",
    )
    layers = {layer.path: layer for layer in read_layers(Path("/p/m.py"), text, "Net")}
    raw = text.encode()
    own, child = layers["l"], layers["s.1"]
    assert (own.definition.file, own.definition.function) == ("/p/m.py", "Net.__init__")
    assert text.splitlines()[own.definition.line - 1].strip() == "self.l = nn.Conv2d(3, c, 1)"
    assert [raw[slice(*site.span)] for site in own.sites] == [b"self.l(x)"] * 2
    (site,) = child.sites
    assert raw[slice(*site.span)] == "self.s('ü' and x)".encode()
    assert (site.owner, site.owner_class, site.called, site.chain) == ("", "Net", "s", ("1",))
    assert (child.class_name, child.owner_class, child.layout, child.dims) == (
        "ReLU",
        "Sequential",
        "NCHW",
        2,
    )


def test_an_element_of_a_loop_over_a_module_list_has_the_call_in_the_loop():
    text = HEAD + net(
        "self.ls = nn.ModuleList([nn.Conv2d(3, c, 1), nn.Conv2d(c, d, 1)])",
        "for layer in self.ls:\n    x = layer(x)\nreturn x",
    )
    layers = {layer.path: layer for layer in read_layers(Path("m.py"), text, "Net")}
    assert layers["ls.1"].channels.expression == "d"
    (site,) = layers["ls.1"].sites
    assert text.encode()[slice(*site.span)] == b"layer(x)"
    assert site.called == "ls.1"


def test_the_expression_holds_in_every_configuration_of_the_file():
    more = """
    class Basic(nn.Module):
        expansion = 1
        def __init__(self, inp, planes):
            super().__init__()
            self.a = nn.Conv2d(inp, planes, 1)
        def forward(self, x):
            return self.a(x)
    class Wide(nn.Module):
        expansion = 4
        def __init__(self, inp, planes):
            super().__init__()
            self.a = nn.Conv2d(inp, planes * self.expansion, 1)
        def forward(self, x):
            return self.a(x)
    def small(): return Net(Basic, 32)
    def large(): return Net(Wide, 32)
    """
    layer = read(net("self.l = c(3, d)\nself.w = d * c.expansion"), more=more)
    assert layer.channels.expression == "d * c.expansion"
    assert layer.channels.value is None
    assert layer.definition is not None


def test_classes_of_other_files_are_read(tmp_path):
    (tmp_path / "parts.py").write_text(HEAD + textwrap.dedent(MORE))
    text = HEAD + "from parts import Block\n" + net("self.l = Block(3, c)")
    (tmp_path / "model.py").write_text(text)
    layers = {layer.path: layer for layer in read_layers(tmp_path / "model.py", text, "Net")}
    assert layers["l"].channels.expression == "c * Block.expansion"
    assert layers["l.a"].channels.expression == "out * self.expansion"
    assert layers["l.a"].definition.file == str(tmp_path / "parts.py")


def test_installed_packages_are_read_where_the_project_has_no_such_file(tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "logs.py").write_text("def log(model):\n    print(type(model).__name__)\n")
    (packages / "torch.py").write_text("raise SystemExit\n")
    file = tmp_path / "model.py"
    made = "self.n = c\nlog(self)\nself.l = nn.Conv2d(3, self.n, 1)"
    file.write_text(text := HEAD + "from logs import log\n" + net(made))

    def expression(files):
        (layer,) = read_layers(file, text, "Net", files)
        return layer.channels.expression

    assert expression(files_beside(file)) is None, "it may set self.n"
    assert expression(files_beside(file, installed=packages)) == "c"
    (tmp_path / "logs.py").write_text("def log(model):\n    model.n = 5\n")
    assert expression(files_beside(file, installed=packages)) == "5", "the project's own is meant"


def test_the_packages_of_a_python_are_found_by_the_layout_of_its_environment(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    assert installed_packages(str(python)) == packages
    assert installed_packages(str(tmp_path / "python")) is None


def test_a_dict_by_class_is_given_for_all():
    text = HEAD + MORE
    assert list(read_classes(Path("m.py"), text)) == ["Block", "Act"]


# Against torch --------------------------------------------------------------------------------

TORCHVISION = [
    # file, class, smallest share of the layers that is read
    ("resnet", "ResNet", 0.9),
    ("densenet", "DenseNet", 0.9),
    ("googlenet", "GoogLeNet", 0.9),
    ("mobilenetv3", "MobileNetV3", 0.9),
    ("shufflenetv2", "ShuffleNetV2", 0.9),
    ("vgg", "VGG", 0.3),
    ("squeezenet", "SqueezeNet", 0.9),
    ("mnasnet", "MNASNet", 0.9),
    ("convnext", "ConvNeXt", 0.9),
]


@pytest.mark.parametrize("name, class_name, share", TORCHVISION)
def test_what_is_read_is_what_torch_does(name, class_name, share, monkeypatch):
    pytest.importorskip("torch")
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchvision is not installed")
    path = Path(spec.origin).parent / "models" / f"{name}.py"
    layers = read_layers(path, path.read_text(), class_name)
    status = against_torch(path, f"torchvision.models.{name}", class_name, layers, monkeypatch)
    wrong = {path: found for path, found in status.items() if found not in {"right", "unknown"}}
    assert wrong == {}
    counts = collections.Counter(status.values())
    assert counts["right"] >= share * sum(counts.values()), counts


def against_torch(path, module_name, class_name, layers, monkeypatch) -> dict[str, str]:
    """What became of each layer: its expression is run where it would be inserted."""
    import torch

    text = path.read_text()
    tree = ast.parse(text)
    _insert_expressions(tree, layers)
    spec = importlib.util.spec_from_loader(f"{module_name}_read", loader=None)
    module = importlib.util.module_from_spec(spec)
    module.__package__, module.__file__ = module_name.rpartition(".")[0], str(path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(tree, str(path), "exec"), module.__dict__)
    status: dict[str, str] = {}
    for call in configurations(ast.parse(text), text, files_beside(path))[class_name][:6]:
        with torch.device("meta"):
            model = eval(call, module.__dict__).eval()
        shapes = collections.defaultdict(set)
        for name, inner in model.named_modules():
            inner.register_forward_hook(
                lambda m, i, output, name=name: shapes[name].add(tuple(output.shape))
            )
        with torch.no_grad():
            model(torch.zeros(2, 3, 224, 192, device="meta"))
        for layer in layers:
            for shape in shapes[layer.path]:
                found = _judge(model, layer, shape)
                if found != "unknown" or layer.path not in status:
                    if status.get(layer.path, "unknown") in {"right", "unknown"}:
                        status[layer.path] = found
    return status


def _insert_expressions(tree: ast.Module, layers: list[Layer]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            # A model can be registered only once.
            node.decorator_list = [d for d in node.decorator_list if "register" not in ast.dump(d)]
        if not isinstance(node, ast.ClassDef):
            continue
        for function in node.body:
            if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
                continue
            body: list[ast.stmt] = []
            for statement in function.body:
                body.append(statement)
                for layer in layers:
                    site = layer.definition
                    if site is None or layer.channels.expression is None:
                        continue
                    inside = statement.lineno <= site.line <= statement.end_lineno
                    if site.function == f"{node.name}.__init__" and inside:
                        key = (node.name, layer.path)
                        body += ast.parse(
                            f"self.__dict__.setdefault('read', {{}})[{key!r}] = "
                            f"({layer.channels.expression})"
                        ).body
            function.body = body
    ast.fix_missing_locations(tree)


def _judge(model, layer: Layer, shape: tuple[int, ...]) -> str:
    if layer.channels.expression is None or layer.definition is None:
        return "unknown"
    owner = model.get_submodule(layer.path.rpartition(".")[0])
    if type(owner).__name__ != layer.owner_class:
        return "unknown"  # another configuration, which has another layer at this path
    if layer.layout is not None and len(layer.layout) != len(shape):
        return f"{layer.layout} does not fit {shape}"
    counts = {shape[layer.layout.index("C")]} if layer.layout else {shape[-1], shape[1]}
    parts = layer.path.split(".")
    key = (layer.definition.function.split(".")[0], layer.path)
    for depth in range(len(parts) - 1, -1, -1):
        holder = model.get_submodule(".".join(parts[:depth]))
        read_there = holder.__dict__.get("read", {})
        if key in read_there:
            if read_there[key] not in counts:
                return f"{layer.channels.expression} is {read_there[key]}, not of {shape}"
            break
    else:
        if layer.definition.file == str(Path(sys.modules[type(model).__module__].__file__)):
            return "unknown"  # another class holds it in this configuration
    if layer.channels.value is not None and layer.channels.value not in counts:
        return f"{layer.channels.value} is not of {shape}"
    return "right"
