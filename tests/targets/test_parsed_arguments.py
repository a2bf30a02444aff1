"""Constructions whose arguments come from argparse, with what it gives where nothing is typed."""

from __future__ import annotations

import ast

import pytest

from stitchgen.targets.parsed_arguments import parsed_arguments

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("-w", "--width", type=int, default=64)
parser.add_argument("--no-bias", action="store_true")
parser.add_argument("--scale", type=int, required=True)
parser.add_argument("--where", default=somewhere())
parser.add_argument("--name", dest="title", default="net")
args = parser.parse_args()
opt, rest = parser.parse_known_args()
WIDTH = args.width
CHANGED = args.width
CHANGED = 3
"""


@pytest.mark.parametrize(
    ("call", "filled"),
    [
        ("Net(args.width, bias=args.no_bias)", "Net(64, bias=False)"),
        ("Net(opt.title)", "Net('net')"),
        ("Net(WIDTH)", "Net(64)"),
        ("Net(CHANGED)", "Net(CHANGED)"),
        ("Net(args.where, other.width)", "Net(args.where, other.width)"),
        ("Net(args.scale)", "Net(...)"),
        (
            "Net(args)",
            "Net(__import__('types').SimpleNamespace(width=64, scale=...))",
        ),
    ],
)
def test_options_have_their_defaults(call: str, filled: str) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    parsed = parsed_arguments(ast.parse(SCRIPT))
    assert ast.unparse(parsed.filled(node, frozenset({"width", "scale", "shape"}))) == filled
