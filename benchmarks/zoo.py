"""The zoo: a block after layer upon layer of published models, each edit judged from outside.

    python benchmarks/zoo.py --models resnet densenet --layers 5
    python benchmarks/zoo.py --resume --jobs 2                  every model, 30 layers each
    python benchmarks/zoo.py --show                             the tables of the results so far

For each layer: copy the model's project, run `python -m stitchgen add` on it as a user would,
let the judge (`zoo_judge.py`, a process of its own) compare the edited model with the original,
run `undo`, and compare the whole tree. See `benchmarks/README.md`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import difflib
import fnmatch
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import zoo_table
import zoo_tree
from zoo_corpus import CORPUS, Entry, Project

#: Strategies that may replace the one call they report.
_REPLACING = {"loop", "slice"}

#: Those that come to the same where they meet a Sequential's call; that the report does not say so
#: is a complaint. Everything else only inserts.
_MAY_REPLACE = _REPLACING | {"slot", "override"}


#: With `--replace`: what may stand in for which layers, in the order in which it is tried.
REPLACING = {
    "Conv2d": (["ghost"], ["coordconv"]),
    "Dropout": (["dropblock", "--set", "block_size=3"],),
    **{
        name: (["swish", "--set", "trainable=True"],)
        for name in ("ReLU", "ReLU6", "Hardswish", "SiLU", "GELU", "Sigmoid")
    },
}

#: The owner's edits of `--edits`: what is put before each line that begins so, and at the end.
OWN_NOTES = (b"class ", b"    def forward(")
OWN_END = b"\n\ndef of_the_owner(x):\n    return x  # nobody else's\n"


class Tool:
    """The command line under test."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        path = os.pathsep.join(filter(None, [str(options.tool), os.environ.get("PYTHONPATH")]))
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "STITCHGEN_CACHE": ""}
        self.environment = {**os.environ, **own}

    def run(self, project: Path, *arguments: str) -> tuple[int | None, dict[str, Any] | None, str]:
        """Exit code (None: out of time), the JSON object (None: no such thing), and stderr."""
        command = [self.options.python, "-m", "stitchgen", *arguments, "--json"]
        try:
            done = subprocess.run(
                command,
                cwd=project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.options.timeout,
            )
        except subprocess.TimeoutExpired:
            return None, None, ""
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = None
        return done.returncode, answer if isinstance(answer, dict) else None, done.stderr


