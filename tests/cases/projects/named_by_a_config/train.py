import importlib
from pathlib import Path

text = (Path(__file__).parent / "model.yaml").read_text()
module, _, name = text.split()[1].rpartition(".")
print(getattr(importlib.import_module(module), name)())
