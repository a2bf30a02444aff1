"""Frameworks that build models from names: what their users write instead, where no source runs the layer."""

from __future__ import annotations

from collections.abc import Mapping

#: By the last name of the call that a variable holds: what it is, and what to do.
BUILDERS: Mapping[str, tuple[str, str]] = {
    "dict": (
        "is a configuration of OpenMMLab's kind, from which registries build the model by `type`",
        "stitchgen new-module BLOCK --register mmengine writes the block with its registration, and prints "
        "custom_imports and the entry for the configuration. In a ResNet: plugins=[dict(cfg=dict(type='CBAM'), position='after_conv3')], which "
        "passes the channels as in_channels.",
    ),
    "build_model": (
        "is built by build_model from a configuration, whose names registries hold",
        "In Detectron2, write the block with stitchgen new-module, call it in a function of yours that is "
        "decorated with @BACKBONE_REGISTRY.register() and builds the backbone, import that module in the "
        "training script, and set cfg.MODEL.BACKBONE.NAME to the function's name.",
    ),
    "from_pretrained": (
        "is built by from_pretrained, in whose package the layers are called",
        "It drops what is not in the class. Copy the package's modelling file into the project and splice "
        "there; or try the block with --attach and --build 'AutoModel.from_config(...)'.",
    ),
    "from_config": (
        "is built by from_config, in whose package the layers are called",
        "Copy the package's modelling file into the project and splice there; or pass --attach, which "
        "training with this very object keeps, and from_pretrained does not.",
    ),
}


def built_by(function: str) -> tuple[str, str] | None:
    """What a call of that name builds, and the hint for it; None where it is none of these."""
    return BUILDERS.get(function.rpartition(".")[2])
