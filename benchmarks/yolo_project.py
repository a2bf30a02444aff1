"""A project of the kind that people train YOLOs in, run from end to end: what `yolo.py --projects` runs.

Each step is a process of its own, as it is for its user. What a step prints is read: `name: figure`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Eight images with a square each, and the model of which the weights are.
DATA = """
import random
from pathlib import Path
import cv2, numpy, torch
from ultralytics import YOLO
random.seed(0)
for number in range(8):
    x, y, side = (random.randint(8, 40) for _ in range(3))
    image = numpy.full((64, 64, 3), 40 + number, numpy.uint8)
    cv2.rectangle(image, (x, y), (x + side // 2, y + side // 2), (200, 60, 90), -1)
    for folder in ('images', 'labels'):
        Path('shapes', folder).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(f'shapes/images/{number}.png', image)
    middle = [(one + side / 4) / 64 for one in (x, y)]
    Path(f'shapes/labels/{number}.txt').write_text(f'0 {middle[0]} {middle[1]} {side / 128} {side / 128}')
Path('shapes.yaml').write_text(
    f'path: {Path("shapes").absolute()}\\ntrain: images\\nval: images\\nnames: {{0: square}}\\n')
model = YOLO('yolov8n.yaml').model
torch.save({'model': model, 'epoch': -1, 'train_args': {}, 'date': '', 'version': ''}, 'yolov8n.pt')
"""
OPTIONS = "data='shapes.yaml', imgsz=64, batch=4, device='cpu', workers=0, plots=False"
#: Without `torch.load` of whole models, which old versions ask of new torch. The newest drops what was loaded, too.
AFRESH = f"{OPTIONS}, pretrained=False"
TRAIN = f"""
from ultralytics import YOLO
model = YOLO('yolov8n.yaml')

if __name__ == '__main__':
    model.train({AFRESH}, epochs=1)
"""
#: In the trainer's own model, which it built anew: are the old weights there?
ARRIVED = f"""
import os
import torch
import train
from ultralytics import YOLO
old = torch.load('yolov8n.pt', map_location='cpu', weights_only=False)['model'].float().state_dict()
model = YOLO('yolov8n-cbam.yaml').load('yolov8n-cbam-init.pt')

def compare(trainer):
    new = trainer.model.state_dict()
    def moved(key):
        first, number, rest = key.split('.', 2)
        return f'{{first}}.{{int(number) + (int(number) > 9)}}.{{rest}}'
    head = max(int(key.split('.')[1]) for key in old)
    own = [key for key in old if int(key.split('.')[1]) < head]
    same = sum(bool((new[moved(key)].float() == old[key]).all()) for key in own)
    print(f'old weights when training starts: {{same}} of {{len(own)}} before the head')
    if same < len(own):
        os._exit(1)

model.add_callback('on_pretrain_routine_end', compare)
model.train({OPTIONS}, epochs=2, name='twin')
print('block after training:', type(model.model.model[10]).__name__)
"""
STOPPED = f"""
import os, train
from ultralytics import YOLO
model = YOLO('yolov8n-cbam.yaml')
model.add_callback('on_fit_epoch_end', lambda trainer: None)
model.add_callback('on_model_save', lambda trainer: os._exit(0))
model.train({AFRESH}, epochs=2, name='stopped')
"""
RESUMED = """
import glob, stitched_blocks.register
from ultralytics import YOLO
[last] = glob.glob('runs/**/stopped/weights/last.pt', recursive=True)
model = YOLO(last)
model.train(resume=True)
print('epochs when resumed:', model.trainer.epoch + 1)
"""
WORKER = f"""
import train
from types import SimpleNamespace
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import dist
overrides = dict(model='yolov8n-cbam.yaml', epochs=1, name='worker', {AFRESH})
trainer = DetectionTrainer(overrides=overrides)
print(dist.generate_ddp_file(trainer))
"""
PREDICT = """
import glob, torch
from ultralytics import YOLO
best = glob.glob('runs/**/twin/weights/best.pt', recursive=True)[0]
model = YOLO(best)
found = model.predict('shapes/images/0.png', imgsz=64, device='cpu', verbose=False)
print('predicted images:', len(found))
whole, image = YOLO(best).model.float().eval(), torch.rand(1, 3, 64, 64)
with torch.no_grad():
    before = whole(image)[0]
    after = whole.fuse(verbose=False)(image)[0]
print('fused differs by less than 1e-3 of the largest:', bool((before - after).abs().max() < 1e-3 * before.abs().max()))
exported = YOLO(best).export(format='torchscript', imgsz=64, device='cpu')
found = torch.jit.load(exported)(image)
print('torchscript gives:', tuple(found.shape if hasattr(found, 'shape') else found[0].shape))
"""


def run(python: str, folder: Path, *arguments: str) -> str:
    """What a step prints; the last lines of its errors, where it fails."""
    environment = {
        **os.environ,
        "YOLO_CONFIG_DIR": str(folder / ".settings"),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        # Versions before torch 2.6 load whole models without saying so.
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-1:]
        return f"FAILED: {' '.join(tail)}"
    return done.stdout


def said_of(text: str) -> str:
    """What a step says of itself, in one line: the `name: figure` that it printed, or why it failed."""
    lines = [line for line in text.splitlines() if re.match(r"(FAILED|[a-z][a-z 0-9<-]+): ", line)]
    return "; ".join(lines)


def twin(python: str, folder: Path, name: str) -> dict[str, int]:
    """What arrives of a new model's weights once a row stands behind its tenth."""
    (folder / "pyproject.toml").touch()
    program = (
        f"import torch; from ultralytics import {'RTDETR' if 'rtdetr' in name else 'YOLO'} as Y; "
    )
    save = f"torch.save({{'model': Y('{name}.yaml').model}}, '{name}.pt')"
    run(python, folder, "-c", program + save)
    add = f"add cbam --after {name}.yaml::model.9 --weights {name}.pt --json --python {python}"
    printed = run(python, folder, "-m", "stitchgen", *add.split())
    found: dict[str, int] = json.loads(printed)["weights"]
    return found


def steps(python: str, folder: Path, stitchgen: str) -> Iterator[tuple[str, str, bool]]:
    """Each step of the project with what it printed, and whether that is right."""
    for name, text, wanted in run_steps(python, folder, stitchgen):
        yield name, text, wanted in text and "FAILED" not in text


def run_steps(python: str, folder: Path, stitchgen: str) -> Iterator[tuple[str, str, str]]:
    """Each step with what it printed, and a text that has to be in it."""
    (folder / "pyproject.toml").touch()
    (folder / "train.py").write_text(TRAIN)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    yield "data", run(python, folder, "-c", DATA), ""
    add = "add cbam --after train.py::model.9 --weights yolov8n.pt --python".split()
    yield "add", run(stitchgen, folder, "-m", "stitchgen", *add, python), "355 of 355 tensors"
    yield "python train.py", run(python, folder, "train.py"), ""
    command = AFRESH.replace("'", "").split(", ")
    line = ["train", "model=yolov8n-cbam.yaml", "epochs=1", "name=line", *command]
    yield "command line", run(python, folder, "-m", "stitched_blocks", *line), ""
    worker = run(python, folder, "-c", WORKER).strip().splitlines()[-1]
    yield "worker", worker if "FAILED" in worker else run(python, folder, worker), ""
    yield "weights", run(python, folder, "-c", ARRIVED), "block after training: CBAM"
    run(python, folder, "-c", STOPPED)
    yield "resume", run(python, folder, "-c", RESUMED), "epochs when resumed: 2"
    yield "predict, fuse, export", run(python, folder, "-c", PREDICT), "largest: True"
    yield "undo", run(stitchgen, folder, "-m", "stitchgen", "undo"), "taken back"
    same = all(path.read_bytes() == raw for path, raw in before.items())
    gone = not list(folder.glob("stitched_blocks/*.py")) and not list(folder.glob("*-cbam*"))
    yield "bytes", f"every byte as before: {same and gone}", "True"
