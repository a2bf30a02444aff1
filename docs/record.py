"""Record a command in a terminal as an animated picture: `python docs/record.py` makes docs/add.svg.

The command is run as it stands, in a pseudo-terminal, on the sample project of `stitchgen demo`. What it prints is played by a
terminal of the few codes that it uses, each state of the screen becomes a frame, and CSS shows one after the other: SVG
without scripts, so that it moves in a README, too. Waiting is shortened, and the seconds that are counted, and the last line,
how long it took, are left out: they tell of the machine that recorded.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE, OUTPUT = ROOT / "templates" / "sample", ROOT / "docs" / "add.svg"
COMMAND = "stitchgen add cbam --after model.layer2"
COLUMNS, ROWS = 88, 30
#: Seconds: the longest between two frames, the last frame, a letter that is typed.
LONGEST, LAST, LETTER = 0.7, 6.0, 0.045
WIDTH, HEIGHT, PAD = 8.4, 19.0, 16.0  # of a letter, of a line, around the screen

CODE = re.compile(r"\x1b\[([\d;]*)([A-Za-z])|\x1b[()][A-Z0-9]|([\r\n\b])|([^\x1b\r\n\b]+)")
SECONDS = re.compile(r" \(\d+ s\)|(?:\x1b\[2m)?took [\d.]+ s(?:\x1b\[0m)?\r?\n")
COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}

#: A letter with its colour, and whether it is bold or dim.
Style = tuple[int, bool, bool]
PLAIN: Style = (0, False, False)
Line = tuple[tuple[str, Style], ...]
Screen = tuple[Line, ...]


@dataclass(frozen=True)
class Frame:
    """A screen, and for how many seconds it is shown."""

    screen: Screen
    seconds: float


class Terminal:
    """The screen that a text with a few control codes leaves."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, Style]]] = [[]]
        self.column = 0
        self.style = PLAIN

    def feed(self, text: str) -> None:
        for parameters, final, control, plain in CODE.findall(text):
            if plain:
                self.write(plain)
            elif control == "\n":
                self.lines.append([])
            elif control == "\r":
                self.column = 0
            elif control == "\b":
                self.column = max(0, self.column - 1)
            elif final == "K":
                del self.lines[-1][self.column :]
            elif final == "m":
                self.colour([int(number or 0) for number in parameters.split(";")])

    def write(self, text: str) -> None:
        for letter in text:
            if self.column == COLUMNS:
                self.lines.append([])
                self.column = 0
            line = self.lines[-1]
            line += [(" ", PLAIN)] * (self.column - len(line))
            line[self.column : self.column + 1] = [(letter, self.style)]
            self.column += 1

    def colour(self, numbers: list[int]) -> None:
        for number in numbers:
            colour, bold, dim = self.style
            if number == 0:
                self.style = PLAIN
            elif number == 1:
                self.style = (colour, True, dim)
            elif number == 2:
                self.style = (colour, bold, True)
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.style = (number % 10 + 30, bold, dim)

    def screen(self) -> Screen:
        return tuple(tuple(line) for line in self.lines[-ROWS:])


