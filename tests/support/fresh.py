"""Run a project's scripts, or build its models, in an interpreter that knows nothing else of it.

    python tests/support/fresh.py script FILE ARGUMENT...      as `python FILE ARGUMENT...`
    python tests/support/fresh.py models ORDER                 JSON in, JSON out

A program of its own, so that it can be handed to the warm Python, which has imported torch.
"""

import importlib
import json
import os
import runpy
import sys
import traceback


def script(file, *arguments):
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    sys.argv[:] = [file, *arguments]
    runpy.run_path(file, run_name="__main__")


def models(order):
    """Print of each build its keys, what it gives, and how many modules of which class it has."""
    import torch

    order = json.loads(order)
    sys.path.insert(0, os.getcwd())
    sys.argv[:] = ["", *order["argv"]]
    names = {"torch": torch, **vars(importlib.import_module(order["module"]))}
    print(json.dumps([facts(build, order["inputs"], names) for build in order["builds"]]))


def facts(build, inputs, names):
    import torch

    try:
        torch.manual_seed(0)
        model = eval(build, dict(names))
        given = [eval(text, {**names, "model": model}) for text in inputs]
        gives = []
        for training in (True, False):
            torch.manual_seed(0)
            gives.append(shape(model.train(training)(*given)))
    except Exception:
        return {"error": traceback.format_exc(limit=-3)}
    classes = [type(module).__name__ for module in model.modules()]
    return {
        "keys": list(model.state_dict()),
        "gives": gives,
        "classes": {name: classes.count(name) for name in set(classes)},
    }


def shape(value):
    """A result with its tensors replaced by their shapes."""
    if isinstance(value, dict):
        return {str(key): shape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(item) for item in value]
    return list(value.shape) if hasattr(value, "shape") else repr(value)


if __name__ == "__main__":
    {"script": script, "models": models}[sys.argv[1]](*sys.argv[2:])
