"""The files of a new project, by their paths, as they are before anything is written."""

from __future__ import annotations

from stitchgen.catalog.render import project_file
from stitchgen.scaffold.choices import Choices

#: Files whose template has another name than they.
HIDDEN = {".gitignore": "gitignore", ".pre-commit-config.yaml": "pre-commit-config.yaml"}
PLAIN = ("README.md", "metrics.py", "pyproject.toml", "sweep.toml", "test_model.py", "train.py")


def files_of(choices: Choices, name: str) -> dict[str, str]:
    """Each file's text; `name` is what pyproject.toml calls the project."""
    templates = {
        **HIDDEN,
        **{path: path for path in PLAIN},
        "data.py": f"data/{choices.data_template}.py",
        "model.py": f"models/{choices.model}.py",
    }
    if choices.distill:
        templates["distill.py"] = "distill.py"
    return {
        path: project_file(template, **choices.values, name=name)
        for path, template in sorted(templates.items())
    }
