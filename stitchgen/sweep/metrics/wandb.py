"""Metrics that W&B keeps offline: the records of `run-*.wandb`, which nothing but `wandb sync` turns into other files.

The file is a log of LevelDB's form: blocks of 32 kB with chunks of records. A record is a message of Protocol Buffers, of
which a history has items, each with a key and its value as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stitchgen.sweep.metrics.objects import columns
from stitchgen.sweep.metrics.series import Unreadable

MAGIC = b":W&B"
#: Before the first chunk, in the first block: the magic, two bytes more of it, and the version.
HEADER = 7
BLOCK = 32768
#: Before each chunk: its checksum, its length and its kind.
CHUNK = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

#: Numbers of fields, which never change in Protocol Buffers.
HISTORY, ITEM, KEY, NESTED_KEY, VALUE = 2, 1, 1, 2, 16
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5


def read(path: Path) -> dict[str, list[float]]:
    """The values of each key that was logged, in order."""
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise Unreadable("is no log of W&B")
    try:
        return columns([*map(_row, _histories(content))])
    except (IndexError, ValueError) as error:
        raise Unreadable("cannot be read: it is not as W&B writes it") from error


def _histories(content: bytes) -> Iterator[bytes]:
    for record in records(content):
        for number, value in fields(record):
            if number == HISTORY and isinstance(value, bytes):
                yield value


def _row(history: bytes) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for number, item in fields(history):
        if number != ITEM or not isinstance(item, bytes):
            continue
        keys, value = [], ""
        for part, text in fields(item):
            if part in (KEY, NESTED_KEY) and isinstance(text, bytes):
                keys.append(text.decode("utf-8", "replace"))
            elif part == VALUE and isinstance(text, bytes):
                value = text.decode("utf-8", "replace")
        row["/".join(key for key in keys if key)] = json.loads(value) if value else None
    return row


def records(content: bytes) -> Iterator[bytes]:
    """The records that are whole: a run that was killed leaves a part of its last one."""
    at, parts = HEADER, b""
    while at + CHUNK <= len(content):
        if BLOCK - at % BLOCK < CHUNK:  # too little for a chunk: filled with zeros
            at += BLOCK - at % BLOCK
            continue
        length = int.from_bytes(content[at + 4 : at + 6], "little")
        kind = content[at + 6]
        chunk = content[at + CHUNK : at + CHUNK + length]
        if len(chunk) < length:
            return
        at += CHUNK + length
        if kind in (FULL, FIRST):
            parts = b""
        parts += chunk
        if kind in (FULL, LAST):
            yield parts


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and the value of each field of a message, in Protocol Buffers' wire format."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
