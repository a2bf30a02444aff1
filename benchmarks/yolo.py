"""Rows put into the YAMLs of YOLO models, at every position, judged without stitchgen's own reader.

    python benchmarks/yolo.py                              all YAMLs of the installed Ultralytics; nothing is built
    python benchmarks/yolo.py --folders ../yolov5/models   and those of other repositories
    python benchmarks/yolo.py --widths                     the channels that are read, beside those that are built
    python benchmarks/yolo.py --prove --files yolov8 -seg  `stitchgen add`, with its proof, at three positions a file
                                                           and two scales; --share 0.2 --seed 1 for a fifth of the files
    python benchmarks/yolo.py --twins yolov8n yolo11n      how many old tensors arrive, by the twin and without it
    python benchmarks/yolo.py --projects PYTHON...         with each Python's Ultralytics: train.py, the command line, a
                                                           worker, resume, predict, fuse, TorchScript, undo
    python benchmarks/yolo.py --all --folders ... --projects PYTHON...   all of these, one after the other (an hour)

The judge reads both files with PyYAML, resolves every `from` as parse_model does, and compares: each old row has to be
what it was and read what it read, with the new row in the place of its source. Besides, undoing the edits has to give the
very bytes. The exit code is 1 if an edit is wrong. Run it with a Python that has ultralytics, stitchgen and its
requirements; `--prove` takes that Python for the models, too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
import yolo_project

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from stitchgen.analysis.runtime_backend import SharedObservers
from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project.config import Project, find_project
from stitchgen.source.edits import apply, inverse
from stitchgen.source.yaml_edits import Insertion, insert_rows, readers_of
from stitchgen.source.yaml_rows import IMAGE, read_model
from stitchgen.targets.placement import AFTER
from stitchgen.targets.request import AddRequest
from stitchgen.yolo.files import at_scale, builder_of
from stitchgen.yolo.parse_model import NO_MAPS, features

#: Of which all old tensors have to arrive.
TWINS = ["yolov8n", "yolo11n", "yolov5n", "rtdetr-l"]
#: The image that is run to measure strides.
SIDE = 256


def packaged() -> Path:
    import ultralytics

    return Path(ultralytics.__file__).parent / "cfg" / "models"


def files(options: argparse.Namespace) -> Iterator[Path]:
    for folder in [packaged(), *map(Path, options.folders)]:
        for path in sorted(folder.rglob("*.yaml")):
            if not options.files or any(text in path.name for text in options.files):
                yield path


# -- the rows, judged --------------------------------------------------------------------------------


def graph(raw: bytes) -> list[tuple[Any, ...]]:
    """Each row with what it is and what it reads, by PyYAML and parse_model's rule."""
    settings = yaml.safe_load(raw)
    found = []
    for index, (reads, repeats, module, args) in enumerate(settings["backbone"] + settings["head"]):
        sources = reads if isinstance(reads, list) else [reads]
        resolved = [index + one if one < 0 else one for one in sources]
        found.append((module, repeats, repr(args), isinstance(reads, list), resolved))
    return found


def judged(before: bytes, after: bytes, source: int) -> bool:
    """Whether the row behind `source` is all that changed in what the file means."""
    old, new = graph(before), graph(after)

    def moved(index: int) -> int:
        return index + 1 if index >= source else index  # who read the source reads the new row

    expected = [
        (*row[:4], [moved(one) if one != IMAGE or source == IMAGE else one for one in row[4]])
        for row in old
    ]
    expected.insert(source + 1, ("CBAM", 1, "['c2']", False, [source]))
    for number in range(source + 1):
        expected[number] = old[number]
    return new == expected


def at_every_position(options: argparse.Namespace) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in files(options):
        raw = path.read_bytes()
        try:
            model = read_model(raw, path.name)
        except StitchError as refused:
            counts[f"refused: {refused.code}"] += 1
            print(f"{path.name}: {refused.message}")
            continue
        counts["files"] += 1
        for source in range(IMAGE, len(model.rows) - 1):
            row = Insertion(source, readers_of(model, source), "CBAM", "c2")
            edits = insert_rows(model, [row])
            after = apply(raw, edits)
            right = judged(raw, after, source) and apply(after, inverse(raw, edits)) == raw
            counts["right" if right else "wrong"] += 1
            if not right:
                print(f"WRONG {path} behind {source}")
    return counts


# -- channels ----------------------------------------------------------------------------------------


def widths(options: argparse.Namespace) -> Counter[str]:
    """The channels and strides that are read, at each scale, beside those of the layers that are built."""
    from stitchgen.observer.rows.builder import Builder, run_layers

    counts: Counter[str] = Counter()
    builder = Builder(None, None)
    for path in files(options):
        text = path.read_text()
        model = read_model(text.encode(), path.name)
        for scale in model.scales:
            try:
                layers = builder.layers(builder.settings(text, scale.name))
            except Exception as error:
                counts[f"not built: {type(error).__name__}"] += 1
                continue
            seen: dict[int, Any] = {}
            for number, layer in enumerate(layers):
                layer.register_forward_hook(
                    lambda module, inputs, output, number=number: seen.update({number: output})
                )
            run_layers(layers, 3, SIDE)
            for number, feature in enumerate(features(model, scale)):
                shape = getattr(seen.get(number), "shape", ())
                if len(shape) != 4:
                    continue
                right = feature.channels == shape[1] and feature.stride == SIDE / shape[2]
                known = feature.channels is not None and feature.stride is not None
                counts["right" if right else "wrong" if known else "unknown"] += 1
                if not right:
                    print(f"{path.name} {scale.name} model.{number}: {feature}, {tuple(shape)}")
    return counts


