"""A block for configurations of OpenMMLab's kind: a class in the registry, and what names it there.

MMDetection, MMSegmentation and their relatives build `dict(type='CBAM')` from a registry, and give a plugin of
a ResNet the width as `in_channels`; their registries look in that of MMEngine, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError
from stitchgen.planning.block_import import is_name
from stitchgen.project.config import Project

SOURCE = '''\
"""{name} for configurations that name it by `type`."""

from mmengine.registry import MODELS

from .{module} import {name} as Block


@MODELS.register_module()
class {name}(Block):
    """{name}, whose width a configuration's builder gives as `in_channels`."""

    def __init__(self, in_channels: int, **kwargs: object) -> None:
        super().__init__({widths}, **kwargs)
'''


def registration(block: Block, class_name: str, path: Path) -> bytes:
    """The module that registers the block's class; refuses a block that a plugin cannot be."""
    widths = [one for one in block.parameters if one.fact in ("channels", "in", "out")]
    others = [one.name for one in block.parameters if one.default is None and one not in widths]
    if block.inputs != 1 or block.variadic or others or not widths:
        problem = "takes several inputs" if block.inputs != 1 else "is built of no width"
        problem = f"needs {', '.join(others)}, too" if others else problem
        raise StitchError(
            "unsupported",
            f"{block.name} {problem}, and a configuration's builder gives in_channels alone",
            hint="Leave out --register, and write the registration yourself.",
        )
    text = ", ".join(f"{one.name}=in_channels" for one in widths)
    return SOURCE.format(name=class_name, module=path.stem, widths=text).encode()


def check_importable(folder: Path, project: Project) -> None:
    """Refuse a folder that custom_imports cannot name."""
    parts = folder.relative_to(project.root).parts
    if not parts or not all(map(is_name, parts)):
        shown = "/".join(parts) or "."
        raise StitchError(
            "import-conflict",
            f"custom_imports cannot name the folder {shown}",
            where=shown,
            hint="Name one of the project that can be imported: --into blocks",
        )


def to_paste(project: Project, path: Path, class_name: str, register: str) -> dict[str, Any]:
    """What goes into the configuration."""
    module = ".".join(path.relative_to(project.root).with_suffix("").parts)
    return {
        "with": register,
        "imports": f"custom_imports = dict(imports=['{module}_{register}'], allow_failed_imports=False)",
        "plugin": f"plugins=[dict(cfg=dict(type='{class_name}'), stages=(False, True, True, True), "
        "position='after_conv3')]",
    }
