"""Metrics that MLflow keeps: in a database of SQLite, or in files below `mlruns/`."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from stitchgen.sweep.metrics.series import Unreadable, number

QUERY = "SELECT key, value, is_nan FROM metrics ORDER BY timestamp, step, rowid"


def read_database(path: Path) -> dict[str, list[float]]:
    """The values of each key in the order of logging; nothing where it is another program's database."""
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute(QUERY).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error) or "no such column" in str(error):
            return {}
        raise Unreadable(f"cannot be read: {error}") from error
    except sqlite3.DatabaseError:
        return {}  # no database of SQLite
    found: dict[str, list[float]] = {}
    for key, value, is_nan in rows:
        if value is not None:
            found.setdefault(key, []).append(math.nan if is_nan else float(value))
    return found


def is_of_file_store(path: PurePosixPath) -> bool:
    """`mlruns/<experiment>/<run>/metrics/<key>`, where a key may have slashes."""
    parts = path.parts
    return "mlruns" in parts and "metrics" in parts[parts.index("mlruns") + 3 :][:1]


def read_file(path: Path) -> dict[str, list[float]]:
    """Lines of time, value and step."""
    key = "/".join(path.parts[_place_of_metrics(path) + 1 :])
    values = [
        number(words[1])
        for line in path.read_text("utf-8").splitlines()
        if (words := line.split())[1:]
    ]
    return {key: [value for value in values if value is not None]}


def _place_of_metrics(path: Path) -> int:
    start = len(path.parts) - 1 - path.parts[::-1].index("mlruns")
    return path.parts.index("metrics", start)
