"""Keep the user's code from touching anything: no network, no new process, no written file.

Importing a model file or running a forward pass may do all of these by accident (a download of
weights, a log file, a data loader's workers). Audit hooks see them before they happen.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any, Set, Tuple, Union

NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"}
PROCESS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"}
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}
LISTS = {"os.listdir", "os.scandir"}
#: Where Ultralytics, and the repositories that came of its first, look for the folder of their settings.
SETTINGS = ("YOLO_CONFIG_DIR", "YOLOV5_CONFIG_DIR")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(PermissionError):
    """What the model tried to do; a PermissionError, since careful code expects those."""


def lead_settings_aside() -> None:
    """Let packages that keep settings in the user's home make them in the folder for temporary files."""
    folder = os.path.join(tempfile.gettempdir(), "stitchgen-ultralytics")
    for name in SETTINGS:
        os.environ.setdefault(name, folder)


#: The files that were opened to be read, and the folders that were listed, also where they are not there.
opened: Set[str] = set()
listed: Set[str] = set()


def raise_guard() -> None:
    """Forbid from here on, and note what is read; there is no way back, as audit hooks stay."""
    lead_settings_aside()
    writable = [os.path.realpath(tempfile.gettempdir()), os.path.realpath("/dev")]
    home = os.environ.get("HOME")
    if home:
        # Compilers and plotting libraries keep caches there, which harms nobody.
        writable.append(os.path.realpath(os.path.join(home, ".cache")))
    current = os.path.realpath(os.getcwd())

    def is_allowed(path: Union[int, str, bytes]) -> bool:
        if isinstance(path, int):
            return True
        real = os.path.realpath(os.fsdecode(path))
        inside = any(real == folder or real.startswith(folder + os.sep) for folder in writable)
        # A project may itself lie in the folder for temporary files.
        return inside and not real.startswith(current + os.sep)

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if event in NETWORK:
            raise Forbidden("the model tried to use the network, which is not allowed here")
        if event in PROCESS:
            raise Forbidden("the model tried to start a process, which is not allowed here")
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & WRITING) if isinstance(flags, int) else False
            if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
                writes = True
            if writes and not is_allowed(path):
                raise Forbidden("the model tried to write %s, which is not allowed here" % (path,))
            if not writes and not isinstance(path, int):
                opened.add(os.path.abspath(os.fsdecode(path)))
        elif event in LISTS and not isinstance(arguments[0], int):
            listed.add(os.path.abspath(os.fsdecode(arguments[0] or ".")))
        elif event in CHANGES and not is_allowed(arguments[0]):
            raise Forbidden(
                "the model tried to change %s, which is not allowed here" % arguments[0]
            )

    sys.addaudithook(hook)
