"""The stitching methods on real models: every method x fusion x reduction x gate, judged from outside.

    python benchmarks/methods.py --models resnet50 --sample 6      a first look
    python benchmarks/methods.py --resume --jobs 2                 every combination
    python benchmarks/methods.py --show                            the tables of the results so far
    python benchmarks/methods.py --unet                            Attention U-Net by four commands
    python benchmarks/methods.py --article                         two scales into one, and its shapes

For each combination: copy the model's project, run `python -m stitchgen` on it as a user would, let
`methods_judge.py` (a process of its own) hold the copy against the method's formula, run `undo`, and
compare the whole tree. See `benchmarks/README.md`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import zoo_tree
from methods_table import MODELS, Combination, Model, combinations
from zoo import Progress, Results, Tool, keep, read, wrong
from zoo_corpus import Entry, Project

#: What must be right of the combinations that make sense.
WANTED = 0.95


class Judge:
    """`methods_judge.py` with the original of one model loaded."""

    def __init__(self, entry: Entry, original: Path, options: argparse.Namespace) -> None:
        self.log = options.out.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [options.python, str(HERE / "methods_judge.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.answer = self.ask(
            {"project": str(original), "build": entry.builds[0], "input": entry.input}
        )
        if not self.answer.get("ok"):
            raise RuntimeError(f"{entry.name}: {self.answer.get('message')}")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            message = f"died, see {self.log.name}"
            return {"ok": False, "verdict": "judge-failed", "message": message}
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


# ---------------------------------------------------------------- one combination


def spliced(
    entry: Entry, tool: Tool, project: Path, arguments: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Run the command: its record, and the tool's answer where it has edited the project."""
    before = zoo_tree.digest(project)
    command = [*arguments, "--build", entry.builds[0], "--input", entry.input]
    if tool.options.interpreter:
        command += ["--python", tool.options.interpreter]
    began = time.monotonic()
    code, answer, errors = tool.run(project, *command)
    record: dict[str, Any] = {
        "command": "stitchgen " + " ".join(arguments),
        "seconds": round(time.monotonic() - began, 2),
    }
    if code is None:
        message = "out of time"
        return record | {"verdict": "refused", "code": "timeout", "message": message}, None
    if answer is None or "Traceback" in errors:
        return record | wrong("no-json", f"exit {code}: {errors.strip()[-600:]}"), None
    if answer.get("ok") is True and code == 0:
        return record, answer
    error = answer.get("error") or {}
    changed = zoo_tree.difference(before, zoo_tree.digest(project))
    if changed:
        return record | wrong("refusal-wrote", f"{error.get('code')}: {changed[:3]}"), None
    if code != 1 or not error.get("code"):
        return record | wrong("refusal-form", f"exit {code}: {error}"), None
    keys = ("code", "message", "where", "hint")
    return record | {"verdict": "refused"} | {key: error.get(key) for key in keys}, None


def judged(judge: Judge, project: Path, before: dict, joins: list, limit: float) -> dict[str, Any]:
    """What the judge makes of the edited project."""
    created = [p for p in zoo_tree.digest(project) if p not in before and p.endswith(".py")]
    verdict = judge.ask(
        {"edited": str(project), "created": created, "joins": joins, "timeout": limit}
    )
    if verdict["verdict"] == "judge-failed":
        return {"verdict": "failed", "why": "judge", "message": verdict["message"]}
    return {key: verdict[key] for key in ("verdict", "why", "message", "notes") if key in verdict}


def undone(tool: Tool, project: Path, before: dict[str, str]) -> str | None:
    """Undo the last run; what is then else than before."""
    code, answer, errors = tool.run(project, "undo")
    left = zoo_tree.difference(before, zoo_tree.digest(project))
    if code == 0 and not left:
        return None
    return f"exit {code}: {left[:4]} {(answer or {}).get('error', errors[-300:])}"


