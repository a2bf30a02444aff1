"""The text of an installed module as a file of the project: imports, registrations, where it comes from."""

from __future__ import annotations

import pytest

from stitchgen.errors import StitchError
from stitchgen.source.adoption import adopted, public_names
from stitchgen.source.document import Document

HEADER = ["From zoo 1.0."]


def copy(text: str, module: str = "zoo.models.net", *, package: bool = False) -> str:
    raw = text.encode()
    return adopted(Document(raw, "net.py"), module, package=package, header=HEADER).content.decode()


@pytest.mark.parametrize(
    ("line", "module", "package", "now"),
    [
        ("from .api import f", "zoo.models.net", False, "from zoo.models.api import f"),
        ("from . import api", "zoo.models.net", False, "from zoo.models import api"),
        ("from.api import f", "zoo.models.net", False, "from zoo.models.api import f"),
        ("from .import api", "zoo.models.net", False, "from zoo.models import api"),
        ("from ..ops.misc import g", "zoo.models.net", False, "from zoo.ops.misc import g"),
        ("from .. import ops", "zoo.models.net", False, "from zoo import ops"),
        ("from .api import f", "zoo.models.net", True, "from zoo.models.net.api import f"),
        (
            "def g():\n    from .api import f",
            "zoo.net",
            False,
            "def g():\n    from zoo.api import f",
        ),
        ("from zoo.api import f", "zoo.models.net", False, "from zoo.api import f"),
    ],
)
def test_relative_imports_name_the_package(line: str, module: str, package: bool, now: str) -> None:
    assert copy(line + "\n", module, package=package) == f"# From zoo 1.0.\n\n{now}\n"


REGISTERED = '''\
#!/usr/bin/env python
"""A model.

Copyright of its author.
"""
import torch.nn as nn

from ._registry import generate, register_model, register_old

__all__ = ["Net"]


class Net(nn.Module):
    pass


@register_model
def net18():
    return Net()


@keep_me
@register_model()  # by name
def net34():
    return Net()


register_old(
    __name__,
    {"net": "net18"},
)

generate(Net)
'''


def test_what_registers_is_left_out_with_its_imports() -> None:
    done = adopted(
        Document(REGISTERED.encode(), "net.py"), "zoo.models.net", package=False, header=HEADER
    )
    text = done.content.decode()
    assert done.left_out == {"register_model": 2, "register_old": 1}
    expected = REGISTERED.replace(
        "#!/usr/bin/env python\n", "#!/usr/bin/env python\n# From zoo 1.0.\n\n"
    )
    expected = expected.replace(
        "from ._registry import generate, register_model, register_old",
        "from zoo.models._registry import generate",
    )
    for gone in ("@register_model\n", "@register_model()  # by name\n"):
        expected = expected.replace(gone, "", 1)
    expected = expected.replace('register_old(\n    __name__,\n    {"net": "net18"},\n)\n\n', "")
    assert text == expected


def test_an_import_that_only_registered_goes_whole() -> None:
    text = "from .reg import MODELS\nimport torch\n\n\n@MODELS.register_module()\nclass Net:\n    pass\n"
    assert copy(text) == "# From zoo 1.0.\n\nimport torch\n\n\nclass Net:\n    pass\n"


def test_what_marks_an_object_for_tracing_stays() -> None:
    text = "from zoo.fx import register_notrace_module\n\n\n@register_notrace_module\nclass Net:\n    pass\n"
    assert copy(text) == f"# From zoo 1.0.\n\n{text}"


def test_other_bytes_stay() -> None:
    raw = "# -*- coding: latin-1 -*-\r\n# é\r\nfrom .api import f\r\n".encode("latin-1")
    done = adopted(Document(raw, "net.py"), "zoo.net", package=False, header=HEADER).content
    lines = "# -*- coding: latin-1 -*-\r\n# From zoo 1.0.\r\n\r\n# é\r\nfrom zoo.api import f\r\n"
    assert done == lines.encode("latin-1")


def test_a_file_that_asks_where_it_lies_is_refused() -> None:
    with pytest.raises(StitchError) as refused:
        copy("import os\nHERE = os.path.dirname(__file__)\n")
    assert (refused.value.code, refused.value.where) == ("unsupported", "net.py:2")


def test_names_of_the_file_itself() -> None:
    tree = Document(
        b"import a\nfrom b import c\nD = 1\ne: int = 2\nclass F: pass\ndef g(): pass\n", "n"
    ).tree
    assert public_names(tree) == {"D", "e", "F", "g"}
