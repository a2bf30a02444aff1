"""`stitchgen list`: the blocks of the catalog, by family, layout, dims, text, year and parameters."""

from __future__ import annotations

import re
from typing import Any

from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.errors import UsageError
from stitchgen.layouts import FEATURES, HEAD_LAYOUTS
from stitchgen.project.config import Project

#: The families in Chinese, with the words that people there search for.
FAMILIES_ZH = {
    "activation": "激活函数 非线性",
    "channel-attention": "通道注意力机制",
    "convolution": "卷积模块",
    "fusion": "特征融合 拼接",
    "lightweight": "轻量化卷积 轻量级",
    "mixed-attention": "混合注意力机制 通道注意力 空间注意力",
    "mixture-of-experts": "混合专家 专家混合",
    "multi-scale": "多尺度特征 金字塔 感受野",
    "normalisation": "归一化 标准化",
    "regularisation": "正则化 随机失活",
    "resampling": "重采样 上采样 下采样 池化",
    "self-attention": "自注意力机制 全局 长距离依赖",
    "spatial-attention": "空间注意力机制",
    "state-space": "状态空间模型 长序列",
}
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def run(
    project: Project,
    *,
    family: str | None = None,
    layout: str | None = None,
    dims: int | None = None,
    search: str | None = None,
    year: str | None = None,
    max_parameters: str | None = None,
) -> dict[str, Any]:
    """The `--json` object: the blocks that fit every option given."""
    blocks = list(folders.load(project.catalogs).values())
    if family is not None:
        families = sorted({block.family for block in blocks})
        if family not in families:
            raise _unknown("family", family, families)
        blocks = [block for block in blocks if block.family == family]
    if layout is not None:
        known = sorted({*FEATURES, *HEAD_LAYOUTS} - {"any"})
        if layout.upper() not in known:
            raise _unknown("layout", layout, known)
        blocks = [block for block in blocks if _takes(block, layout.upper())]
    if dims is not None:
        blocks = [block for block in blocks if dims in block.dims]
    if year is not None:
        first, last = _years(year)
        blocks = [block for block in blocks if first <= block.paper["year"] <= last]
    if max_parameters is not None:
        most = _count(max_parameters)
        blocks = [block for block in blocks if block.cost.get("parameters", most + 1) <= most]
    if search is not None:
        words = search.lower().split()
        blocks = [block for block in blocks if all(word in _text(block) for word in words)]
    return {"ok": True, "command": "list", "blocks": [block.as_dict() for block in blocks]}


def _takes(block: Block, layout: str) -> bool:
    return layout in block.layouts or block.dims_for(layout) is not None


def _text(block: Block) -> str:
    """What a search looks at, in both languages."""
    paper = " ".join(str(value) for value in block.paper.values())
    family = f"{block.family} {FAMILIES_ZH.get(block.family, '')}"
    own = (block.name, block.class_name, block.title, block.title_zh, family, block.summary)
    return " ".join((*own, block.fits, paper)).lower()


def _years(text: str) -> tuple[int, int]:
    """2021, 2019-2022, 2022- or -2018, as first and last year."""
    match = re.fullmatch(r"(\d{4})?(-)?(\d{4})?", text.strip())
    if match and any(match.group(1, 3)) and (match[2] or not match[3]):
        first = int(match[1] or 0)
        last = int(match[3] or 9999) if match[2] else first
        if first <= last:
            return first, last
    raise UsageError(
        "usage",
        f"--year: {text!r} is no year and no range of years",
        hint="--year 2021, --year 2019-2022, --year 2022- or --year=-2018",
    )


def _count(text: str) -> int:
    """A number of parameters: 8000, 8k, 1.5M."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip().lower())
    if not match:
        raise UsageError(
            "usage",
            f"--max-parameters: {text!r} is no number",
            hint="--max-parameters 8000, --max-parameters 8k or --max-parameters 1.5M",
        )
    return round(float(match[1]) * _UNITS[match[2]])


def _unknown(option: str, value: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches  # 8 ms, wanted only here

    return UsageError(
        "usage",
        f"--{option}: there is no {option} {value!r}",
        hint=f"one of {', '.join(known)}",
        suggestions=get_close_matches(value, known, 3, cutoff=0.5),
    )
