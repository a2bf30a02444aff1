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
import fnmatch
import json
import os
import random
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

import zoo_table  # noqa: E402
import zoo_tree  # noqa: E402
from zoo_corpus import CORPUS, Entry, Project  # noqa: E402

#: Strategies that may replace the one call they report.
_REPLACING = {"loop", "slice"}

#: Those that come to the same where they meet a Sequential's call; that the report does not say so
#: is a complaint. Everything else only inserts.
_MAY_REPLACE = _REPLACING | {"slot", "override"}


class Tool:
    """The command line under test."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        path = os.pathsep.join(filter(None, [str(options.tool), os.environ.get("PYTHONPATH")]))
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}

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
    choice, extra = first_choice(entry, layer), []
    proof = ["--no-prove"]
    if not options.no_prove:
        proof = [a for build in entry.builds for a in ("--build", build)]
        proof += [
            a for text in (entry.tool_input or entry.input).split(";") for a in ("--input", text)
        ]
    tried: list[str] = []
    record: dict[str, Any] = {}
    while True:
        arguments = ["add", choice[0], "--after", target, *choice[1:], *extra, *proof]
        began = time.monotonic()
        code, answer, errors = tool.run(project, *arguments)
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
        if error["code"] == "installed-package" and "--attach" not in extra:
            extra.append("--attach")
        elif error["code"] == "many-calls" and "@" not in target:
            target += "@all"
        elif error["code"] in ("layout-mismatch", "layout-ambiguous") and choice[0] != "swish":
            choice = ["swish", "--set", "trainable=True"]
        else:
            keys = ("code", "message", "where", "hint")
            return record | {"verdict": "refused"} | {k: error.get(k) for k in keys}
    return record | judged(project, before, originals, judge, tool, layer, answer, options)


def judged(project, before, originals, judge, tool, layer, answer, options) -> dict[str, Any]:
    splices = answer.get("splices") or []
    record: dict[str, Any] = {
        "strategy": "+".join(sorted({s.get("strategy", "?") for s in splices})),
        "channels": [s.get("channels") for s in splices],
        "warnings": [w.get("code") for w in answer.get("warnings", [])],
    }
    edited = zoo_tree.digest(project)
    created = [p for p in edited if p not in before and p.endswith(".py")]
    verdict = judge.ask(
        {
            "edited": str(project),
            "path": layer["path"],
            "created": created,
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
    elif lost and (strategies - _MAY_REPLACE or len(set(lost)) > len(splices)):
        record |= wrong("tokens", f"lost: {lost[:3]}")
    elif any("(" not in line for line in lost):
        record |= wrong("tokens", f"no call, and replaced: {lost[:3]}")
    else:
        record |= {"verdict": "right"}
        record["report"] = report_faults(answer, verdict, before, edited)
        if lost and strategies - _REPLACING:
            record["report"].append(f"strategy {record['strategy']}, yet replaced: {lost[0]}")
    if options.keep and record["verdict"] == "wrong":
        keep(project, Path(options.keep, project.name, layer["path"]))
    code, answer, errors = tool.run(project, "undo")
    left = zoo_tree.difference(before, zoo_tree.digest(project))
    if (code != 0 or left) and record["verdict"] == "right":
        record |= wrong(
            "undo", f"exit {code}: {left[:4]} {(answer or {}).get('error', errors[-300:])}"
        )
    return record


def keep(project: Path, folder: Path) -> None:
    """Before `undo` takes away what somebody will want to see."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder)


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
    chosen = random.Random(seed).sample(range(len(layers)), count)
    return [layers[i] for i in sorted(chosen)]


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
            layers = sample(judge.survey["layers"], options.layers, f"{options.seed}/{entry.name}")
            if options.paths:
                layers = [
                    layer
                    for layer in judge.survey["layers"]
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
    parser.add_argument("--group", default="*", help="torchvision, pytorchcv; default all")
    parser.add_argument("--layers", type=int, default=30, help="a seeded sample of so many a model")
    parser.add_argument("--paths", nargs="*", help="these layers (patterns) instead of a sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="copy no other files of the package")
    parser.add_argument(
        "--no-prove", action="store_true", help="the tool reads only; judged the same"
    )
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each command")
    parser.add_argument("--jobs", type=int, default=2, help="models at a time")
    parser.add_argument("--resume", action="store_true", help="keep results, do what is missing")
    parser.add_argument("--retry", action="store_true", help="resume, and redo what was not right")
    parser.add_argument("--show", action="store_true", help="print the tables, run nothing")
    parser.add_argument("--out", type=Path, default=Path("zoo.jsonl"), help="results, one a line")
    parser.add_argument("--tool", default=HERE.parent, help="the folder that holds stitchgen")
    parser.add_argument("--keep", help="keep the edited projects of wrong splices in this folder")
    parser.add_argument("--python", default=sys.executable, help="runs the tool and the judge")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
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
        with Progress() as progress:
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                runs = {pool.submit(model, e, options, results, progress): e for e in chosen}
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
