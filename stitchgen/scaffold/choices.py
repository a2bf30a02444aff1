"""What can be chosen of a new project, and what follows from it for its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Each model with its class.
MODELS: Mapping[str, str] = {
    "resnet": "ResNet",
    "unet": "UNet",
    "vit": "VisionTransformer",
    "cnn1d": "CNN1d",
}
DATA = ("digits", "folder")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "step")


@dataclass(frozen=True)
class Choices:
    """A new project as it was chosen; every value is one of those above."""

    model: str = "resnet"
    data: str = "digits"
    optimizer: str = "adamw"
    schedule: str = "cosine"
    distill: bool = False  # learn from a teacher, too
    tasks: int = 1  # heads of the model, 1 or 2

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input, channels first: what the model's own test feeds it."""
        if self.model == "cnn1d":
            return (1, 64) if self.data == "digits" else (1, 128)
        return (1, 8, 8) if self.data == "digits" else (3, 64, 64)

    @property
    def task_names(self) -> tuple[str, str]:
        """What two heads are called; the first is what a sweep compares by."""
        if self.model == "unet":
            return ("pixel", "digit" if self.data == "digits" else "image")
        return ("digit", "odd") if self.data == "digits" else ("first", "second")

    @property
    def metric(self) -> str:
        """What decides which epoch is the best: most pixels are background, which accuracy rewards."""
        return "f1" if self.model == "unet" else "acc"

    @property
    def build(self) -> str:
        """A construction of the model, as source."""
        masks = 11 if self.data == "digits" else 2
        first = masks if self.model == "unet" else 10
        main, second = self.task_names
        other = 10 if self.model == "unet" else 2
        classes = f"{{'{main}': {first}, '{second}': {other}}}" if self.tasks == 2 else str(first)
        return f"{MODELS[self.model]}(in_channels={self.shape[0]}, num_classes={classes})"

    @property
    def data_template(self) -> str:
        """Which of the files below `data/` reads the data."""
        if self.data == "digits":
            return "digits"
        return {"unet": "masks", "cnn1d": "signals"}.get(self.model, "images")

    @property
    def values(self) -> dict[str, Any]:
        """What the templates see."""
        main, second = self.task_names
        return {
            **vars(self),
            "cls": MODELS[self.model],
            "shape": self.shape,
            "main_task": main,
            "second_task": second,
            "best": self.metric,
            "build": self.build,
        }


def package_name(folder: str) -> str:
    """A name that pyproject.toml takes, made of the folder's."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-._").lower()
    return plain or "experiment"
