"""`list`: what it finds by family, layout, year, size and text, and what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.catalog import listing
from stitchgen.errors import StitchError
from stitchgen.project.config import Project


def test_listing_loads_no_heavy_package():
    code = (
        "import sys; from stitchgen.catalog import folders; folders.load(); "
        "print([m for m in ('jinja2', 'torch', 'black', 'libcst', 'click') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def names(result):
    assert result["ok"] and result["command"] == "list"
    return [block["name"] for block in result["blocks"]]


def test_list_answers_by_family_layout_dims_and_text(project):
    everything = names(listing.run(project))
    assert everything == sorted(everything) and len(everything) >= 10
    assert {"se", "channel-attention"} <= set(
        names(listing.run(project, family="channel-attention"))
    )
    assert "mhsa" in names(listing.run(project, layout="NLC"))
    assert "mhsa" not in names(listing.run(project, layout="nchw"))
    assert "cbam" in names(listing.run(project, layout="NCDHW"))
    assert "mhsa" not in names(listing.run(project, dims=3))
    assert "cbam" in names(listing.run(project, search="注意力"))
    assert names(listing.run(project, search="1911.11907")) == ["ghost"]
    assert "se" in names(listing.run(project, search="Squeeze EXCITATION"))
    assert not names(listing.run(project, search="zzz"))
    for option in ({"family": "chanel-attention"}, {"layout": "NCWH"}):
        with pytest.raises(StitchError) as error:
            listing.run(project, **option)
        assert error.value.exit_status == 2 and error.value.suggestions


def test_list_answers_by_year_and_by_parameters(project):
    found = {b["name"]: b for b in listing.run(project)["blocks"]}

    def expected(fits):
        return [name for name, block in found.items() if fits(block)]

    for years, first, last in (
        ("2018", 2018, 2018),
        ("2022-", 2022, 9999),
        ("-2016", 0, 2016),
        ("2019-2021", 2019, 2021),
    ):
        wanted = expected(lambda block: first <= block["paper"]["year"] <= last)
        assert wanted and names(listing.run(project, year=years)) == wanted
    assert names(listing.run(project, year="2018", search="CBAM")) == [
        "cbam",
        "channel-attention",
        "spatial-attention",
    ]
    for limit, number in (("0", 0), ("1000", 1000), ("10k", 10_000), ("1.5M", 1_500_000)):
        wanted = expected(lambda block: block["cost"]["parameters"] <= number)
        assert wanted and names(listing.run(project, max_parameters=limit)) == wanted
    assert found["cbam"]["cost"] == {"parameters": 8292, "flops": 71184}
    for option in ({"year": "20a"}, {"year": "2022-2019"}, {"year": "-"}, {"year": ""}):
        with pytest.raises(StitchError) as error:
            listing.run(project, **option)
        assert error.value.exit_status == 2 and "--year" in error.value.message
    for limit in ("many", "-1", "10kk", ""):
        with pytest.raises(StitchError) as error:
            listing.run(project, max_parameters=limit)
        assert error.value.exit_status == 2 and "--max-parameters" in error.value.message


def test_a_block_without_a_cost_is_under_no_limit(lab, tmp_path):
    """Nobody knows whether it is."""
    project = Project(root=tmp_path, catalogs=(str(lab),))
    assert "lab/eca" in names(listing.run(project))
    assert "lab/eca" not in names(listing.run(project, max_parameters="1G"))


@pytest.mark.parametrize(
    "text, found",
    [
        ("channel attention", {"se", "eca", "cbam", "gct"}),
        ("通道注意力", {"se", "eca", "cbam", "gct"}),
        ("空间注意力", {"spatial-attention", "cbam", "simam"}),
        ("自注意力", {"mhsa", "non-local", "xca"}),
        ("注意力机制", {"se", "cbam", "mhsa", "bam"}),
        ("轻量", {"ghost", "pconv", "mbconv"}),
        ("特征融合", {"aff", "fusion-add", "unet-skip"}),
        ("多尺度", {"aspp", "ppm", "fpn", "inception"}),
        ("激活函数", {"swish", "mish", "frelu"}),
        ("归一化", {"grn", "frn", "layer-norm2d"}),
        ("上采样", {"pixel-shuffle-up"}),
        ("下采样", {"blur-pool", "spd-conv"}),
        ("卷积", {"ghost", "coordconv", "pconv"}),
        ("混合专家", {"sparse-moe"}),
        ("squeeze-and-excitation", {"se", "scse"}),
        ("lightweight convolution", {"ghost"}),
        ("feature pyramid", {"fpn", "pan"}),
        ("Hu", {"se"}),
    ],
)
def test_search_finds_what_people_type_in_both_languages(project, text, found):
    assert found <= set(names(listing.run(project, search=text)))


def test_list_has_the_keys_of_the_contract(project):
    [cbam] = [b for b in listing.run(project)["blocks"] if b["name"] == "cbam"]
    assert cbam["class"] == "CBAM" and cbam["family"] == "mixed-attention"
    assert cbam["paper"] == {
        "title": "CBAM: Convolutional Block Attention Module",
        "year": 2018,
        "arxiv": "1807.06521",
    }
    assert (cbam["layouts"], cbam["dims"], cbam["inputs"]) == (["NCHW"], [1, 2, 3], 1)
