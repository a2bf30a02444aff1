"""The backend that runs the model: the observer, a process of the user's own Python.

Requests and answers are JSON lines (`observer.protocol`). Nothing that the model does (crash, hang, print,
sys.exit) can harm the command.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stitchgen.analysis import answers, progress
from stitchgen.analysis.backend import (
    TOO_LARGE,
    BrokenCheck,
    EditedConfiguration,
    Evaluation,
    Method,
    NotComparable,
    OtherArguments,
    Passages,
    Proposal,
    ProvenConfiguration,
    ProvenEdit,
    Questions,
    Trial,
    TriedImport,
)
from stitchgen.analysis.flow import Flow, flow_of
from stitchgen.analysis.installed import Place, places_of
from stitchgen.analysis.kept_answers import KeptAnswers
from stitchgen.analysis.layer_facts import Failure
from stitchgen.analysis.subject import Subject, missing_package
from stitchgen.analysis.survey import Survey
from stitchgen.analysis.variants import Variant
from stitchgen.errors import InternalError, StitchError
from stitchgen.observer.protocol import time_limit
from stitchgen.project.model_functions import ModelFunction
from stitchgen.project.ways_in import WayIn

SCRIPT = Path(__file__).parent.parent / "observer" / "__main__.py"
#: The signal by which a system ends a process when its memory is full: SIGKILL, which Windows lacks.
KILLED = 9
#: Seconds of one turn of waiting.
TURN = 0.2
#: How a line begins that says what the observer is doing.
DOING = '{"doing": '
#: Where to append every request, a line each, to run the observer on them by hand (CONTRIBUTING.md).
RECORD = "STITCHGEN_RECORD"


class Observer:
    """A running observer. Use as a context manager; the process ends with it."""

    def __init__(self, python: str, subject: Subject):
        self.python = python
        self.subject = subject
        self.limit = time_limit()
        self.answers: queue.Queue[str | None] = queue.Queue()
        self.errors: list[str] = []
        self.doing = "importing torch"
        self.owes = False  # an answer, where nobody waited for it to the end
        self.began = time.time()
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
        environment.setdefault("CUDA_VISIBLE_DEVICES", "")
        # Threads that have nothing to do sleep, instead of taking time from others.
        environment.setdefault("OMP_WAIT_POLICY", "passive")
        try:
            self.process = subprocess.Popen(
                [python, str(SCRIPT), "--attached"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=existing(subject.file.parent),
                env=environment,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise StitchError(
                "bad-argument",
                f"the Python {python} cannot be started: {error.strerror or error}",
                hint="Pass --python PATH, or set python in [tool.stitchgen].",
            ) from error
        for stream, take in (
            (self.process.stdout, self.answers.put),
            (self.process.stderr, self.errors.append),
        ):
            threading.Thread(target=self.pump, args=(stream, take), daemon=True).start()

    def pump(self, stream: Any, take: Any) -> None:
        for line in stream:
            take(line)
        if stream is self.process.stdout:
            self.answers.put(None)

    def __enter__(self) -> Observer:
        try:
            self.about = self.answer()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ask(self, operation: str, **fields: Any) -> Any:
        """One request; raises StitchError with the model's own failure."""
        request = json.dumps({"op": operation, **self.subject.as_request(), **fields}) + "\n"
        if RECORD in os.environ:
            with open(os.environ[RECORD], "a", encoding="utf-8") as record:
                record.write(request)
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(request)
            self.process.stdin.flush()
        except OSError:
            pass  # the process is gone; answer() says how
        return self.answer()

    def answer(self) -> Any:
        self.owes = True
        line = self.line()
        if line is None:
            status = self.process.wait()
            last = "".join(self.errors[-5:]).strip()
            reason = f"by signal {-status}" if status < 0 else f"with status {status}"
            if status == -KILLED:
                raise StitchError(
                    "too-large",
                    f"the Python that runs the model was killed while it was {self.doing}: most likely the "
                    "memory was full",
                    hint=TOO_LARGE,
                )
            raise StitchError(
                "does-not-run",
                f"the Python that runs the model ended {reason}" + (f": {last}" if last else ""),
                hint=f"It was {self.python}; pass another one with --python.",
            )
        self.owes = False
        answer = json.loads(self.named(line))
        if answer.pop("ok"):
            return answer
        raise self.refusal(answer["error"])

    def line(self) -> str | None:
        """The next answer, None where the process has ended; what it is doing is shown meanwhile."""
        until = time.monotonic() + self.limit
        progress.show(self.doing)
        try:
            while True:
                try:
                    # In short turns, since a wait without end cannot be interrupted everywhere.
                    line = self.answers.get(timeout=TURN)
                except queue.Empty:
                    if time.monotonic() < until:
                        continue
                    raise StitchError(
                        "does-not-run",
                        f"{self.doing} took more than {self.limit:.0f} seconds",
                        hint="Pass a smaller configuration with --build or a smaller --input, set "
                        "STITCHGEN_TIMEOUT to more seconds, or pass --no-prove.",
                    ) from None
                if line is None or not line.startswith(DOING):
                    return line
                self.doing = json.loads(line)["doing"]
                progress.show(self.doing)
        finally:
            progress.show(None)

    def named(self, answer: str) -> str:
        """An answer that calls the model file by the name it was given, where that is a link."""
        real = os.path.realpath(self.subject.file)
        if real == str(self.subject.file):
            return answer
        name = json.dumps(str(self.subject.file))[1:-1]
        return re.sub(re.escape(json.dumps(real)[1:-1]) + '(?=[":])', lambda _: name, answer)

    def refusal(self, error: dict[str, Any]) -> StitchError:
        code, message, where = error["code"], error["message"], error.get("where")
        if code == "internal":
            return InternalError(message.strip().splitlines()[-1], details={"traceback": message})
        hints = {
            "no-torch": f"{self.python} has no torch. Pass --python PATH of the environment that "
            "runs your model, or set python in [tool.stitchgen].",
            "blocks-in-the-way": "Name another folder in pyproject.toml: [tool.stitchgen] "
            'blocks = "stitched_blocks"; or make the folder a package with an __init__.py.',
            "too-old": "stitchgen runs models with Python 3.8 or newer and torch 1.13 or newer.",
            "too-large": TOO_LARGE,
            "does-not-build": "Pass the construction to use, for example --build 'Net(3, 10)'.",
            "does-not-run": "Pass the input that the model takes, for example "
            "--input 1x3x224x224 (repeat it for several inputs, :int64 for a dtype).",
        }
        hint = missing_package(message, self.python) or self.faulty_import(error) or hints.get(code)
        return StitchError(code, message, where=where, hint=hint)

    def faulty_import(self, error: dict[str, Any]) -> str | None:
        """What to do where the import itself fails, so that no construction helps."""
        if not error.get("importing"):
            return None
        if "missing_file" in error:
            return (
                f"That line opens {error['missing_file']} when its file is imported: put it there."
            )
        if "package" in error:
            return (
                f"That line needs the package {error['package']}, which fails with {self.python}. Pass --python PATH "
                f"of the environment that runs your model, or install a version of {error['package']} that fits."
            )
        return "The file has to be importable; no --build helps. Mend that line, or what it needs."


