"""Reading: which calls build a model, and every use of a layer, from the source alone."""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from pathlib import Path

import pytest

from stitchgen.analysis.factories import configurations, constructible, factories
from stitchgen.project.modules import files_beside

HEAD = "import torch\nfrom torch import nn\n"
NET = """
class Net(nn.Module):
    def __init__(self, width, num_classes=10):
        super().__init__()
        self.fc = nn.Linear(width, num_classes)
    def forward(self, x):
        return self.fc(x)
"""


def read_factories(source: str, net: str = NET) -> dict[str, list[str]]:
    text = HEAD + net + textwrap.dedent(source)
    return factories(ast.parse(text), text)


NO_FACTORIES = {
    "a function that needs an argument": "def net(width): return Net(width)",
    "an element whose place is not known": "def net(*more): return (*more, Net(3))",
    "a tuple whose model is now here, now there": """
        def net(first=True):
            if torch.rand(1) > 0.5:
                return Net(3), 3
            return 3, Net(3)
    """,
    "main, which trains": """
        def main():
            model = Net(3)
            for step in range(3):
                model(torch.zeros(1, 3)).sum().backward()
            return model
    """,
    "one that prints": """
        def net():
            print("hello")
            return Net(3)
    """,
    "one that opens a file": """
        def net():
            with open("weights") as f:
                f.read()
            return Net(3)
    """,
    "one that loads weights": """
        def net(path="w.pth"):
            model = Net(3)
            model.load_state_dict(torch.load(path))
            return model
    """,
    "one that loads weights in a branch that cannot be determined": """
        def net(resume="yes"):
            model = Net(3)
            if resume:
                model.load_state_dict(torch.load("w.pth"))
            return model
    """,
    "one that calls an unknown function": """
        from helpers import prepare
        def net():
            prepare()
            return Net(3)
    """,
    "one that returns two kinds of things": """
        def net(flag=unknown):
            if flag:
                return Net(3)
            return 3
    """,
    "one that may return nothing": """
        def net(flag=unknown):
            if flag:
                return Net(3)
    """,
    "one that returns a model wrapped in another": "def net(): return nn.DataParallel(Net(3))",
    "a generator": "def net(): yield Net(3)",
    "one behind an unknown decorator": """
        @experiment.main
        def net():
            return Net(3)
    """,
    "one that is defined twice": """
        def net(): return Net(3)
        def net(): return Net(4)
    """,
    "one whose name for the class is a local": """
        def net(Net=print):
            return Net(3)
    """,
    "one that runs a command": """
        import os
        def net():
            os.system("ls")
            return Net(3)
    """,
    "one that passes pretrained=True on to a library": """
        import torchvision
        def net():
            backbone = torchvision.models.resnet18(pretrained=True)
            return Net(3)
    """,
    "one that runs the model in a nested function": """
        def net():
            def run():
                torch.save(1, "x")
            run()
            return Net(3)
    """,
    "one that calls itself": "def net(): return net()",
    "one that changes a global": """
        CACHE = {}
        def net():
            CACHE["net"] = 1
            return Net(3)
    """,
}


@pytest.mark.parametrize("source", NO_FACTORIES.values(), ids=NO_FACTORIES.keys())
def test_is_no_factory(source):
    assert read_factories(source) == {}


FACTORIES = {
    "a construction": ("def net(): return Net(3)", "net()"),
    "a construction through a name": (
        "def net(**kwargs):\n    model = Net(3, **kwargs)\n    return model",
        "net()",
    ),
    "a construction put into eval mode": ("def net(): return Net(3).eval()", "net()"),
    "a helper that loads weights only if there are any": (
        """
        def _net(width, weights, progress, **kwargs):
            if weights is not None:
                override(kwargs, len(weights.meta["categories"]))
            model = Net(width, **kwargs)
            if weights is not None:
                model.load_state_dict(weights.get_state_dict(progress=progress))
            return model
        @register_model()
        @handle_legacy_interface(weights=("pretrained", NetWeights.V1))
        def net18(*, weights=None, progress=True, **kwargs):
            weights = NetWeights.verify(weights)
            return _net(3, weights, progress, **kwargs)
        """,
        "net18()",
    ),
    "weights that are on by default": (
        """
        def net(pretrained=True):
            model = Net(3)
            if pretrained:
                model.load_state_dict(torch.hub.load_state_dict_from_url("http://x"))
            return model
        """,
        "net(pretrained=False)",
    ),
    "weights that are named by default": (
        """
        def net(num_classes=10, pretrained="imagenet"):
            model = Net(3, num_classes)
            if pretrained is not None:
                model.load_state_dict(download(pretrained))
            return model
        """,
        "net(pretrained=None)",
    ),
    "init_weights is no switch of weights": (
        "def net(init_weights=True): return Net(3)",
        "net()",
    ),
    "a choice of layers that raises otherwise": (
        """
        def get(blocks, pretrained=False, root="~", **kwargs):
            if blocks == 18:
                layers = [2, 2]
            elif blocks == 34:
                layers = [3, 4]
            else:
                raise ValueError("unsupported: {}".format(blocks))
            channels = [[c] * n for c, n in zip([64, 128], layers)]
            net = Net(channels)
            if pretrained:
                from .store import download_model
                download_model(net, root)
            return net
        def net18(**kwargs):
            return get(blocks=18, **kwargs)
        """,
        "net18()",
    ),
    "a configuration object made by functools.partial": (
        """
        from functools import partial
        class Config:
            def __init__(self, width, scale):
                self.width = width * scale
        def _conf(arch, **kwargs):
            conf = partial(Config, scale=2)
            if arch == "large":
                setting = [conf(3), conf(4)]
            else:
                raise ValueError(arch)
            return setting
        def net(): return Net(_conf("large"))
        """,
        "net()",
    ),
    "the second element of a tuple": (
        """
        def net(wide=False):
            names = ["a", "b"]
            model = Net(4 if wide else 3)
            return names, model
        """,
        "net()[1]",
    ),
    "an element of a dictionary": (
        "def net(): return {'model': Net(3), 'sizes': [3]}",
        "net()['model']",
    ),
}


