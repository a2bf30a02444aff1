"""Other configurations of a model, by reading."""

import pytest

from stitchgen.analysis.variants import Variant, variants_of
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax

SOURCE = """
class Base:
    def __init__(self, kind="a", depth=None):
        if kind == "b" or self.kind in ("a", "c"):
            pass


class Net(Base):
    def __init__(self, cin, widths=(8, 16), *, norm="bn", bias=True, size=224, version=1, **rest):
        self.norm = {"bn": 1, "gn": 2, None: 3}[norm]
        match version:
            case 2:
                pass
            case _:
                pass
        if 32 == size or size != 224:
            pass


class Derived(Net):
    pass
"""


def names(class_name: str, build: str) -> list[str]:
    syntax = Syntax(Document(SOURCE.encode(), "net.py"))
    found = variants_of(syntax, class_name, f"net:{class_name}", build)
    return [one.name.removeprefix(f"{build} with ") for one in found]


@pytest.mark.parametrize(
    ("class_name", "build", "wanted"),
    [
        ("Base", "Base()", ["kind='b'", "kind='c'"]),
        ("Base", "Base('b')", ["kind='a'", "kind='c'"]),
        (
            "Net",
            "Net(3)",
            [
                "norm='gn'",
                "size=32",
                "version=2",
                "bias=False",
                "one more in widths",
                "one fewer in widths",
            ],
        ),
        (
            "Net",
            "net_small()",
            [
                "norm='gn'",
                "size=32",
                "version=2",
                "bias=False",
                "one more in cin",
                "one fewer in cin",
                "one more in widths",
                "one fewer in widths",
            ],
        ),
        (
            "Net",
            "Net(3, 4, norm='gn', bias=False, size=32, version=2)",
            ["norm='bn'", "size=224", "bias=True"],
        ),
        ("Derived", "Derived([1, 2], 4, norm=NORM)", ["norm='bn'", "norm='gn'"]),
    ],
)
def test_flags_constants_and_lists(class_name, build, wanted):
    found = names(class_name, build)
    assert [one for one in found if one in wanted] == wanted
    assert not {"depth=0", "cin=1"} & set(found)


def test_a_class_without_a_constructor_has_none():
    syntax = Syntax(Document(b"class Net:\n    pass\n", "net.py"))
    assert variants_of(syntax, "Net", "net:Net", "Net()") == []


@pytest.mark.parametrize(
    ("build", "value", "expression"),
    [
        ("Net(8)", True, "Net(8, deep=True)"),
        ("Net(8, deep=False)", True, "Net(8, deep=True)"),
        ("small()", True, None),
        ("Net(8", True, None),
    ],
)
def test_the_expression_that_gives_it(build, value, expression):
    assert Variant(build, "net:Net", "deep", value=value).expression == expression
