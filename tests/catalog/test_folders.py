"""The catalog: heads read strictly, names found, formulas computed, hostile folders refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.catalog import folders, formula, listing, render, show, template
from stitchgen.cli import main, report
from stitchgen.errors import StitchError
from stitchgen.pipeline import new_module
from stitchgen.project.config import Project

ROOT = Path(__file__).parents[2]

HEAD = """{#
name = "eca"
class = "ECA"
title = "Efficient channel attention"
family = "channel-attention"
summary = "Scales channels."
fits = "Anywhere."
oracle = "none"
layouts = ["NCHW"]
dims = [1, 2, 3]
channels = "same"
size = "same"

[paper]
title = "ECA-Net"
authors = "Wang et al."
year = 2019

[parameters]
channels = { type = "int", meaning = "channels of the input" }
#}
"""
BODY = '''from torch import nn


class {{ cls }}(nn.Identity):
    """{{ dims }}"""
'''


@pytest.fixture
def lab(tmp_path):
    """A catalog folder `lab` with one good block."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "eca.py.j2").write_text(HEAD + BODY)
    return folder


def broken(run, where=None):
    with pytest.raises(StitchError) as error:
        run()
    assert error.value.code == "catalog-broken", error.value
    assert error.value.message and error.value.hint
    if where is not None:
        assert error.value.where == where
    return error.value


# ---------------------------------------------------------------- finding


def test_loads_every_template_by_its_name():
    blocks = folders.load()
    stems = [p.name.removesuffix(".py.j2") for p in (ROOT / "templates/blocks").rglob("*.j2")]
    assert sorted(stems) == list(blocks)
    assert blocks["cbam"] == folders.get("cbam")


def test_class_names_and_modules_follow_the_dims():
    cbam, swish, mhsa = (folders.get(name) for name in ("cbam", "swish", "mhsa"))
    assert [cbam.class_for(dims) for dims in (1, 2, 3)] == ["CBAM1d", "CBAM", "CBAM3d"]
    assert swish.class_for(3) == "Swish" and mhsa.class_for(1) == "MultiheadSelfAttention"
    assert cbam.module_for(2) == "cbam" and cbam.module_for(3) == "cbam3d"
    assert cbam.module_for(2, "MyCBAMBlock") == "my_cbam_block"
    assert folders.get("channel-attention").module_for(2) == "channel_attention"


@pytest.mark.parametrize(
    "typed, near",
    [("cbma", "cbam"), ("CBAM", "cbam"), ("GhostModule", "ghost"), ("coord_conv", "coordconv")],
)
def test_an_unknown_name_gets_near_ones(typed, near):
    with pytest.raises(StitchError) as error:
        folders.get(typed)
    assert error.value.code == "block-not-found" and near in error.value.suggestions
    assert typed in error.value.message


@pytest.mark.parametrize("typed", ["", "../cbam", "/etc/passwd", "lab/eca", "a/b/c", "cbam\0", "."])
def test_odd_names_are_just_unknown(typed):
    with pytest.raises(StitchError) as error:
        folders.get(typed)
    assert error.value.code == "block-not-found"


def test_listing_loads_no_heavy_package():
    code = (
        "import sys; from stitchgen.catalog import folders; folders.load(); "
        "print([m for m in ('jinja2', 'torch', 'black', 'libcst', 'click') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_layouts_say_the_dims_to_render():
    cbam, mhsa, swish = (folders.get(name) for name in ("cbam", "mhsa", "swish"))
    assert [cbam.dims_for(one) for one in ("NCL", "NCHW", "NCDHW")] == [1, 2, 3]
    assert [cbam.dims_for(one) for one in ("NHWC", "NLC", "NC", "odd")] == [None] * 4
    assert mhsa.dims_for("NLC") == 1 and mhsa.dims_for("NCHW") is None
    assert all(swish.dims_for(one) for one in ("NC", "NLC", "NHWC", "NCDHW"))


# ---------------------------------------------------------------- heads


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


def test_formulas_know_arithmetic_and_nothing_else():
    values = {"n": 9, "kernel_size": 3, "stride": 2, "widths": (4, 8)}
    assert formula.evaluate("(n + 2 - kernel_size) // stride + 1", values) == 5
    assert formula.evaluate("sum(widths) + widths[1] * -1 + max(n, 2) % 4", values) == 5
    for text in (
        "().__class__",
        "open('x')",
        "[x for x in widths]",
        "n.real",
        "2 ** n",
        "n if n else 1",
        "'a' * 999999999",
        "widths * 999999999",
    ):
        with pytest.raises((ValueError, SyntaxError)):
            formula.evaluate(text, values)
    with pytest.raises(KeyError):
        formula.evaluate("missing", values)


def test_replacements_give_arguments_and_refuse_misfits():
    conv = {
        "in_channels": 64,
        "out_channels": 128,
        "kernel_size": (3, 3),
        "stride": (2, 2),
        "padding": (1, 1),
        "dilation": (1, 1),
        "groups": 1,
        "bias": False,
        "padding_mode": "zeros",
    }
    ghost, coord = folders.get("ghost"), folders.get("coordconv")
    expected = {"in_channels": 64, "out_channels": 128, "kernel_size": 3, "stride": 2}
    assert ghost.replacement("Conv2d").values(conv) == expected
    assert coord.replacement("Conv2d").values(conv | {"kernel_size": (3, 5)}) == {
        **expected,
        "kernel_size": (3, 5),
        "padding": 1,
        "dilation": 1,
        "groups": 1,
        "bias": False,
    }
    for misfit in ({"groups": 64}, {"dilation": (2, 2)}, {"padding": (0, 0)}):
        with pytest.raises(StitchError) as error:
            ghost.replacement("Conv2d").values(conv | misfit)
        assert error.value.code == "bad-argument" and next(iter(misfit)) in error.value.message
    with pytest.raises(StitchError):
        coord.replacement("Conv2d").values(conv | {"padding_mode": "reflect"})
    assert ghost.replacement("Linear") is None
    drop = folders.get("dropblock").replacement("Dropout2d")
    assert drop.values({"p": 0.25, "inplace": True}) == {"keep_prob": 0.75}


# ---------------------------------------------------------------- other people's catalogs


def test_another_catalog_works_like_the_built_in_one(lab):
    block = folders.get("lab/eca", [lab])
    assert block.name == "lab/eca" and block.module_for(2) == "eca"
    assert "class ECA3d(nn.Identity)" in render.block_source(block, 3)
    assert {"cbam", "lab/eca"} <= set(folders.load([lab]))
    assert "eca" not in folders.load([lab]) or folders.get("eca").template.parent != lab


def test_the_namespace_is_the_folder_without_blocks(tmp_path):
    for name, namespace in (("lab-blocks", "lab"), ("My_Team_blocks", "my-team"), ("x", "x")):
        folder = tmp_path / name
        (folder / "channel-attention").mkdir(parents=True)
        (folder / "channel-attention" / "eca.py.j2").write_text(HEAD + BODY)
        assert folders.get(f"{namespace}/eca", [folder]).class_name == "ECA"


def test_two_catalogs_of_one_name_are_refused(lab, tmp_path):
    other = tmp_path / "elsewhere" / "lab"
    other.mkdir(parents=True)
    broken(lambda: folders.load([lab, other]), str(other))
    assert folders.load([lab, lab])  # the same folder twice is harmless
    broken(lambda: folders.load([tmp_path / "missing"]))


def test_a_broken_catalog_does_not_stop_the_built_in_blocks(lab):
    (lab / "bad.py.j2").write_text("no head")
    assert folders.get("cbam", [lab]).name == "cbam"
    assert folders.get("lab/eca", [lab]).name == "lab/eca"
    broken(lambda: folders.load([lab]), f"{lab / 'bad.py.j2'}:1")


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")
def test_a_link_out_of_the_catalog_is_refused(lab, tmp_path):
    secret = tmp_path / "secret.py.j2"
    secret.write_text(HEAD.replace('"eca"', '"secret"') + BODY)
    (lab / "secret.py.j2").symlink_to(secret)
    broken(lambda: folders.get("lab/secret", [lab]), str(lab / "secret.py.j2"))
    (lab / "secret.py.j2").unlink()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py.j2").write_text(secret.read_text())
    (lab / "inner").symlink_to(tmp_path / "outside")  # a folder that is a link is not entered
    assert "lab/secret" not in folders.load([lab])
    (lab / "loop.py.j2").symlink_to(lab / "loop.py.j2")
    broken(lambda: folders.load([lab]))


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
def test_a_file_that_never_ends_is_refused(lab):
    os.mkfifo(lab / "pipe.py.j2")
    broken(lambda: folders.get("lab/pipe", [lab]), str(lab / "pipe.py.j2"))
    (lab / "pipe.py.j2").unlink()
    (lab / "pipe.py.j2").write_text(HEAD.replace('"eca"', '"pipe"') + "#" * template.MAX_BYTES)
    broken(lambda: folders.get("lab/pipe", [lab]), str(lab / "pipe.py.j2"))
    (lab / "pipe.py.j2").write_bytes(b"{#\nname = '\xff'\n#}\n")
    broken(lambda: folders.get("lab/pipe", [lab]), f"{lab / 'pipe.py.j2'}:2")


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cls.__init__.__globals__ }}",
        "{{ cls|attr('__class__') }}",
        "{{ cls.upper() }}",
        "{{ lipsum.__globals__['os'].system('touch OWNED') }}",
        "{{ cycler.__init__.__globals__.os.popen('touch OWNED').read() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% for a in range(99999) %}{% endfor %}",
        "{% for a in range(64) %}{% for b in range(64) %}{% for c in range(64) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ missing }}",
        "{{ 1 // 0 }}",
        "{% endif %}",
        "class :",
        "x = " + "(" * 100_000,
        "x = '\0'",
    ],
)
def test_a_template_cannot_run_or_repeat_anything(lab, tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    path = lab / "eca.py.j2"
    path.write_text(HEAD + BODY + attack + "\n")
    block = folders.get("lab/eca", [lab])  # reading the head runs nothing
    error = broken(lambda: render.block_source(block))
    assert error.where.startswith(str(path))
    assert not (tmp_path / "OWNED").exists()


def test_a_refused_template_writes_nothing(lab, tmp_path):
    (lab / "eca.py.j2").write_text(HEAD + "{{ cls.__class__ }}\n")
    project = Project(root=tmp_path / "project", catalogs=(str(lab),))
    project.root.mkdir()
    broken(lambda: new_module.run(project, "lab/eca"))
    assert not list(project.root.iterdir())


# ---------------------------------------------------------------- rendering


def test_dims_and_class_names_are_checked():
    for dims, name in ((4, None), (2, "not a name"), (2, "é")):
        with pytest.raises(StitchError) as error:
            render.block_source(folders.get("cbam"), dims, name)
        assert error.value.code == "bad-argument"
    for taken in ("ChannelAttention", "Tensor", "nn", "torch", "ValueError"):
        with pytest.raises(StitchError) as error:
            render.block_source(folders.get("cbam"), 2, taken)
        assert error.value.code == "bad-argument" and taken in error.value.message
    source = render.block_source(folders.get("cbam"), 2, "MyCBAM")
    assert "class MyCBAM(nn.Module)" in source and "y = MyCBAM(64)(x)" in source


# ---------------------------------------------------------------- commands


@pytest.fixture
def project(tmp_path):
    return Project(root=tmp_path)


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


def test_show_tells_all_and_gives_the_source(project):
    result = show.run(project, "cbam", source=True)
    assert result["source"] == render.block_source(folders.get("cbam"))
    assert result["paper"]["address"] == "https://arxiv.org/abs/1807.06521"
    assert result["cost"] == {"parameters": 8292, "flops": 71184, "at": "1x256x14x14"}
    assert result["caution"] and result["example"] == "stitchgen add cbam --after model.layer2"
    assert "source" not in show.run(project, "cbam")
    for name in folders.load():
        assert re.match(r"stitchgen (add|fuse|new-module) \S", show.run(project, name)["example"])


def test_new_module_writes_once(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = new_module.run(project, "cbam", dims=3, into="parts", mode="dry-run")
    assert outcome.result["files"] == [{"path": "parts/cbam3d.py", "action": "create"}]
    assert outcome.result["dry_run"] and not (tmp_path / "parts").exists()
    new_module.run(project, "cbam")
    path = tmp_path / "blocks" / "cbam.py"
    assert path.read_text() == render.block_source(folders.get("cbam"))
    assert new_module.run(project, "cbam").result["files"] == []
    path.write_text("mine = 1\n")
    with pytest.raises(StitchError) as error:
        new_module.run(project, "cbam")
    assert error.value.code == "blocks-in-the-way" and path.read_text() == "mine = 1\n"
    assert error.value.where == "blocks/cbam.py"
    named = new_module.run(project, "cbam", name="MyCBAM").result
    assert named["files"][0]["path"] == "blocks/my_cbam.py" and named["class"] == "MyCBAM"


@pytest.mark.parametrize("into", ["..", "/tmp", "blocks/../../x"])
def test_new_module_stays_in_the_project(tmp_path, monkeypatch, into):
    inner = tmp_path / "project"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with pytest.raises(StitchError) as error:
        new_module.run(Project(root=inner), "cbam", into=into)
    assert error.value.exit_status == 2 and list(tmp_path.iterdir()) == [inner]


def test_snippets_are_strict():
    with pytest.raises(StitchError) as error:
        render.snippet("no-such-snippet", "init")
    assert error.value.code == "internal"


def as_read(result):
    """The report, its lines joined."""
    return " ".join(report.text(result).split())


def test_show_prints_every_fact_of_every_block(project):
    for name, block in folders.load().items():
        said = as_read(show.run(project, name))
        paper = block.paper
        address = f"https://arxiv.org/abs/{paper['arxiv']}" if "arxiv" in paper else paper["url"]
        facts = [block.summary, block.fits, paper["title"], str(paper["year"]), address]
        facts += [block.code or "none of the authors' is known", block.title_zh, block.caution]
        facts += [f"{block.cost['parameters']:,} parameters, {block.cost['flops']:,} FLOPs"]
        facts += [f"{p.name}: {p.type}" for p in block.parameters]
        facts += [f"= {p.default}" for p in block.parameters if p.default is not None]
        facts += [p.meaning for p in block.parameters]
        facts += [f"against {block.oracle}", show.example(block), *block.layouts]
        for fact in filter(None, facts):
            assert " ".join(fact.split()) in said, (name, fact)
        assert re.search(r" for 1x[\dx]*256(x[\d]+)* ", said)


@pytest.mark.parametrize(
    "name, channels, size",
    [
        ("cbam", "channels as many come out as go in", "size as large"),
        ("ghost", "channels in_channels go in, out_channels come out", "size n becomes (n - 1) //"),
        ("dense-block", "channels in_channels + growth_rate * num_layers come out", "as large"),
        ("pixel-shuffle-up", "out_channels come out", "size n becomes n * scale"),
    ],
)
def test_show_says_how_channels_and_size_change(project, name, channels, size):
    said = as_read(show.run(project, name))
    assert channels in said and size in said


def test_an_unverified_block_is_shown_as_one(lab, tmp_path):
    project = Project(root=tmp_path, catalogs=(str(lab),))
    listed = report.text(listing.run(project, family="channel-attention"))
    [line] = [line for line in listed.splitlines() if "lab/eca" in line]
    assert line.endswith("(unverified)") and listed.count("(unverified)") == 1
    assert "unverified: there is nothing to compare it with" in as_read(
        show.run(project, "lab/eca")
    )


def test_an_example_has_a_layer_for_each_input(project):
    assert show.run(project, "aff")["example"].endswith("--after model.layer1 --with model.layer2")
    assert show.run(project, "film")["example"].endswith("--with model.embedding")


def test_a_block_of_any_dims_has_one_source():
    """It has one file, whichever dims are asked for."""
    generic = [block for block in folders.load().values() if block.generic]
    assert generic
    for block in generic:
        sources = {render.block_source(block, dims) for dims in block.dims}
        assert len(sources) == 1, block.name
        assert len({block.module_for(dims) for dims in block.dims}) == 1


def everything_below(folder):
    """Every path, with what a file holds or a link points to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[path] = path.read_bytes() if plain else os.path.islink(path) and os.readlink(path)
    return found


def traversal(lab, outside):
    (lab / "eca.py.j2").write_text(HEAD.replace('"eca"', '"../../../evil"', 1) + BODY)


def absolute(lab, outside):
    (lab / "eca.py.j2").write_text(HEAD.replace('"eca"', f'"{outside}/evil"', 1) + BODY)


def link(lab, outside):
    (outside / "eca.py.j2").write_text(HEAD + BODY)
    (lab / "eca.py.j2").symlink_to(outside / "eca.py.j2")


def execution(lab, outside):
    attack = "{{ cls.__init__.__globals__['__builtins__']['open']('%s/OWNED', 'w') }}"
    (lab / "eca.py.j2").write_text(HEAD + BODY + attack % outside)


def endless_file(lab, outside):
    os.mkfifo(lab / "eca.py.j2")


def endless_device(lab, outside):
    (lab / "eca.py.j2").symlink_to("/dev/zero")


def endless_loop(lab, outside):
    forever = "{% for a in range(9**9) %}{% for b in range(9**9) %}x{% endfor %}{% endfor %}"
    (lab / "eca.py.j2").write_text(HEAD + BODY + forever)


@pytest.mark.skipif(sys.platform == "win32", reason="no links and FIFOs there")
@pytest.mark.parametrize(
    "attack",
    [traversal, absolute, link, execution, endless_file, endless_device, endless_loop],
)
@pytest.mark.parametrize(
    "command",
    [
        ["new-module", "lab/eca"],
        ["add", "lab/eca", "--after", "model.conv", "--no-prove"],
        ["show", "lab/eca", "--source"],
    ],
    ids=["new-module", "add", "show"],
)
def test_a_hostile_catalog_is_refused_and_named_and_nothing_is_written(
    tmp_path, monkeypatch, capsys, attack, command
):
    lab, outside, inner = (tmp_path / name for name in ("lab", "outside", "project"))
    for folder in (lab, outside, inner):
        folder.mkdir()
    (inner / "stitchgen.toml").write_text('catalogs = ["../lab"]\n')
    (inner / "model.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.conv = nn.Conv2d(3, 8, 3)\n\n"
        "    def forward(self, x):\n        x = self.conv(x)\n        return x\n"
    )
    monkeypatch.chdir(inner)
    good = HEAD + BODY
    (lab / "eca.py.j2").write_text(good)
    assert main.run([*command, "--json"]) == 0  # it is the attack that is refused
    if command[0] != "show":
        assert main.run(["undo", "--json"]) == 0
    (lab / "eca.py.j2").unlink()
    attack(lab, outside)
    before = everything_below(tmp_path)
    capsys.readouterr()
    assert main.run([*command, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "catalog-broken" and "eca.py.j2" in error["where"]
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("name", ["../evil", "lab/../../evil", "/etc/passwd", "lab//etc/passwd"])
def test_no_name_on_the_command_line_leaves_the_catalogs(lab, tmp_path, monkeypatch, capsys, name):
    inner = tmp_path / "project"
    inner.mkdir()
    (inner / "stitchgen.toml").write_text('catalogs = ["../lab"]\n')
    (tmp_path / "evil.py.j2").write_text(HEAD + BODY)
    monkeypatch.chdir(inner)
    before = everything_below(tmp_path)
    assert main.run(["new-module", name, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "block-not-found"
    assert everything_below(tmp_path) == before
