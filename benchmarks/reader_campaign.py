"""Random programs, run by CPython and read by the static reader: how many counts are equal.

    python benchmarks/reader_campaign.py [--programs 2000] [--seed 0] [--show 5]

Prints how many layers were read equal, unknown and wrong; of the wrong ones, the first programs,
without the statements that the failure does not need. Ends with 1 if any was wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from reader_programs import compare, reduced, write_program


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--show", type=int, default=5, help="wrong programs that are printed")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)
    equal = unknown = wrong = raises = 0
    shown = 0
    start = time.perf_counter()
    for seed in range(options.seed, options.seed + options.programs):
        text = write_program(random.Random(seed))
        found = compare(text)
        equal, unknown = equal + found.equal, unknown + found.unknown
        wrong, raises = wrong + len(found.wrong), raises + found.raises
        if found.wrong and shown < options.show:
            shown += 1
            short = reduced(text, lambda text: bool(compare(text).wrong))
            print(f"--- seed {seed}: {compare(short).wrong[0]}")
            print(short.rpartition("from torch import nn\n")[2].strip(), flush=True)
    seconds = time.perf_counter() - start
    print(f"programs {options.programs}, of which {raises} raise; {seconds:.0f} s")
    print(f"layers equal {equal}, unknown {unknown}, wrong {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
