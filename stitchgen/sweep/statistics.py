"""What the numbers of a sweep say: paired differences, their interval, p after Holm, and a verdict in words.

Student's t is computed by its finite series, which is exact for whole degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

CONFIDENCE = 0.95
#: Fewer pairs than these have no interval.
FEWEST = 3
#: From so many pairs on, flipping signs can reach p < 0.05.
FLIPS_FROM, FLIPS_TO = 6, 16

GAIN, LOSS, NONE, NOT = "gain", "loss", "no-difference", "not-comparable"


@dataclass(frozen=True)
class Comparison:
    """A variant against the baseline, over the seeds at which both have a finite number."""

    pairs: int
    mean: float | None  # of the differences, positive where the number is larger
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    p_flip: float | None
    wins: int
    gained: float | None  # how many times narrower pairing made it
    verdict: str
    shown: float | None  # the smallest difference that would have shown


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """The sample's standard deviation."""
    centre = mean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def compare(
    variants: Mapping[str, Mapping[int, float]],
    baseline: Mapping[int, float],
    *,
    less_is_better: bool,
    unpaired: Sequence[str] = (),
) -> dict[str, Comparison]:
    """Each variant against the baseline; p is corrected for how many there are."""
    pairs = {name: _pairs(values, baseline) for name, values in variants.items()}
    raw = {name: p_value([b - a for a, b in found]) for name, found in pairs.items()}
    tested = {name: p for name, p in raw.items() if p is not None and name not in unpaired}
    corrected = holm(tested)
    return {
        name: _comparison(
            found,
            raw[name],
            corrected.get(name),
            less_is_better=less_is_better,
            unpaired=name in unpaired,
        )
        for name, found in pairs.items()
    }


def _pairs(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[tuple[float, float]]:
    seeds = [seed for seed in baseline if seed in values]
    both = [(baseline[seed], values[seed]) for seed in seeds]
    return [pair for pair in both if all(map(math.isfinite, pair))]


def _comparison(
    pairs: list[tuple[float, float]],
    p: float | None,
    p_holm: float | None,
    *,
    less_is_better: bool,
    unpaired: bool,
) -> Comparison:
    differences = [after - before for before, after in pairs]
    sign = -1 if less_is_better else 1
    wins = sum(sign * one > 0 for one in differences)
    if not differences:
        return Comparison(0, None, None, None, None, None, None, 0, None, NOT, None)
    centre, half = mean(differences), half_width(differences)
    verdict = NOT
    if half is not None and not unpaired and p_holm is not None:
        verdict = NONE
        if p_holm < 1 - CONFIDENCE:
            verdict = GAIN if sign * centre > 0 else LOSS
    return Comparison(
        pairs=len(pairs),
        mean=centre,
        low=None if half is None else centre - half,
        high=None if half is None else centre + half,
        p=p,
        p_holm=p_holm,
        p_flip=sign_flip(differences),
        wins=wins,
        gained=_gained(pairs),
        verdict=verdict,
        shown=half,
    )


def half_width(differences: Sequence[float]) -> float | None:
    """Half the interval of their mean; None for fewer than three."""
    count = len(differences)
    if count < FEWEST:
        return None
    return t_quantile((1 + CONFIDENCE) / 2, count - 1) * deviation(differences) / math.sqrt(count)


def p_value(differences: Sequence[float]) -> float | None:
    """Of the paired t test, two-sided; None for fewer than three."""
    count = len(differences)
    if count < FEWEST:
        return None
    spread = deviation(differences)
    if spread == 0:
        return 1.0 if mean(differences) == 0 else 0.0
    return t_two_sided(abs(mean(differences)) / spread * math.sqrt(count), count - 1)


def sign_flip(differences: Sequence[float]) -> float | None:
    """The share of all flips of signs whose sum is as far from zero."""
    if not FLIPS_FROM <= len(differences) <= FLIPS_TO:
        return None
    there = abs(math.fsum(differences)) * (1 - 1e-12)
    flips = product((1, -1), repeat=len(differences))
    far = sum(
        abs(math.fsum(sign * one for sign, one in zip(signs, differences))) >= there
        for signs in flips
    )
    return float(far / 2 ** len(differences))


def holm(raw: Mapping[str, float]) -> dict[str, float]:
    """Each p times how many are not smaller, never below one that is smaller."""
    found: dict[str, float] = {}
    largest = 0.0
    for number, name in enumerate(sorted(raw, key=lambda name: raw[name])):
        largest = max(largest, min(1.0, raw[name] * (len(raw) - number)))
        found[name] = largest
    return found


def _gained(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The spread of independent runs' differences over that of these; None where it has none."""
    if len(pairs) < FEWEST:
        return None
    independent = math.hypot(*(deviation(one) for one in zip(*pairs)))
    here = deviation([after - before for before, after in pairs])
    return independent / here if here > 0 else None


# -- Student's t -----------------------------------------------------------------------------------


def t_two_sided(t: float, freedom: int) -> float:
    """The chance of a value as far from zero, either way."""
    return max(0.0, 1.0 - _within(t, freedom)) if t < 1e3 else _tail(t, freedom)


def _within(t: float, freedom: int) -> float:
    """The chance to lie between -t and t (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = (cosine if odd else 1.0) if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _tail(t: float, freedom: int) -> float:
    """Far out, where the difference to one has no digits left: the leading term of the tail."""
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(math.pi)
    log += (freedom / 2 - 1) * math.log(freedom) - freedom * math.log(t)
    return 2 * math.exp(log)


@cache
def t_quantile(p: float, freedom: int) -> float:
    """The value below which t lies with this chance, for p above a half."""
    low, high = 0.0, 1.0
    while (1 + _within(high, freedom)) / 2 < p:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if (1 + _within(middle, freedom)) / 2 < p:
            low = middle
        else:
            high = middle
    return high
