"""The head of a block file: read strictly, and refused with its line."""

from __future__ import annotations

import pytest

from stitchgen.catalog import folders
from tests.support.catalogs import BODY, HEAD, broken


@pytest.mark.parametrize(
    "old, new, line, says",
    [
        ('title = "Efficient channel attention"\n', "", 1, "title"),
        ("year = 2019", 'year = "2019"', 17, "year"),
        ("year = 2019\n", "year = 2019\nvolume = 3\n", 18, "volume"),
        ('fits = "Anywhere."', 'fit = "Anywhere."', 7, "fit"),
        ('layouts = ["NCHW"]', 'layouts = ["NCWH"]', 9, "layouts"),
        ("dims = [1, 2, 3]", "dims = [4]", 10, "dims"),
        ("dims = [1, 2, 3]", "dims = []", 10, "dims"),
        ('class = "ECA"', 'class = "../evil"', 3, "class"),
        ('name = "eca"', 'name = "../../evil"', 2, "name"),
        ('name = "eca"', 'name = "/tmp/evil"', 2, "name"),
        ('family = "channel-attention"', 'family = "../x"', 5, "family"),
        ('channels = "same"', "channels = \"__import__('os')\"", 11, "formula"),
        ('size = "same"', 'size = "n ** 99999"', 12, "formula"),
        (', meaning = "channels of the input"', "", 20, "meaning"),
        ('fits = "Anywhere."', 'fits = "Any\\u001b[2Jwhere."', 7, "control"),
        ('oracle = "none"', 'oracle = "none"\ncode = "javascript:alert(1)"', 9, "address"),
        ('size = "same"', 'size = "same"\nexample = { channels = "$(reboot)" }', 13, "formula"),
        ("year = 2019", "year = ", 17, "TOML"),
        ("[parameters]", "[parameters", 19, "TOML"),
        ('type = "int"', 'type = "int", default = 3', 20, "default"),
    ],
)
def test_a_faulty_head_is_refused_at_its_line(lab, old, new, line, says):
    path = lab / "eca.py.j2"
    assert old in HEAD
    path.write_text(HEAD.replace(old, new, 1) + BODY)
    error = broken(lambda: folders.load([lab]), f"{path}:{line}")
    assert says in error.message


@pytest.mark.parametrize("text", ["", "class ECA: pass\n", "{# never closed", "{##}"])
def test_a_file_without_a_head_is_refused(lab, text):
    (lab / "eca.py.j2").write_text(text)
    broken(lambda: folders.get("lab/eca", [lab]))
