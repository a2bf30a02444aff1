"""Models of torchvision, copied as a user's model.py: spliced, judged from outside, undone.

The judge shares nothing with the proof inside the tool: it imports the edited file, loads the old
weights, and compares outputs with the block made an identity.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

from stitchgen.history import undo
from stitchgen.pipeline import splice as splicing
from stitchgen.project.config import find_project
from stitchgen.targets.placement import AFTER
from stitchgen.targets.request import AddRequest

torchvision = pytest.importorskip("torchvision")

#: File of torchvision.models, target, constructions, size of the input.
MODELS = [
    ("resnet", "model.layer2", ["resnet18()", "resnet50()"], 64),
    ("resnet", "model.layer3.0.downsample.0", ["resnet18()", "resnet50()"], 64),
    ("vgg", "model.features.4", ["vgg11_bn()"], 64),
    ("densenet", "model.features.denseblock1.denselayer2.norm1", ["densenet121()"], 64),
    ("mobilenetv3", "model.features.2.block.1.1", ["mobilenet_v3_small()"], 64),
    ("shufflenetv2", "model.stage2.0.branch2.3", ["shufflenet_v2_x0_5()"], 64),
]


def copied(name: str) -> str:
    """The source as users copy it: absolute imports, no registry decorators."""
    folder = Path(torchvision.__file__).parent / "models"
    text = (folder / f"{name}.py").read_text()
    text = re.sub(
        r"^from \.\.(\S+) import", r"from torchvision.\1 import", text, flags=re.MULTILINE
    )
    text = re.sub(
        r"^from \.(\S+) import", r"from torchvision.models.\1 import", text, flags=re.MULTILINE
    )
    text = re.sub(r"^from \. import", "from torchvision.models import", text, flags=re.MULTILINE)
    text = re.sub(r"^@register_model\(.*\)\n", "", text, flags=re.MULTILINE)
    decorator = r"^@handle_legacy_interface\((?:.|\n)*?\)\n(?=def|@)"
    return re.sub(decorator, "", text, flags=re.MULTILINE)


def build(folder: Path, expression: str, name: str) -> torch.nn.Module:
    """The model, from the file as it now is, under a module name of its own."""
    path, sys.path[:] = list(sys.path), [str(folder), *without_blocks(sys.path)]
    hidden = {key: sys.modules.pop(key) for key in list(sys.modules) if is_block(key)}
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    # A second import of a class with overloaded methods would be taken for a clash.
    for registry in ("_overloaded_methods", "_overloaded_method_class_fileno", "_overloaded_fns"):
        getattr(torch._jit_internal, registry).clear()
    try:
        spec = importlib.util.spec_from_file_location(name, folder / "model.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        torch.manual_seed(0)
        return eval(expression, vars(module)).eval()
    finally:
        sys.dont_write_bytecode = before
        sys.path[:] = path
        for key in [key for key in sys.modules if key == name or is_block(key)]:
            del sys.modules[key]
        sys.modules.update(hidden)


def is_block(module: str) -> bool:
    return module.split(".")[0] == "blocks"


def without_blocks(path: list[str]) -> list[str]:
    """The folders that hold no `blocks` of their own, which another test may have put there."""
    return [
        folder
        for folder in path
        if not (Path(folder) / "blocks.py").exists() and not (Path(folder) / "blocks").is_dir()
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "target", "builds", "size"), MODELS)
def test_a_real_model_is_spliced_and_undone(
    tmp_path: Path,
    name: str,
    target: str,
    builds: list[str],
    size: int,
    python_with_torchvision: str,
) -> None:
    (tmp_path / "model.py").write_text(copied(name))
    before = contents(tmp_path)
    old = {text: build(tmp_path, text, "before") for text in builds}
    request = AddRequest(
        block="cbam",
        placement=AFTER,
        targets=(target,),
        builds=tuple(builds),
        python=python_with_torchvision,
    )
    result = splicing.run(find_project(tmp_path), request).result
    [splice] = result["splices"]
    for text, original in old.items():
        edited = build(tmp_path, text, "after")
        missing = edited.load_state_dict(original.state_dict(), strict=False)
        assert missing.unexpected_keys == []
        assert missing.missing_keys
        assert all(splice["attribute"] in key for key in missing.missing_keys)
        [block] = [m for m in edited.modules() if type(m).__name__ == "CBAM"]
        image = torch.randn(2, 3, size, size)
        with torch.no_grad():
            active = edited(image)
            block.forward = lambda x: x
            assert torch.equal(edited(image), original(image))
            assert not torch.equal(active, original(image))
    undo.run(find_project(tmp_path))
    assert contents(tmp_path) == before