# -- proofs ------------------------------------------------------------------------------------------


def proofs(options: argparse.Namespace) -> Counter[str]:
    """`stitchgen add` at three positions of each file, at two scales: proven, or refused with a reason.

    One observer answers for all files of a folder: torch and Ultralytics are imported for the first alone.
    """
    counts: Counter[str] = Counter()
    chosen = list(files(options))
    if options.share < 1:
        count = max(1, round(options.share * len(chosen)))
        chosen = random.Random(options.seed).sample(chosen, count)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").touch()
        for root, paths in itertools.groupby(sorted(chosen), repository):
            with SharedObservers() as observers:
                for path in paths:
                    counts.update(proofs_of(options, path, root or Path(folder), observers))
    counts["wrong"] = counts["internal"]
    return counts


def repository(path: Path) -> Path | None:
    """The folder with the parse_model of a file's own repository; None of a file of the package."""
    if path.is_relative_to(packaged()):
        return None
    return next((one for one in path.parents if builder_of(one) is not None), None)


def proofs_of(
    options: argparse.Namespace, path: Path, root: Path, observers: SharedObservers
) -> Iterator[str]:
    """What came of each position of a file."""
    try:
        model = read_model(path.read_bytes(), path.name)
    except StitchError as refused:
        yield f"refused: {refused.code}"
        return
    project = find_project(root) if path.is_relative_to(root) else project_with(path, root)
    places = [row.index for row in model.rows[:-1] if row.module not in NO_MAPS]
    if not places:  # yolo11-cls-resnet18.yaml: one row of torchvision's, and the head
        yield "without a place"
        return
    for index in sorted({places[len(places) // 4], places[len(places) // 2], places[-1]}):
        yield proof(options, project, path, index, observers)


def project_with(path: Path, folder: Path) -> Project:
    """The folder as a project: with a file of the package, and a script that names it at its first two scales."""
    for old in folder.glob("*.yaml"):
        old.unlink()
    (folder / path.name).write_bytes(path.read_bytes())
    scales = [one.name for one in read_model(path.read_bytes(), path.name).scales]
    named = [at_scale(path.name, one) if one else path.name for one in scales[:2]]
    lines = ["from ultralytics import YOLO", *(f"YOLO({one!r})" for one in named)]
    (folder / "train.py").write_text("\n".join(lines) + "\n")
    return find_project(folder)


def proof(
    options: argparse.Namespace,
    project: Project,
    path: Path,
    index: int,
    observers: SharedObservers,
) -> str:
    """What came of it; printed with the seconds and the observer's processor time."""
    own = path.relative_to(project.root) if path.is_relative_to(project.root) else Path(path.name)
    request = AddRequest(
        block=options.block,
        placement=AFTER,
        targets=(f"{own.as_posix()}::model.{index}",),
        python=sys.executable,
    )
    began, used = time.monotonic(), processor_time(observers)
    why = ""
    try:
        found = splice.run(project, request, "dry-run", observers).result["proof"]
        verdict, why = "proven", ", ".join(found["build"])
    except StitchError as error:
        verdict, why = error.code, error.message
    seconds, used = time.monotonic() - began, processor_time(observers) - used
    print(f"{path.name}::model.{index} {verdict} {seconds:.1f} s, {used:.1f} s: {why}", flush=True)
    return verdict


def processor_time(observers: SharedObservers) -> float:
    """Seconds that the observers have had of the processor; 0 where the system does not tell."""
    total = 0.0
    for observer in observers.open.values():
        stat = Path(f"/proc/{observer.process.pid}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


# -- projects ----------------------------------------------------------------------------------------


def twins(options: argparse.Namespace) -> Counter[str]:
    """A row behind the ninth of each model, and the weights of a new one for it."""
    counts: Counter[str] = Counter()
    for name in options.twins or TWINS:
        with tempfile.TemporaryDirectory() as folder:
            report = yolo_project.twin(sys.executable, Path(folder), name)
        total, arriving, without = (report[key] for key in ("tensors", "arriving", "without"))
        counts["right" if arriving == total else "wrong"] += 1
        print(
            f"{name}: {arriving} of {total} tensors arrive, {without} without the twin", flush=True
        )
    return counts


def projects(options: argparse.Namespace) -> Counter[str]:
    counts: Counter[str] = Counter()
    for python in options.projects:
        print(python)
        with tempfile.TemporaryDirectory() as folder:
            for step, text, right in yolo_project.steps(python, Path(folder), sys.executable):
                counts["right" if right else "wrong"] += 1
                print(
                    f"  {step}: {'right' if right else 'WRONG'} {yolo_project.said_of(text)}",
                    flush=True,
                )
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folders", nargs="*", default=[], help="further folders of YAMLs")
    parser.add_argument("--files", nargs="*", default=[], help="only names with one of these texts")
    parser.add_argument("--block", default="cbam")
    parser.add_argument("--widths", action="store_true")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--share", type=float, default=1.0, help="of the files that --prove takes")
    parser.add_argument("--seed", type=int, default=0, help="by which they are chosen")
    parser.add_argument("--twins", nargs="*", metavar="MODEL", help="yolov8n, ...")
    parser.add_argument("--projects", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--all", action="store_true", help="every figure, in this order")
    options = parser.parse_args()
    chosen = {
        at_every_position: options.all,
        widths: options.all or options.widths,
        proofs: options.all or options.prove,
        twins: options.all or options.twins is not None,
        projects: bool(options.projects),
    }
    wrong = 0
    for action in [one for one, wanted in chosen.items() if wanted] or [at_every_position]:
        counts = action(options)
        figures = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        print(f"{action.__name__}: {figures}", flush=True)
        wrong += counts["wrong"]
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
