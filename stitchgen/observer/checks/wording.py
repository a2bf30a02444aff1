"""Parts of the sentences in which a check says what it saw."""

from __future__ import annotations

from typing import List, Sequence


def few(names: Sequence[str]) -> List[str]:
    """The names, or the first three and how many others there are."""
    return list(names) if len(names) <= 4 else [*names[:3], "%d others" % (len(names) - 3)]


def times(count: int) -> str:
    return "once" if count == 1 else "%d times" % count


def short(error: BaseException) -> str:
    """The type and the first line of an error."""
    lines = str(error).strip().splitlines()
    text = "%s: %s" % (type(error).__name__, lines[0] if lines else "no message")
    return text[:300].rstrip(".")
