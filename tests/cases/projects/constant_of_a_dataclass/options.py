from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Options:
    words: int = 40
    hidden: int = 16


def default():
    return replace(Options(), hidden=24)
