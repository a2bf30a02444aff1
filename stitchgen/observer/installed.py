"""Where a name of an installed package is defined, and which version of the package that is of."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import sys
import types
from typing import Any, Iterator, List, Optional, Tuple

from stitchgen.observer.protocol import LookUpAnswer, LookUpRequest, Package, Place

#: How a distribution calls the file with its licence.
LICENCE_FILE = re.compile(r"(?:LICEN[CS]E|COPYING)[^/]*", re.IGNORECASE)


def look_up(request: LookUpRequest) -> LookUpAnswer:
    """The place of each name, in their order."""
    return {"places": [place_of(name) for name in request["names"]]}


def place_of(text: str) -> Place:
    """Where `torchvision.models.resnet50` is defined, which may be another module than the one named."""
    try:
        value = resolve(text)
    except (Exception, SystemExit) as error:
        return {"name": text, "error": "%s: %s" % (type(error).__name__, error)}
    found = home(value)
    if found is None:
        return {"name": text, "error": "%s is a %s, which has no source" % (text, type(value))}
    module, name = found
    file = getattr(sys.modules[module], "__file__", None) or ""
    return {
        "name": text,
        "module": module,
        "attribute": name,
        "file": os.path.realpath(file) if file else "",
        "package": package_of(module),
    }


def resolve(text: str) -> Any:
    """The module, or what a module binds; raises what the import raises, and AttributeError."""
    parts = text.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            value: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            # The last names may be attributes; that a module on the way lacks another is its fault.
            if count > 1 and error.name and (name + ".").startswith(error.name + "."):
                continue
            raise
        for part in parts[count:]:
            value = getattr(value, part)
        return value
    raise ModuleNotFoundError("No module named %r" % text)


def home(value: Any) -> Optional[Tuple[str, str]]:
    """The module and the name by which that module binds the value; "" of a module itself."""
    if isinstance(value, types.ModuleType):
        return value.__name__, ""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module not in sys.modules:
        return None
    bound: Any = sys.modules[module]
    for part in name.split("."):
        bound = getattr(bound, part, None)
    return (module, name) if bound is value else None


def package_of(module: str) -> Package:
    """The distribution that a module came with; a name alone where none is recorded."""
    top = module.partition(".")[0]
    for name in distributions_of(top):
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        files = [str(path) for path in found.files or ()]
        kept = [path for path in files if LICENCE_FILE.fullmatch(path.rpartition("/")[2])]
        kept = [path for path in kept if ".dist-info/" in path or ".egg-info/" in path] or kept
        return {
            "name": name,
            "version": found.version,
            "licence": licence_of(found.metadata),
            "licence_file": kept[0] if kept else "",
        }
    return {"name": top, "version": "", "licence": "", "licence_file": ""}


def distributions_of(top: str) -> Iterator[str]:
    """The distributions that may have a top-level package; the likeliest first."""
    yield top
    by_package = getattr(importlib.metadata, "packages_distributions", None)
    if by_package is not None:  # from Python 3.10 on
        names: List[str] = by_package().get(top, [])
        yield from names


def licence_of(metadata: Any) -> str:
    """The licence's name as the package gives it, short; "" where it gives none."""
    given = (metadata.get("License-Expression") or metadata.get("License") or "").strip()
    if given and "\n" not in given and len(given) <= 40:
        return str(given)
    for line in metadata.get_all("Classifier") or ():
        if line.startswith("License ::"):
            return str(line.rpartition("::")[2].strip())
    return str(given.splitlines()[0][:40]) if given else ""