@pytest.mark.parametrize("source, call", FACTORIES.values(), ids=FACTORIES.keys())
def test_is_a_factory(source, call):
    assert read_factories(source) == {"Net": [call]}


def test_classes_without_needed_arguments_are_constructible():
    source = HEAD + textwrap.dedent("""
        class Plain(nn.Module):
            def __init__(self):
                super().__init__()
        class Defaults(nn.Module):
            def __init__(self, width=3, *, pretrained=True):
                super().__init__()
        class Nothing(nn.Module):
            def forward(self, x): return x
        class Needs(nn.Module):
            def __init__(self, width):
                super().__init__()
        class Inherits(Needs):
            pass
        class Passes(Needs):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
        class Stacked(nn.Sequential):
            def __init__(self, *layers):
                super().__init__(*layers)
        class Trainer:
            def __init__(self): pass
        """)
    assert constructible(ast.parse(source), source) == {
        "Plain": "Plain()",
        "Defaults": "Defaults(pretrained=False)",
        "Nothing": "Nothing()",
    }


def test_factories_come_before_the_bare_construction():
    text = HEAD + NET.replace("self, width", "self, width=3") + "def net(): return Net(4)\n"
    assert configurations(ast.parse(text), text) == {"Net": ["net()", "Net()"]}


def test_functions_of_other_files_count_if_they_are_found_and_only_compute(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "widths.py").write_text("from .deep import double\n")
    (tmp_path / "deep.py").write_text(
        "def double(x):\n    return 2 * x\ndef loud(x):\n    print(x)\n    return x\n"
    )
    text = HEAD + "from .widths import double\nfrom .deep import loud\n" + NET
    text += "def good(): return Net(double(3))\ndef bad(): return Net(loud(3))\n"
    tree = ast.parse(text)
    assert factories(tree, text, files_beside(tmp_path / "model.py")) == {"Net": ["good()"]}
    assert factories(tree, text) == {}


def torchvision_file(name: str) -> Path:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchvision is not installed")
    return Path(spec.origin).parent / "models" / name


TORCHVISION_FACTORIES = [
    ("resnet.py", "ResNet", "resnet18() resnet34() resnet50() resnet101() resnet152()"),
    ("vgg.py", "VGG", "vgg11() vgg11_bn() vgg13() vgg16() vgg19_bn()"),
    ("densenet.py", "DenseNet", "densenet121() densenet161()"),
    ("mobilenetv3.py", "MobileNetV3", "mobilenet_v3_large() mobilenet_v3_small()"),
    ("efficientnet.py", "EfficientNet", "efficientnet_b0() efficientnet_v2_s()"),
    ("googlenet.py", "GoogLeNet", "googlenet()"),
    ("shufflenetv2.py", "ShuffleNetV2", "shufflenet_v2_x0_5() shufflenet_v2_x2_0()"),
    ("mnasnet.py", "MNASNet", "mnasnet0_5() mnasnet1_3()"),
    ("convnext.py", "ConvNeXt", "convnext_tiny()"),
    ("regnet.py", "RegNet", "regnet_y_400mf() regnet_x_32gf()"),
    (
        "segmentation/deeplabv3.py",
        "DeepLabV3",
        "deeplabv3_resnet50(weights_backbone=None) deeplabv3_resnet101(weights_backbone=None)",
    ),
]


@pytest.mark.parametrize("name, class_name, calls", TORCHVISION_FACTORIES)
def test_the_factories_of_torchvision_are_found(name, class_name, calls):
    path = torchvision_file(name)
    text = path.read_text()
    found = factories(ast.parse(text), text, files_beside(path))
    assert set(calls.split()) <= set(found[class_name])
    assert list(found) == [class_name]