def case(
    model: Model, one: Combination, original: Path, judge: Judge, options: argparse.Namespace
) -> dict[str, Any]:
    """Splice, judge, undo: one line of the results."""
    record: dict[str, Any] = {"model": model.name, "path": one.name, "group": one.group}
    tool = Tool(options)
    with tempfile.TemporaryDirectory(prefix="methods-") as scratch:
        project = Path(scratch, model.name)
        shutil.copytree(original, project)
        before = zoo_tree.digest(project)
        try:
            run, answer = spliced(model.entry, tool, project, one.arguments)
            record |= run
            if answer is None:
                return record
            record["strategy"] = "+".join(sorted({s["strategy"] for s in answer["splices"]}))
            record |= judged(judge, project, before, [one.join], options.timeout)
            if options.keep and record["verdict"] == "wrong":
                keep(project, Path(options.keep, model.name, one.name.replace(" ", "-")))
            if (left := undone(tool, project, before)) and record["verdict"] == "right":
                record |= wrong("undo", left)
        except Exception as error:  # a fault of the benchmark: keep going, and say so
            record |= {"verdict": "failed", "why": "benchmark", "message": repr(error)}
    return record


def chosen(model: Model, options: argparse.Namespace) -> list[Combination]:
    """The combinations to be tried: all, those named, or a seeded sample that grows with its size."""
    every = list(combinations(model))
    if options.only:
        return [one for one in every if any(fnmatch.fnmatch(one.name, p) for p in options.only)]
    if options.sample and options.sample < len(every):
        random.Random(f"{options.seed}/{model.name}").shuffle(every)
        every = every[: options.sample]
    return every


def run_model(model: Model, options: argparse.Namespace, results: Results, progress) -> None:
    todo = [one for one in chosen(model, options) if (model.name, one.name) not in results.done]
    progress.begin(model.name, len(todo))
    if not todo:
        return
    with copied(model.entry) as original:
        judge = Judge(model.entry, original, options)
        try:
            for one in todo:
                record = case(model, one, original, judge, options)
                results.add(record)
                progress.step(model.name, record)
        finally:
            judge.close()


