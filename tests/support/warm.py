"""A Python that has imported torch already, for tests that start the observer many times.

Importing torch costs seconds, the work of one small case much less. `warm_python` gives the path of
a program that does what `sys.executable` does with the observer's script, in a process forked from
one that holds torch: each start is fresh and isolated. Where processes cannot be forked (anything
but Linux) it is `sys.executable` itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STAND_IN = '''\
#!{python} -IS
"""Hand the arguments, the folder, the environment and the streams to a process with torch."""
import json, os, signal, socket, sys

link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
order = {{"argv": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
data = json.dumps(order).encode()
socket.send_fds(link, [len(data).to_bytes(4, "big")], [0, 1, 2])
link.sendall(data)
status = int(link.recv(20) or b"1")
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
'''


@contextlib.contextmanager
def warm_python(folder: Path, *modules: str, python: str = sys.executable) -> Iterator[str]:
    """The path of the program; `folder` takes it, and the socket by which it works.

    It has imported further `modules` as well. `python` may be such a program itself: then only those are to
    be imported.
    """
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        yield sys.executable
        return
    program, address = folder / "python", str(folder / "socket")
    program.write_text(STAND_IN.format(python=sys.executable, address=address))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    server = subprocess.Popen(
        [python, str(Path(__file__)), address, *modules], stdout=subprocess.PIPE, cwd=folder
    )
    assert server.stdout is not None
    server.stdout.readline()  # it listens
    try:
        yield str(program)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def serve(address: str, *modules: str) -> None:
    import importlib

    for module in ("torch", *modules):
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # handlers are not waited for
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("listening", flush=True)
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            handle(link)
            os._exit(0)
        link.close()


def handle(link: socket.socket) -> None:
    """Run what was ordered; report how it ended, or end it when who ordered it is gone."""
    size, streams, _, _ = socket.recv_fds(link, 4, 3)
    data = b""
    while len(data) < int.from_bytes(size, "big"):
        data += link.recv(1 << 16)
    worker = os.fork()
    if worker == 0:
        link.close()
        run(data, streams)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(worker)
    select.select([ended, link], [], [])
    if not select.select([ended], [], [], 0)[0]:
        os.kill(worker, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    with contextlib.suppress(OSError):
        link.sendall(str(status).encode())


def run(data: bytes, streams: list[int]) -> None:
    import json
    import runpy
    import traceback

    order = json.loads(data)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.dont_write_bytecode = bool(order["environment"].get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = order["argv"]
    own = os.path.dirname(os.path.abspath(__file__))
    named = order["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [
        *(os.path.abspath(entry) for entry in named if entry),
        *(entry for entry in sys.path if entry != own),
    ]
    status = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(*sys.argv[1:])