#: What the process says of itself when it begins, as a question.
GREETING = {"op": "greeting"}
#: What is asked about the files as they are, and changes nothing.
QUESTIONS = {"survey", "evaluate"}


class SharedObserver(Observer):
    """One process for many requests about files that stay as they are: what was asked before is not asked again."""

    def __init__(self, python: str, subject: Subject):
        super().__init__(python, subject)
        self.answered: dict[str, Any] = {}

    def ask(self, operation: str, **fields: Any) -> Any:
        if operation == "prove":
            return super().ask(operation, keep=True, **fields)
        if operation not in QUESTIONS:
            return super().ask(operation, **fields)
        question = json.dumps([operation, self.subject.as_request(), fields])
        if question not in self.answered:
            self.answered[question] = super().ask(operation, **fields)
        return self.answered[question]

    @property
    def serves(self) -> bool:
        """Whether it can be asked: it runs, and its next answer is to the next question."""
        return self.process.poll() is None and not self.owes


class SharedObservers:
    """The observers of a command that splices many times, by interpreter and folder; a context manager."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, Path], SharedObserver] = {}

    def of(self, subject: Subject) -> SharedObserver:
        """The one for a subject, started if need be; raises StitchError where that Python cannot run a model."""
        key = (subject.python, existing(subject.file.parent))
        observer = self.open.get(key)
        if observer is None or not observer.serves:
            if observer is not None:
                observer.close()
            observer = self.open[key] = SharedObserver(subject.python, subject)
            observer.__enter__()
        observer.subject = subject
        return observer

    def __enter__(self) -> SharedObservers:
        return self

    def __exit__(self, *exception: object) -> None:
        for observer in self.open.values():
            observer.close()
        self.open.clear()


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it: that of a file that is yet to be written may not be there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def encoded(overlay: Mapping[Path, bytes]) -> dict[str, str]:
    """Files that exist only in memory, as a request carries them."""
    return {str(path): base64.b64encode(data).decode() for path, data in overlay.items()}


@dataclass
class Known:
    """What has been evaluated with the same candidates at the same probes."""

    builds: dict[str, Passages | Failure] = field(default_factory=dict)
    trials: dict[str, list[OtherArguments]] = field(default_factory=dict)

    def add(self, builds: Sequence[str], trials: Sequence[Trial], answer: Evaluation) -> None:
        self.builds.update(zip(builds, answer.builds))
        for number, trial in enumerate(trials):
            self.trials[trial.key] = [one for one in answer.trials if one.trial == number]

    def answer(self, questions: Questions) -> Evaluation:
        return Evaluation(
            [self.builds[one] for one in questions.builds],
            [
                replace(one, trial=number)
                for number, trial in enumerate(questions.trials)
                for one in self.trials[trial.key]
            ],
        )


def evaluated_in(questions: Questions) -> str:
    """What the values of a build depend on, besides the build."""
    asked = [encoded(questions.overlay), questions.candidates, questions.wanted]
    return json.dumps(asked, sort_keys=True)


class RuntimeBackend:
    """Surveys, evaluates and proves by asking an observer."""

    runs = True
    instead_of: StitchError | None = None

    def __init__(self, subject: Subject, shared: SharedObservers | None = None):
        """Start the process, or take a shared one; raises StitchError where that Python cannot run a model.

        Of a Python that ran models before the process is started only when it is needed.
        """
        self.subject = subject
        self.shared = shared is not None
        self.variants: dict[str, Variant] = {}
        self.known: dict[str, Known] = {}
        self.kept = KeptAnswers(subject)
        self.started: Observer | None = shared.of(subject) if shared is not None else None
        if self.started is None and self.kept.find(GREETING) is None:
            self.keep(GREETING, self.observer.about)

    @property
    def observer(self) -> Observer:
        """The process, which is started when it is first asked what no earlier command has asked."""
        if self.started is None:
            self.started = Observer(self.subject.python, self.subject).__enter__()
        return self.started

    def keep(self, question: Mapping[str, Any], answer: Any) -> None:
        """For later commands; this one has its answer, whatever becomes of that."""
        if self.kept.folder is not None and RECORD not in os.environ:
            with contextlib.suppress(StitchError):
                read = self.observer.ask("read_files")
                self.kept.keep(question, answer, read, self.observer.began)

    def survey(
        self,
        builds: Sequence[str],
        brief: Sequence[str] = (),
        *,
        strides: bool = False,
        meant: Collection[str] | None = None,
        others: bool = False,
    ) -> Survey:
        axes_of = None if meant is None else sorted(meant)
        answer = self.ask(
            "survey",
            builds=list(builds),
            brief=list(brief),
            strides=strides,
            axes_of=axes_of,
            axes_read=others,
        )
        return answers.survey_of(answer)

    def survey_variants(
        self, variants: Sequence[Variant], meant: Collection[str] | None = None
    ) -> Survey:
        self.variants |= {one.name: one for one in variants}
        names = [one.name for one in variants]
        return self.survey(names, brief=names, meant=meant)

    def ask(self, operation: str, **fields: Any) -> Any:
        """One request about the model and its variants."""
        variants = {name: one.as_request() for name, one in self.variants.items()}
        given = {
            "inputs": list(self.subject.inputs),
            "inputs_train": list(self.subject.inputs_train),
            "variants": variants,
        }
        if operation not in QUESTIONS or self.shared or RECORD in os.environ:
            return self.observer.ask(operation, **given, **fields)
        question = {"op": operation, **self.subject.as_request(), **given, **fields}
        answer = self.kept.find(question)
        if answer is None:
            answer = self.observer.ask(operation, **given, **fields)
            self.keep(question, answer)
        return answer

    def evaluate(self, questions: Questions) -> Evaluation:
        known = self.known.setdefault(evaluated_in(questions), Known())
        trials = [one for one in questions.trials if one.key not in known.trials]
        builds = [one for one in questions.builds if one not in known.builds]
        builds += [one.build for one in trials if one.build not in builds]
        if builds:
            answer = self.ask(
                "evaluate",
                builds=builds,
                overlay=encoded(questions.overlay),
                candidates={key: list(texts) for key, texts in questions.candidates.items()},
                wanted=dict(questions.wanted),
                trials=[
                    {"build": one.build, "class_name": one.class_name, "targets": dict(one.layers)}
                    for one in trials
                ],
            )
            known.add(builds, trials, answers.evaluation_of(answer))
        return known.answer(questions)

    def prove(
        self,
        proposals: Sequence[Proposal],
        overlay: Mapping[Path, bytes],
        functions: Sequence[ModelFunction] = (),
        inside: Sequence[Mapping[str, Any]] = (),
        methods: Sequence[Method] = (),
    ) -> Sequence[ProvenConfiguration | BrokenCheck]:
        answer = self.ask(
            "prove",
            builds=[
                {
                    "expression": one.expression,
                    "splices": list(one.splices),
                    "extent": one.extent,
                    "named": one.named,
                }
                for one in proposals
            ],
            overlay=encoded(overlay),
            functions=[
                {
                    "file": str(one.file),
                    "name": one.name,
                    "each": one.each,
                    "parts": list(one.parts),
                }
                for one in functions
            ],
            inside=list(inside),
            methods=[{"class_name": one.class_name, "name": one.name} for one in methods],
        )
        return answers.proof_of(answer)

    def prove_edit(
        self,
        configurations: Sequence[EditedConfiguration],
        base: Mapping[Path, bytes],
        variants: Sequence[Variant] = (),
    ) -> Sequence[ProvenEdit | BrokenCheck | NotComparable]:
        self.variants |= {one.name: one for one in variants}
        builds = [
            {"expression": one.expression, "before": one.before, "brief": one.brief}
            for one in configurations
        ]
        return answers.edits_of(self.ask("prove_edit", builds=builds, base=encoded(base)))

    def import_in(
        self,
        ways: Sequence[tuple[Path, WayIn]],
        overlay: Mapping[Path, bytes],
        base: Mapping[Path, bytes] | None = None,
    ) -> Sequence[TriedImport]:
        asked = [
            {
                "file": str(file),
                "module": way.module,
                "paths": [str(path) for path in way.paths],
                "by_path": way.by_path,
            }
            for file, way in ways
        ]
        answer = self.ask("import", ways=asked, overlay=encoded(overlay), base=encoded(base or {}))
        return answers.imports_of(answer)

    def flow(self, build: str, overlay: Mapping[Path, bytes]) -> Flow:
        """One forward pass of a configuration, with the overlay in place of the files on disk."""
        return flow_of(self.ask("flow", build=build, overlay=encoded(overlay)))

    def look_up(self, names: Sequence[str]) -> Sequence[Place]:
        """Where names of installed packages are defined."""
        return places_of(self.ask("look_up", names=list(names)))

    def close(self) -> None:
        if self.started is not None and not self.shared:
            self.started.close()
