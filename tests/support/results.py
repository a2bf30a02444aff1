"""What `add` gives back, made up: for tests of what is done with a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stitchgen.source.edits import FileChange

SPLICE: dict[str, Any] = {
    "target": "model.py::ResNet.layer2",
    "placement": "after",
    "attribute": "layer2_cbam",
    "strategy": "line",
    "channels": {"expression": "128 * block.expansion", "value": 128, "evidence": "observed"},
    "readers": ["layer3"],
}
#: The result of an `add`, as `--json` prints it.
ADDED: dict[str, Any] = {
    "ok": True,
    "command": "add",
    "block": "cbam",
    "dry_run": False,
    "splices": [SPLICE],
    "files": [
        {"path": "blocks/cbam.py", "action": "create"},
        {"path": "model.py", "action": "edit"},
    ],
    "proof": {
        "laws": ["builds", "keys", "position", "axis", "elsewhere", "consumed"],
        "build": ["resnet18()", "resnet50()"],
        "params_added": 2148,
        "macs_added": 130048,
        "input": "1x3x224x224",
    },
    "keys": {"added": ["layer2_cbam.channel.fc.0.weight"], "lost": [], "reshaped": []},
    "warnings": [
        {
            "code": "strict-load",
            "where": "train.py:208",
            "message": "the block's keys are not in old weights, and this load is strict",
            "hint": "model.load_state_dict(state, strict=False)",
        }
    ],
}


@dataclass
class Outcome:
    """Stands in for `pipeline.outcome.Outcome`: a result and the change that goes with it."""

    result: dict
    changes: tuple = (FileChange("model.py", b"a\n", b"a\nb\n"),)
