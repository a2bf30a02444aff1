"""The functions of `math`, which are called as they are."""

from __future__ import annotations

import math

COMPUTED = {
    name: value
    for name, value in vars(math).items()
    if callable(value) and not name.startswith("_")
}
