"""All call forms by name: the modules of this package that bind `FORM`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from stitchgen.analysis.uses import Use
from stitchgen.rewrite import forms
from stitchgen.rewrite.insertion import CallForm
from stitchgen.source.document import Span


def found() -> dict[str, CallForm]:
    modules = (
        import_module(f"{forms.__name__}.{info.name}")
        for info in pkgutil.iter_modules(forms.__path__)
        if info.name != "registry"
    )
    every = sorted((module.FORM for module in modules), key=lambda form: form.rank)
    return {form.name: form for form in every}


FORMS = found()


def form_of(use: Use) -> tuple[CallForm, Span] | None:
    """How a use runs the layer, and by which call; None where it does not by itself."""
    for form in FORMS.values():
        span = form.recognises(use)
        if span is not None:
            return form, span
    return None
