"""The functions of `operator`, which are called as they are."""

from __future__ import annotations

import operator

COMPUTED = {
    name: value
    for name, value in vars(operator).items()
    if callable(value) and not name.startswith("_")
}