class copied:
    """The project of a user who has copied the model's file, in a folder of its own."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.scratch = tempfile.TemporaryDirectory(prefix="methods-original-")

    def __enter__(self) -> Path:
        original = Path(self.scratch.name, self.entry.name)
        original.mkdir()
        Project(self.entry).write(original)
        return original

    def __exit__(self, *_: object) -> None:
        self.scratch.cleanup()


# ---------------------------------------------------------------- the tables


def tables(records: list[dict[str, Any]], models: list[Model]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=max(100, Console().width))
    found = {(r["model"], r["path"]): r for r in records}
    names = list(dict.fromkeys(one.name for model in models for one in combinations(model)))
    grid = Table(title="every combination", title_justify="left")
    grid.add_column("", no_wrap=True)
    for model in models:
        grid.add_column(model.name)
    group = ""
    for name in sorted(names, key=lambda name: name.split()[0]):
        if group and name.split()[0] != group:
            grid.add_section()
        group = name.split()[0]
        grid.add_row(name, *(cell(found.get((model.name, name)), name, model) for model in models))
    console.print(grid)

    table = Table(title="by model", title_justify="left")
    for column in ("model", "make sense", "tried", "right", "refused", "wrong", "failed", "share"):
        table.add_column(column, justify="left" if column == "model" else "right")
    total: Counter = Counter()
    for model in models:
        row = Counter(r["verdict"] for r in records if r["model"] == model.name)
        row["tried"] = sum(row.values())
        row["sense"] = len(list(combinations(model)))
        total.update(row)
        table.add_row(model.name, *figures(row))
    table.add_section()
    table.add_row("all", *figures(total))
    console.print(table)

    messages = Table(title="refused, wrong and failed", title_justify="left", show_lines=True)
    for column in ("verdict", "why", "count", "for example", "message"):
        messages.add_column(column, overflow="fold")
    for rows in by_reason(records):
        first = rows[0]
        hint = f" ({first['hint']})" if first.get("hint") else ""
        messages.add_row(
            first["verdict"],
            reason(first),
            str(len(rows)),
            f"{first['model']} {first['path']}",
            f"{first.get('message')}{hint}",
        )
    if messages.row_count:
        console.print(messages)

    senseless = Table(title="makes no sense, and is not counted", title_justify="left")
    for column in ("method", "models", "since"):
        senseless.add_column(column)
    why: dict[tuple[str, str], list[str]] = {}
    for model in models:
        for method, text in model.senseless.items():
            why.setdefault((method, text), []).append(model.name)
    for (method, text), where in why.items():
        senseless.add_row(method, "all" if len(where) == len(MODELS) else ", ".join(where), text)
    console.print(senseless)


def cell(record: dict[str, Any] | None, name: str, model: Model) -> str:
    if record is not None:
        return "right" if record["verdict"] == "right" else f"{record['verdict']}: {reason(record)}"
    return "" if any(name == one.name for one in combinations(model)) else "-"


def figures(row: Counter) -> list[str]:
    share = f"{100 * row['right'] / row['tried']:.1f} %" if row["tried"] else "-"
    verdicts = [str(row[v] or "") for v in ("right", "refused", "wrong", "failed")]
    return [str(row["sense"]), str(row["tried"]), *verdicts, share]


def reason(record: dict[str, Any]) -> str:
    return str(record.get("code") or record.get("why"))


def by_reason(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    found: dict[tuple, list[dict[str, Any]]] = {}
    for record in records:
        if record["verdict"] != "right":
            key = (record["verdict"], reason(record), record["model"], record["group"])
            found.setdefault(key, []).append(record)
    return sorted(found.values(), key=lambda rows: (rows[0]["verdict"], -len(rows)))


# ---------------------------------------------------------------- the two examples


#: Attention U-Net: the encoder's stage, the map that gates it, the up block that reads it.
SKIPS = (
    ("down3", "down4", "up1"),
    ("down2", "up1", "up2"),
    ("down1", "up2", "up3"),
    ("inc", "up3", "up4"),
)


def attention_unet(options: argparse.Namespace) -> bool:
    """A plain U-Net becomes Attention U-Net by four commands, each judged, and a U-Net by four."""
    [model] = [model for model in MODELS if model.name == "unet"]
    tool, joins, trees, right = Tool(options), [], [], True
    with copied(model.entry) as original, tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "unet")
        shutil.copytree(original, project)
        judge = Judge(model.entry, original, options)
        for encoder, gating, reader in SKIPS:
            trees.append(zoo_tree.digest(project))
            place = "model.py::UNet."
            arguments = ("add", "attention-gate", "--after", place + encoder)
            arguments += ("--with", place + gating, "--into", place + reader)
            record, answer = spliced(model.entry, tool, project, arguments)
            joins.append(
                {
                    "target": encoder,
                    "placement": "after",
                    "others": [gating],
                    "into": reader,
                    "takes": "maps",
                    "fuse": None,
                    "reduce": None,
                    "gate": False,
                    "layout": "NCHW",
                }
            )
            if answer is not None:
                record |= judged(judge, project, trees[0], joins, options.timeout)
                laws = ", ".join((answer.get("proof") or {}).get("laws", []))
                record["proven"] = laws or "not proven"
            right &= record["verdict"] == "right" and record["proven"] != "not proven"
            print(f"{record['command']}\n  {record['verdict']}; proven: {record.get('proven')}")
            if record["verdict"] != "right":
                print(f"  {reason(record)}: {record.get('message')}")
                judge.close()
                return False
        judge.close()
        print(forward_of((project / "model.py").read_text(), "UNet"))
        for tree in reversed(trees):
            left = undone(tool, project, tree)
            print(f"stitchgen undo: {left or 'every byte as before'}")
            right &= left is None
    return right


def forward_of(source: str, name: str) -> str:
    """The class's forward, as it stands in the file."""
    start = source.index("    def forward", source.index(f"class {name}("))
    return source[start:].rstrip()


#: Run in the edited project: the shapes of what goes in and comes out, call by call.
SHAPES = """
import torch, model
net = model.TwoScales().eval()
def recorded(module, args, output, name):
    print(f"  {name:12}{list(args[0].shape)} -> {list(output.shape)}")
for name, module in net.named_children():
    module.register_forward_hook(lambda m, a, o, name=name: recorded(m, a, o, name))
with torch.no_grad():
    net(torch.randn(1, 3, 512, 512))
"""


