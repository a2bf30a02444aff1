"""What the tests of the catalog share."""

from __future__ import annotations

import pytest

from stitchgen.project.config import Project
from tests.support.catalogs import BODY, HEAD


@pytest.fixture
def lab(tmp_path):
    """A catalog folder `lab` with one good block."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "eca.py.j2").write_text(HEAD + BODY)
    return folder


@pytest.fixture
def project(tmp_path):
    """A project that has nothing in it."""
    return Project(root=tmp_path)
