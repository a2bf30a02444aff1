"""The command that makes the source of an installed model the project's own, for refusals to offer."""

from __future__ import annotations

#: Packages whose modules are no models of anybody's.
NO_MODELS = ("torch", "builtins", "stitchgen")
#: What is said with it.
OFFER = "Or make the model's source your own, which everything works on."


def adoption(class_key: str, script: str | None = None) -> list[str]:
    """`stitchgen adopt timm.models.resnet --in train.py` for the class `timm.models.resnet:ResNet`; none for
    a class of torch itself."""
    module = class_key.partition(":")[0]
    if not module or module.partition(".")[0] in NO_MODELS or module == "__main__":
        return []
    return [f"stitchgen adopt {module}" + (f" --in {script}" if script else "")]