def record(command: str, folder: Path) -> list[tuple[float, str]]:
    """What a command prints on a terminal, with the seconds since its start."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    arguments = [sys.executable, "-m", *command.split()]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    environment.pop("NO_COLOR", None)
    started = time.monotonic()
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    found = []
    while True:
        try:
            data = os.read(main, 1 << 16)
        except OSError:  # nobody has the terminal open any more
            break
        if not data:
            break
        text = SECONDS.sub("", data.decode("utf-8", "replace"))
        found.append((time.monotonic() - started, text))
    os.close(main)
    if process.wait() != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return found


def frames_of(command: str, printed: list[tuple[float, str]]) -> list[Frame]:
    """The prompt, the command as it is typed, and what follows."""
    terminal = Terminal()
    terminal.style = (32, True, False)
    terminal.feed("$ ")
    terminal.style = PLAIN
    frames = [Frame(terminal.screen(), 0.8)]
    for letter in command:
        terminal.feed(letter)
        frames.append(Frame(terminal.screen(), LETTER))
    terminal.feed("\r\n")
    frames[-1] = Frame(frames[-1].screen, 0.5)
    before, since, doing = 0.0, 0.0, ""
    for at, text in printed:
        # A progress line that only counts on has been seen.
        same = doing == (doing := text)
        since = since + at - before if same else 0.0
        if since < LONGEST:
            frames.append(Frame(terminal.screen(), min(LONGEST, at - before)))
        before = at
        terminal.feed(text)
    frames.append(Frame(terminal.screen(), LAST))
    return merged(frames)


def merged(frames: list[Frame]) -> list[Frame]:
    """Without frames that nobody would see, and equal ones as one."""
    found: list[Frame] = []
    for frame in frames:
        if found and (found[-1].screen == frame.screen or found[-1].seconds < 0.03):
            found[-1] = Frame(frame.screen, found[-1].seconds + frame.seconds)
        else:
            found.append(frame)
    return found


def picture(frames: list[Frame], title: str) -> str:
    """The frames below each other, of which a window shows one at a time."""
    rows = max(len(frame.screen) for frame in frames)
    width, height = COLUMNS * WIDTH + 2 * PAD, rows * HEIGHT + 2 * PAD + 12
    total = sum(frame.seconds for frame in frames)
    known: dict[Line, str] = {}
    for frame in frames:
        for line in frame.screen:
            if line:
                known.setdefault(line, f"l{len(known)}")
    steps, at = [], 0.0
    for number, frame in enumerate(frames):
        steps.append(f"{100 * at / total:.3f}%{{transform:translateY({-number * height:.0f}px)}}")
        at += frame.seconds
    style = (
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        "fill:#e6edf3;white-space:pre}.b{font-weight:700}.d{opacity:.62}"
        + "".join(f".c{number}{{fill:{value}}}" for number, value in COLOURS.items())
        + f"#f{{animation:play {total:.2f}s step-end infinite}}"
        + "@media (prefers-reduced-motion:reduce){#f{animation:none}}"
        + "@keyframes play{"
        + "".join(steps)
        + "}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        "<defs>",
        *(f'<g id="{name}">{spans(line)}</g>' for line, name in known.items()),
        "</defs>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#0d1117"/>',
        '<g fill="#30363d"><circle cx="18" cy="14" r="5"/><circle cx="34" cy="14" r="5"/><circle cx="50" cy="14" r="5"/></g>',
        # Where nothing moves, because the reader or the program does not want it, the end is seen.
        f'<g id="f" transform="translate(0 {-(len(frames) - 1) * height:.0f})">',
    ]
    for number, frame in enumerate(frames):
        parts.append(f'<g transform="translate({PAD:.0f} {number * height + PAD + 26:.0f})">')
        for row, line in enumerate(frame.screen):
            if line:
                parts.append(f'<use href="#{known[line]}" y="{row * HEIGHT:.0f}"/>')
        parts.append("</g>")
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def spans(line: Line) -> str:
    """A line as text, in stretches of one style."""
    found, start = "", 0
    while start < len(line):
        style = line[start][1]
        end = start
        while end < len(line) and line[end][1] == style:
            end += 1
        text = "".join(letter for letter, _ in line[start:end])
        if text.strip():
            colour, bold, dim = style
            names = [f"c{colour}"] * (colour in COLOURS) + ["b"] * bold + ["d"] * dim
            role = f' class="{" ".join(names)}"' if names else ""
            length = f' textLength="{len(text) * WIDTH:.1f}"' if len(text) > 1 else ""
            found += f'<text{role} x="{start * WIDTH:.1f}"{length} xml:space="preserve">{escape(text)}</text>'
        start = end
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        shutil.copytree(SAMPLE, folder)
        printed = record(COMMAND, folder)
        if len(sys.argv) > 1:
            Path(sys.argv[1]).write_text(repr(printed), "utf-8")
    OUTPUT.write_text(picture(frames_of(COMMAND, printed), COMMAND), "utf-8")


if __name__ == "__main__":
    main()