def article(options: argparse.Namespace) -> bool:
    """128 channels at 512x512 and 128 at 256x256, upsampled, concatenated, reduced to 128."""
    entry = Entry("two_scales", "specimens.two_scales", ("TwoScales()",), input="1x3x512x512")
    tool, right = Tool(options), True
    for reduce in ("conv", "linear"):
        with copied(entry) as original, tempfile.TemporaryDirectory() as scratch:
            project = Path(scratch, entry.name)
            shutil.copytree(original, project)
            before = zoo_tree.digest(project)
            place = "model.py::TwoScales."
            arguments = ("fuse", place + "coarse", place + "fine", "--fuse", "concat")
            record, answer = spliced(entry, tool, project, (*arguments, "--reduce", reduce))
            join = {
                "target": "fine",
                "features": ["coarse", "fine"],
                "others": ["coarse"],
                "resize": "bilinear",
                "placement": "after",
                "fuse": "concat",
                "reduce": reduce,
                "gate": False,
                "layout": "NCHW",
            }
            if answer is not None:
                judge = Judge(entry, original, options)
                record |= judged(judge, project, before, [join], options.timeout)
                judge.close()
            print(f"{record['command']}\n  {record['verdict']}")
            if answer is None or record["verdict"] != "right":
                print(f"  {reason(record)}: {record.get('message')}")
                right = False
                continue
            source = (project / "model.py").read_text()
            print(source[source.index("class ") :].rstrip())
            run = [options.python, "-c", SHAPES]
            shapes = subprocess.run(run, cwd=project, capture_output=True, text=True)
            print(shapes.stdout + shapes.stderr)
            wanted = "[1, 512, 512, 256] -> [1, 512, 512, 128]"
            if reduce == "conv":
                wanted = "[1, 256, 512, 512] -> [1, 128, 512, 512]"
            right &= wanted in shapes.stdout
            shutil.rmtree(project / "__pycache__", ignore_errors=True)
            right &= undone(tool, project, before) is None
    return right


# ---------------------------------------------------------------- the run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="*", default=["*"], help="names or patterns; default all")
    parser.add_argument("--only", nargs="*", help="the combinations with these names (patterns)")
    parser.add_argument("--sample", type=int, help="so many combinations a model; default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=600, help="seconds for each command")
    parser.add_argument("--jobs", type=int, default=1, help="models at a time")
    parser.add_argument("--resume", action="store_true", help="keep results, do what is missing")
    parser.add_argument("--retry", action="store_true", help="resume, and redo what was not right")
    parser.add_argument("--show", action="store_true", help="print the tables, run nothing")
    parser.add_argument("--unet", action="store_true", help="Attention U-Net from a U-Net")
    parser.add_argument("--article", action="store_true", help="two scales into one, with shapes")
    parser.add_argument(
        "--out", type=Path, default=Path("methods.jsonl"), help="results, one a line"
    )
    parser.add_argument("--tool", default=HERE.parent, help="the folder that holds stitchgen")
    parser.add_argument("--interpreter", help="passed to the tool as --python")
    parser.add_argument("--keep", help="keep the edited projects of wrong splices in this folder")
    parser.add_argument("--python", default=sys.executable, help="runs the tool and the judge")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    if options.unet or options.article:
        right = attention_unet(options) if options.unet else True
        right &= article(options) if options.article else True
        return 0 if right else 1
    models = [m for m in MODELS if any(fnmatch.fnmatch(m.name, p) for p in options.models)]
    if not models:
        print("no such model; there are: " + " ".join(m.name for m in MODELS), file=sys.stderr)
        return 2
    if not options.show:
        results = Results(options.out, options.resume or options.retry, options.retry)
        with Progress() as progress, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            runs = [pool.submit(run_model, m, options, results, progress) for m in models]
            for run in concurrent.futures.as_completed(runs):
                run.result()
    names = {model.name for model in models}
    records = [r for r in read(options.out) if r["model"] in names]
    tables(records, models)
    right = sum(r["verdict"] == "right" for r in records)
    bad = any(r["verdict"] in ("wrong", "failed") for r in records)
    return 1 if bad or right < WANTED * len(records) else 0


if __name__ == "__main__":
    sys.exit(main())