class JudgeProcess:
    """`zoo_judge.py` with the original of one model loaded."""

    def __init__(
        self, entry: Entry, original: Path, options: argparse.Namespace, log: Path
    ) -> None:
        self.log = log.open("ab")
        self.process = subprocess.Popen(
            [options.python, str(HERE / "zoo_judge.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.survey = self.ask(
            {
                "project": str(original),
                "module": "model",
                "builds": entry.builds,
                "others": entry.others,
                "spec": {"input": entry.input, "feed": entry.feed},
                "specs": {build: {"input": text} for build, text in entry.inputs.items()},
            }
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"ok": False, "message": f"died, see {self.log.name}"}

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def first_choice(entry: Entry, layer: dict[str, Any]) -> list[str]:
    """A block that fits what the layer returns, with its arguments."""
    shape = layer["shape"] or []
    if entry.block:
        return [entry.block]
    if layer["layout"] == "NLC" and shape[-1] > 1:
        heads = next(n for n in (8, 6, 4, 3, 2, 1) if shape[-1] % n == 0)
        return ["mhsa", "--set", f"num_heads={heads}"]
    if len(shape) in (4, 5) or layer["layout"] == "NCL":
        return ["cbam"]
    return ["swish", "--set", "trainable=True"]


def choices(entry: Entry, layer: dict[str, Any], options: argparse.Namespace) -> list[list[str]]:
    """The blocks to try, with their arguments, the next one where one does not fit."""
    if not options.replace:
        return [first_choice(entry, layer)]
    fitting = list(REPLACING[layer["class"]])
    random.Random(layer["path"]).shuffle(fitting)
    return fitting


def case(
    entry: Entry,
    original: Path,
    judge: JudgeProcess,
    tool: Tool,
    layer: dict[str, Any],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Splice after one layer, judge, undo: one line of the results."""
    keys = ("path", "class", "owner", "layout", "definition", "call", "result")
    record: dict[str, Any] = {"model": entry.name, "group": entry.group}
    record |= {k: layer[k] for k in keys}
    with tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
        project = Path(scratch, entry.name)
        shutil.copytree(original, project)
        try:
            record |= attempt(entry, project, judge, tool, layer, options)
        except Exception as error:  # a fault of the zoo, not of the tool: keep going, and say so
            record |= {"verdict": "failed", "why": "zoo", "message": repr(error)}
    return record


def attempt(entry, project, judge, tool, layer, options) -> dict[str, Any]:
    before = zoo_tree.digest(project)
    originals = {p: (project / p).read_bytes() for p in before if p.endswith(".py")}
    target = f"model.py::{judge.survey['class']}.{layer['path']}"
    blocks, extra = choices(entry, layer, options), []
    choice = blocks.pop(0)
    placement = "--replace" if options.replace else "--after"
    proof = [a for build in entry.builds for a in ("--build", build)]
    if options.no_prove:
        proof.append("--no-prove")
    else:
        proof += [
            a for text in (entry.tool_input or entry.input).split(";") for a in ("--input", text)
        ]
    interpreter = ["--python", options.interpreter] if options.interpreter else []
    tried: list[str] = []
    record: dict[str, Any] = {}
    while True:
        arguments = ["add", choice[0], placement, target, *choice[1:], *extra, *proof]
        began = time.monotonic()
        code, answer, errors = tool.run(project, *arguments, *interpreter)
        record |= {
            "block": choice[0],
            "command": "stitchgen " + " ".join(arguments),
            "tried": tried,
            "seconds": round(time.monotonic() - began, 2),
        }
        if code is None:
            return record | {"verdict": "refused", "code": "timeout", "message": "out of time"}
        if answer is None:
            return record | wrong("no-json", f"exit {code}: {errors.strip()[-600:]}")
        if answer.get("ok") is True:
            break
        error = answer.get("error") or {}
        changed = zoo_tree.difference(before, zoo_tree.digest(project))
        if changed:
            return record | wrong("refusal-wrote", f"{error.get('code')}: {changed[:3]}")
        if code == 0 or not error.get("code") or "Traceback" in errors:
            return record | wrong("refusal-form", f"exit {code}: {error} {errors[-300:]}")
        tried.append(error["code"])
        # What the refusal proposes is asked for explicitly, as its reader would.
        proposed = error["code"] == "installed-package" or "--attach" in (error.get("hint") or "")
        if proposed and "--attach" not in extra:
            extra.append("--attach")
        elif error["code"] == "many-calls" and "@" not in target:
            target += "@all"
        elif elements := [
            t for t in error.get("suggestions", ()) if "#" in t and "#" not in target
        ]:
            target = elements[0]
        elif options.replace and blocks and error["code"] == "bad-argument":
            choice = blocks.pop(0)
        elif (
            error["code"] in ("layout-mismatch", "layout-ambiguous", "many-calls")
            and choice[0] != "swish"
            and not options.replace
        ):
            choice = ["swish", "--set", "trainable=True"]
        else:
            keys = ("code", "message", "where", "hint")
            if error["code"] == "law-broken" and layer["result"] == "tensor":
                if judge.ask({"trains": layer["path"]})["verdict"] == "unread":
                    record["result"] = "unread"
            return record | {"verdict": "refused"} | {k: error.get(k) for k in keys}
    layer = {**layer, "element": target.partition("#")[2] or None}
    return record | judged(project, before, originals, judge, tool, layer, answer, options)


def judged(project, before, originals, judge, tool, layer, answer, options) -> dict[str, Any]:
    splices = answer.get("splices") or []
    record: dict[str, Any] = {
        "strategy": "+".join(sorted({s.get("strategy", "?") for s in splices})),
        "channels": [s.get("channels") for s in splices],
        "warnings": [w.get("code") for w in answer.get("warnings", [])],
    }
    edited = zoo_tree.digest(project)
    record["edit"] = zoo_tree.edit(project, before, edited)
    if options.unjudged:
        return record | {"verdict": "written"}
    created = [p for p in edited if p not in before and p.endswith(".py")]
    verdict = judge.ask(
        {
            "edited": str(project),
            "path": layer["path"],
            "element": layer["element"],
            "created": created,
            "placement": "replace" if options.replace else "after",
            "timeout": options.timeout,
        }
    )
    if verdict["verdict"] == "judge-failed":
        return record | {"verdict": "failed", "why": "judge", "message": verdict["message"]}
    record |= {k: verdict[k] for k in ("notes", "adapted") if k in verdict}
    record["judge_seconds"] = verdict["seconds"]
    lost = [line for p, raw in originals.items() for line in tokens_lost(project / p, raw)]
    strategies = set(record["strategy"].split("+"))
    if verdict["verdict"] == "wrong":
        record |= wrong(verdict["why"], verdict["message"])
    elif lost and (strategies - _MAY_REPLACE or not same_calls(lost, len(splices), layer["path"])):
        record |= wrong("tokens", f"lost: {lost[:3]}")
    elif any("(" not in line for line in lost):
        record |= wrong("tokens", f"no call, and replaced: {lost[:3]}")
    else:
        record |= {"verdict": "right"}
        record["report"] = report_faults(answer, verdict, before, edited)
        if lost and strategies - _REPLACING:
            record["report"].append(f"strategy {record['strategy']}, yet replaced: {lost[0]}")
        if options.replace and (faults := key_faults(answer, verdict)):
            record |= wrong("keys-reported", "; ".join(faults))
    if options.edits and record["verdict"] == "right":
        record["edits"] = "right"
        if left := undone_under_edits(project, before, originals, tool, options):
            record |= wrong("undo-after-edits", left) | {"edits": "wrong"}
    if options.keep and record["verdict"] == "wrong":
        keep(project, Path(options.keep, project.name, layer["path"]))
    code, answer, errors = tool.run(project, "undo")
    left = zoo_tree.difference(before, zoo_tree.digest(project))
    if (code != 0 or left) and record["verdict"] == "right":
        record |= wrong(
            "undo", f"exit {code}: {left[:4]} {(answer or {}).get('error', errors[-300:])}"
        )
    return record


def undone_under_edits(project, before, originals, tool, options) -> str | None:
    """What `undo` leaves else than the edits, in a copy that isort and its owner have edited since."""
    with tempfile.TemporaryDirectory(prefix="zoo-edits-") as scratch:
        spliced, plain = Path(scratch, "spliced"), Path(scratch, "plain")
        shutil.copytree(project, spliced, symlinks=True)
        for path, raw in originals.items():
            (plain / path).parent.mkdir(parents=True, exist_ok=True)
            (plain / path).write_bytes(raw)
        touched = [p for p, raw in originals.items() if (spliced / p).read_bytes() != raw]
        for folder in (spliced, plain):
            subprocess.run(
                [options.python, "-m", "isort", "--quiet", "--project", "blocks", *touched],
                cwd=folder,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            for path in touched:
                (folder / path).write_bytes(edited_by_owner((folder / path).read_bytes()))
        code, answer, errors = tool.run(spliced, "undo")
        if code != 0:
            return f"exit {code}: {(answer or {}).get('error', errors[-300:])}"
        left = [p for p in zoo_tree.digest(spliced) if p not in before and "__pycache__" not in p]
        if left:
            return f"left behind: {left[:4]}"
        for path in originals:
            wanted, got = ((f / path).read_text().splitlines() for f in (plain, spliced))
            if wanted != got:
                return f"{path}: " + " | ".join(list(difflib.unified_diff(wanted, got, n=1))[2:10])
    return None


def edited_by_owner(raw: bytes) -> bytes:
    """A comment before each class and each forward, and a function at the end."""
    lines = []
    for line in raw.splitlines(keepends=True):
        for start in OWN_NOTES:
            if line.startswith(start):
                indent = len(start) - len(start.lstrip())
                lines.append(b" " * indent + b"# the owner's note\n")
        lines.append(line)
    return b"".join(lines) + OWN_END


def key_faults(answer: dict[str, Any], verdict: dict[str, Any]) -> list[str]:
    """Where the keys that `--replace` reports are not those that the judge has found."""
    faults = []
    for how in ("lost", "reshaped", "added"):
        reported = {k if isinstance(k, str) else k["key"] for k in answer["keys"][how]}
        found = {k for names in verdict.get(f"keys_{how}", {}).values() for k in names}
        first = set(next(iter(verdict.get(f"keys_{how}", {}).values()), ()))
        if answer.get("proof") and not first <= reported <= found:
            faults.append(f"keys.{how}: {sorted(reported ^ first)[:3]}")
    return faults


def keep(project: Path, folder: Path) -> None:
    """Before `undo` takes away what somebody will want to see."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder)


def same_calls(lines: list[str], most: int, path: str) -> bool:
    """Whether a line a splice is lost, or one call of what is on the way to the layer is in them all.

    `return x + self.conv(x)` in one branch and `return self.conv(x)` in the other, say.
    """
    if len(set(lines)) <= most:
        return True
    calls = [set(re.findall(r"self(?: \. \w+)* \. (\w+) \(", line)) for line in lines]
    return bool(set(path.split(".")).intersection(*calls))


def tokens_lost(path: Path, before: bytes) -> list[str]:
    if not path.exists():
        return ["(the whole file)"]
    after = path.read_bytes()
    return [] if after == before else zoo_tree.lines_lost(before, after)


def report_faults(answer, verdict, before, edited) -> list[str]:
    """Where the tool's report says something else than what happened. No verdict, but a complaint."""
    faults = []
    changed = {p for p in {*before, *edited} if before.get(p) != edited.get(p)}
    changed = {p for p in changed if not edited.get(p, "").endswith("folder")}
    reported = {f.get("path") for f in answer.get("files", [])} | {"stitchgen.lock"}
    if changed - reported:
        faults.append(f"files: {sorted(changed - reported)} not reported")
    added = (answer.get("keys") or {}).get("added")
    truth = next(iter(verdict.get("keys_added", {}).values()), [])
    if added is not None and answer.get("proof") and set(added) != set(truth):
        faults.append(f"keys.added: {sorted(set(added) ^ set(truth))[:3]}")
    return faults


def wrong(why: str, message: str) -> dict[str, Any]:
    return {"verdict": "wrong", "why": why, "message": message}


# ---------------------------------------------------------------- the run


def sample(layers: list[dict[str, Any]], count: int, seed: str) -> list[dict[str, Any]]:
    if len(layers) <= count:
        return layers
    order = list(range(len(layers)))
    random.Random(seed).shuffle(order)
    return [layers[i] for i in sorted(order[:count])]


class Results:
    """The results, one JSON object a line, appended as they come: an interrupted run resumes."""

    def __init__(self, path: Path, resume: bool, retry: bool) -> None:
        self.path, self.lock = path, threading.Lock()
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        if resume:
            self.done = {
                (r["model"], r.get("path", "")): r
                for r in read(path)
                if r["verdict"] == "right" or not retry
            }
        else:
            path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, record: dict[str, Any]) -> None:
        with self.lock:
            self.done[record["model"], record.get("path", "")] = record
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The results; of a layer judged several times the last. A line cut short by a kill is passed over."""
    latest = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        latest[record["model"], record.get("path", "")] = record
    return list(latest.values())


def model(entry: Entry, options: argparse.Namespace, results: Results, progress) -> None:
    with tempfile.TemporaryDirectory(prefix="zoo-original-") as scratch:
        original = Path(scratch, entry.name)
        original.mkdir()
        Project(entry).write(original)
        log = options.out.with_suffix(".log")
        judge = JudgeProcess(entry, original, options, log)
        try:
            if not judge.survey.get("ok"):
                message = judge.survey.get("message", "")[-500:]
                results.add(
                    {"model": entry.name, "verdict": "failed", "why": "survey", "message": message}
                )
                return
            every = judge.survey["layers"]
            if options.replace:
                every = [layer for layer in every if layer["class"] in REPLACING]
            layers = sample(every, options.layers, f"{options.seed}/{entry.name}")
            if options.paths:
                layers = [
                    layer
                    for layer in every
                    if any(fnmatch.fnmatch(layer["path"], p) for p in options.paths)
                ]
            todo = [la for la in layers if (entry.name, la["path"]) not in results.done]
            progress.begin(entry.name, len(todo))
            for layer in todo:
                record = case(entry, original, judge, Tool(options), layer, options)
                results.add(record)
                progress.step(entry.name, record)
        finally:
            judge.close()


class Progress:
    """A bar where somebody looks, else a line for each layer."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        self.console = Console(stderr=True)
        self.bar = Bar(console=self.console) if self.console.is_terminal else None
        self.tasks: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()

    def begin(self, name: str, total: int) -> None:
        if self.bar:
            self.tasks[name] = self.bar.add_task(name, total=total)

    def step(self, name: str, record: dict[str, Any]) -> None:
        if self.bar:
            self.bar.advance(self.tasks[name])
        what = record.get("code") or record.get("why") or record.get("strategy")
        line = (
            f"{record['verdict']:8}{name} {record['path']}: {what} ({record.get('seconds', 0)} s)"
        )
        if not self.bar or record["verdict"] in ("wrong", "failed"):
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="*", default=["*"], help="names or patterns; default all")
    parser.add_argument(
        "--group", default="*", help="torchvision, pytorchcv, installed; default all"
    )
    parser.add_argument("--layers", type=int, default=30, help="a seeded sample of so many a model")
    parser.add_argument("--paths", nargs="*", help="these layers (patterns) instead of a sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="copy no other files of the package")
    parser.add_argument(
        "--no-prove", action="store_true", help="the tool reads only; judged the same"
    )
    parser.add_argument(
        "--replace", action="store_true", help="put a block in the place of layers it can stand for"
    )
    parser.add_argument(
        "--edits", action="store_true", help="undo as well after isort and edits of the owner"
    )
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each command")
    parser.add_argument("--jobs", type=int, default=2, help="models at a time")
    parser.add_argument("--resume", action="store_true", help="keep results, do what is missing")
    parser.add_argument("--retry", action="store_true", help="resume, and redo what was not right")
    parser.add_argument("--show", action="store_true", help="print the tables, run nothing")
    parser.add_argument(
        "--unjudged", action="store_true", help="note the edits alone, to compare two versions"
    )
    parser.add_argument(
        "--compare", type=Path, metavar="OTHER", help="are these results OTHER's, edit for edit?"
    )
    parser.add_argument("--out", type=Path, default=Path("zoo.jsonl"), help="results, one a line")
    parser.add_argument("--tool", default=HERE.parent, help="the folder that holds stitchgen")
    parser.add_argument("--interpreter", help="passed to the tool as --python")
    parser.add_argument("--keep", help="keep the edited projects of wrong splices in this folder")
    parser.add_argument("--python", default=sys.executable, help="runs the tool and the judge")
    return parser.parse_args(arguments)


#: Of a result, what two versions of the tool that behave alike have in common.
BEHAVIOUR = (
    "edit",
    "strategy",
    "channels",
    "warnings",
    "code",
    "message",
    "where",
    "hint",
    "tried",
)


def compare(results: list[dict[str, Any]], others: list[dict[str, Any]]) -> int:
    """Print the layers that two runs have treated in different ways; 1 where there are any."""
    mine = {(r["model"], r["path"]): r for r in results if "path" in r}
    theirs = {(r["model"], r["path"]): r for r in others if "path" in r}
    both = [key for key in mine if key in theirs]
    different = 0
    for key in both:
        one, other = mine[key], theirs[key]
        unlike = [name for name in BEHAVIOUR if one.get(name) != other.get(name)]
        different += bool(unlike)
        for name in unlike:
            print(f"{' '.join(key)} {name}: {one.get(name)!r}, and there {other.get(name)!r}")
    written = sum("edit" in mine[key] for key in both)
    alone = len(mine) + len(theirs) - 2 * len(both)
    print(f"{len(both)} layers in both, {written} edited: {different} differ; {alone} in one alone")
    return 1 if different or alone else 0


def main() -> int:
    options = parse()
    if options.compare:
        return compare(read(options.out), read(options.compare))
    chosen = [
        entry
        for entry in CORPUS
        if fnmatch.fnmatch(entry.group, options.group)
        and any(fnmatch.fnmatch(entry.name, pattern) for pattern in options.models)
    ]
    if options.alone:
        chosen = [dataclasses.replace(entry, vendor=()) for entry in chosen]
    if not chosen:
        print("no such model; there are: " + " ".join(e.name for e in CORPUS), file=sys.stderr)
        return 2
    if not options.show:
        results = Results(options.out, options.resume or options.retry, options.retry)
        with Progress() as progress, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            runs = [pool.submit(model, e, options, results, progress) for e in chosen]
            for run in concurrent.futures.as_completed(runs):
                run.result()
    names = {entry.name for entry in chosen}
    records = [r for r in read(options.out) if r["model"] in names]
    zoo_table.show(records)
    options.out.with_suffix(".json").write_text(
        json.dumps(zoo_table.summary(records), indent=1) + "\n"
    )
    return 1 if any(r["verdict"] in ("wrong", "failed") for r in records) else 0


if __name__ == "__main__":
    sys.exit(main())
