"""A loop that runs the layers of a container gets the blocks beside them."""

import ast

import pytest

from stitchgen.analysis.steps import Step
from stitchgen.rewrite.parallel_loop import Blocks
from stitchgen.source.document import Document
from stitchgen.source.edits import apply, in_order
from stitchgen.source.syntax import Syntax


def spliced(body: str, called: str, rest: tuple[Step, ...] = ()) -> tuple[str, str] | None:
    """The body of a `forward` with its loops rewritten, and the block's text, at the call of `called`."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    document = Document(f"class Net:\n    def forward(self, x):\n{lines}".encode(), "net.py")
    syntax = Syntax(document)
    [call] = [
        node
        for node in ast.walk(document.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == called
    ]
    context = syntax.context(document.span_of(call))
    assert context is not None
    blocks = Blocks("stages_se", (Step("stages", "module"),), rest, "se", 76)
    found = blocks.at_call(syntax, context)
    if found is None:
        return None
    edited = apply(document.raw, in_order(found.edits)).decode()
    return "\n".join(line[8:] for line in edited.splitlines()[2:]), found.text


@pytest.mark.parametrize(
    ("body", "called", "after", "block"),
    [
        ("for m in self.stages:\n    x = m(x)", "m", "for m, m_se in zip(self.stages, self.stages_se):\n    x = m(x)", "m_se"),
        ("for m in self.stages[:-1]:\n    x = m(x)", "m", "for m, m_se in zip(self.stages[:-1], self.stages_se[:-1]):\n    x = m(x)", "m_se"),
        ("for m in reversed(list(self.stages)):\n    x = m(x)", "m", "for m, m_se in zip(\n    reversed(list(self.stages)), reversed(list(self.stages_se))\n):\n    x = m(x)", "m_se"),
        ("for m in self.stages.children():\n    x = m(x)", "m", "for m, m_se in zip(self.stages.children(), self.stages_se):\n    x = m(x)", "m_se"),
        ("for i, m in enumerate(self.stages):\n    x = m(x)", "m", "for i, m in enumerate(self.stages):\n    x = m(x)", "self.stages_se[i]"),
        ("for i, m in enumerate(self.stages[1:]):\n    x = m(x)", "m", "for i, (m, m_se) in enumerate(\n    zip(self.stages[1:], self.stages_se[1:])\n):\n    x = m(x)", "m_se"),
        ("for m, y in zip(self.stages, ys):\n    x = m(y)", "m", "for m, y, m_se in zip(self.stages, ys, self.stages_se):\n    x = m(y)", "m_se"),
        ("for (y, m) in zip(ys, self.stages):\n    x = m(y)", "m", "for (y, m, m_se) in zip(ys, self.stages, self.stages_se):\n    x = m(y)", "m_se"),
        ("return [m(x) for m in self.stages]", "m", "return [m(x) for m, m_se in zip(self.stages, self.stages_se)]", "m_se"),
        ("for i in range(3):\n    x = self.stages[i](x)", "self.stages[i]", "for i in range(3):\n    x = self.stages[i](x)", "self.stages_se[i]"),
        ("m_se = 1\nfor m in self.stages:\n    x = m(x)", "m", "m_se = 1\nfor m, m_se_2 in zip(self.stages, self.stages_se):\n    x = m(x)", "m_se_2"),
    ],
)  # fmt: skip
def test_the_block_is_bound_beside_its_layer(body, called, after, block):
    assert spliced(body, called) == (after, block)


def test_the_layer_may_lie_below_the_element():
    rest = (Step("conv", "module"),)
    found = spliced("for m in self.stages:\n    x = m.conv(x)", "m.conv", rest)
    assert found == (
        "for m, m_se in zip(self.stages, self.stages_se):\n    x = m.conv(x)",
        "m_se",
    )


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ("for m in self.others:\n    x = m(x)", "m"),  # another container
        ("for m in sorted(self.stages):\n    x = m(x)", "m"),  # another order
        ("for m in self.stages:\n    m = wrap(m)\n    x = m(x)", "m"),  # no longer the layer
        ("for m in (  # all\n    self.stages\n):\n    x = m(x)", "m"),  # a comment in between
        ("m = self.stages[0]\nx = m(x)", "m"),  # no loop
        ("x = self.stages[0](x)", "self.stages[0]"),  # one alone
        ("for m, y in zip(self.stages, ys, strict=True):\n    x = m(y)", "m"),
        ("for i, m in enumerate(self.stages, 1):\n    x = m(x)", "m"),  # numbers from one
    ],
)
def test_where_no_loop_tells_there_is_none(body, called):
    assert spliced(body, called) is None


def test_a_comprehension_is_not_made_too_long():
    assert spliced("return [m(x, y, z, 123456) for m in self.stages]", "m") is None
