"""Files and tokens: the part of the zoo's judge that needs no torch.

Owns the digest of a project tree, and the comparison of an edited file with its original by
tokens and by logical lines. Standard library only; shares nothing with `stitchgen`.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tokenize
from difflib import SequenceMatcher
from pathlib import Path

#: Layout that an insertion is free to change: blank lines and depth of indentation.
_LAYOUT = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


def digest(root: Path) -> dict[str, str]:
    """Every entry below `root` with its kind, mode and content: what `undo` has to give back."""
    entries = {}
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if path.is_symlink():
                content = "link " + os.readlink(path)
            elif path.is_dir():
                content = "folder"
            else:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            entries[path.relative_to(root).as_posix()] = f"{stat.S_IMODE(mode):o} {content}"
    return entries


def edit(project: Path, before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What became of each file, by a hash of its content; the same for two equal edits."""
    return {
        path: hashlib.sha256((project / path).read_bytes()).hexdigest()[:16]
        for path in sorted(after)
        if before.get(path) != after[path] and (project / path).is_file()
    }


def difference(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The entries in which two digests differ, each with what became of it."""
    found = [f"{path} is gone" for path in before if path not in after]
    found += [f"{path} was left behind" for path in after if path not in before]
    found += [f"{path} differs" for path in before if path in after and before[path] != after[path]]
    return sorted(found)


def logical_lines(raw: bytes) -> list[tuple[str, ...]]:
    """The tokens of a file, comments included, one tuple for each logical line."""
    lines, line = [], []
    for token in tokenize.tokenize(io.BytesIO(raw).readline):
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.NEWLINE:
            lines.append(tuple(line))
            line = []
        else:
            line.append(token.string)
    if line:
        lines.append(tuple(line))
    return lines


def is_subsequence(needle, hay) -> bool:
    rest = iter(hay)
    return all(item in rest for item in needle)


def lines_lost(before: bytes, after: bytes) -> list[str]:
    """The logical lines of `before` whose tokens are not all, in order, in `after`.

    Empty for an edit that only inserts. Alignment is by equal lines, so that a lost line is
    named itself and does not drag those after it along.
    """
    old, new = logical_lines(before), logical_lines(after)
    if is_subsequence((t for line in old for t in line), (t for line in new for t in line)):
        return []
    lost = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal" or kind == "insert":
            continue
        at = j1
        for line in old[i1:i2]:
            for j in range(at, j2):
                if is_subsequence(line, new[j]):
                    at = j + 1
                    break
            else:
                lost.append(" ".join(line))
    # The alignment found a home for each line, yet the order of the whole is broken.
    return lost or ["(tokens are out of order)"]
