"""What the verdicts of `stitchgen sweep` are worth: simulated sweeps, with and without an effect.

    python benchmarks/sweep_statistics.py                 2,000 sweeps of each kind, in a few seconds
    python benchmarks/sweep_statistics.py --sweeps 20000

Without any effect, 10 variants and 3 seeds, a `gain` may be claimed in at most 3.5 % of sweeps: half of 5 %, for an error is as often
a `loss`, and one percent for chance. Differences that are as skewed as an exponential are no longer what a t test is for: there it is
the losses that are claimed too often, and never the gains. With a gain of three standard deviations of a difference it is to be found in 90 %. The exit
status is 1 where one of them is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stitchgen.sweep.statistics import GAIN, LOSS, compare

#: A draw of a difference's noise, of spread 1.
NOISES: dict[str, Callable[[random.Random], float]] = {
    "normal": lambda draw: draw.gauss(0, 1),
    "skewed": lambda draw: draw.expovariate(1) - 1,
    "heavy tails": lambda draw: draw.gauss(0, 1) / (draw.gammavariate(2, 2) / 4) ** 0.5 / 2**0.5,
}


def claims(
    count: int, seeds: int, variants: int, effect: float, noise: str, draw: random.Random
) -> dict[str, float]:
    """The shares of sweeps in which some variant is called a gain, or a loss."""
    found = {GAIN: 0, LOSS: 0}
    for _ in range(count):
        baseline = {seed: draw.gauss(0, 3) for seed in range(seeds)}
        values = {
            str(number): {
                seed: value + effect + NOISES[noise](draw) for seed, value in baseline.items()
            }
            for number in range(variants)
        }
        verdicts = {one.verdict for one in compare(values, baseline, less_is_better=False).values()}
        for name in found:
            found[name] += name in verdicts
    return {name: number / count for name, number in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    print("| effect, sd | noise | variants | seeds | gain claimed | loss claimed |")
    print("| --- | --- | --- | --- | --- | --- |")
    wrong = []
    cases = [(0.0, noise, 10, seeds) for noise in NOISES for seeds in (3, 5)]
    for effect, noise, variants, seeds in [*cases, (3.0, "normal", 1, 5), (1.0, "normal", 1, 5)]:
        found = claims(options.sweeps, seeds, variants, effect, noise, draw)
        shares = f"{found[GAIN]:.1%} | {found[LOSS]:.1%}"
        print(f"| {effect:g} | {noise} | {variants} | {seeds} | {shares} |", flush=True)
        if noise == "normal" and effect == 0 and found[GAIN] > 0.035:
            wrong.append(f"a gain is claimed in {found[GAIN]:.1%} of sweeps without effect")
        if effect == 3 and found[GAIN] < 0.9:
            wrong.append(f"a gain of 3 sd is found in {found[GAIN]:.1%} only")
    print("\n".join(wrong) or "as it should be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
