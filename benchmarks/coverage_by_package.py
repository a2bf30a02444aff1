"""How much of each package the tests run: statements, covered, percent, a line a package.

    python -m pytest --cov=stitchgen [PATHS]                run the tests, or some of them
    python benchmarks/coverage_by_package.py                the table
    python benchmarks/coverage_by_package.py --below 80     and status 1 where a package has less

The data lies where [tool.coverage] of pyproject.toml says, or where COVERAGE_FILE does; two people who
measure at once on one machine need the latter. What runs in the user's Python is counted as well.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import coverage

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "stitchgen"


def packages(measured: coverage.Coverage) -> dict[str, tuple[int, int]]:
    """Statements and covered statements of each package, those that nothing imported too."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file in sorted(PACKAGE.rglob("*.py")):
        _, statements, _, missing, _ = measured.analysis2(str(file))
        folder = file.relative_to(PACKAGE).parent.as_posix()
        counts = found["stitchgen" if folder == "." else f"stitchgen/{folder}"]
        counts[0] += len(statements)
        counts[1] += len(statements) - len(missing)
    return {name: (total, covered) for name, (total, covered) in found.items() if total}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--below", type=float, default=0.0, metavar="PERCENT")
    given = parser.parse_args()
    measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    file = measured.config.data_file
    if not Path(file).exists():
        parser.error(f"there is no {file}: python -m pytest --cov=stitchgen writes it")
    measured.load()
    rows = packages(measured)
    rows["all"] = tuple(map(sum, zip(*rows.values())))
    print(f"{'package':26} {'statements':>10} {'covered':>8} {'percent':>8}")
    for name, (total, covered) in rows.items():
        print(f"{name:26} {total:10,} {covered:8,} {100 * covered / total:8.1f}")
    return int(any(100 * covered / total < given.below for total, covered in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
