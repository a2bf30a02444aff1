import importlib
from pathlib import Path

folder = Path(__file__).parent
modules = [
    importlib.import_module(f"basics.archs.{path.stem}")
    for path in sorted(folder.glob("*_arch.py"))
]
