"""Methods that expect something of every module are found by reading."""

import ast

import pytest

from stitchgen.project.module_walks import walks_of

FOUND = {
    "a method of its own": "for m in self.children():\n    m.load_from(w)",
    "the last of two names": "for name, m in self.named_modules():\n    m.load_from(w[name.upper()])",
    "raises at the end": "for m in self.modules():\n    if isinstance(m, A):\n        pass\n    else:\n        raise ValueError",
    "raises for what is left": (
        "for m in self.modules():\n    if isinstance(m, A):\n        pass\n    elif len(m._modules) == 0:\n"
        "        if list(m.parameters()):\n            raise ValueError"
    ),
}
PASSED_OVER = {
    "what every module has": "for m in self.modules():\n    m.train()",
    "a class that is asked for": "for m in self.modules():\n    if isinstance(m, A):\n        m.load_from(w)",
    "what it may have": "for m in self.modules():\n    if hasattr(m, 'fuse'):\n        m.fuse()",
    "raises for one class": "for m in self.modules():\n    if isinstance(m, A):\n        raise ValueError",
    "a text": "for name, m in self.named_modules():\n    name.startswith('x')",
    "no modules": "for m in self.items:\n    m.load_from(w)",
}


def walks(body):
    text = "\n        ".join(body.splitlines())
    tree = ast.parse(f"class Net:\n    def go(self, w):\n        {text}\n")
    return [*walks_of(tree, ())]


@pytest.mark.parametrize("body", FOUND.values(), ids=FOUND)
def test_what_not_every_module_gets_past_is_found(body):
    (walk,) = walks(body)
    assert (walk.method, walk.defined) == ("Net.go", 2)


@pytest.mark.parametrize("body", PASSED_OVER.values(), ids=PASSED_OVER)
def test_what_every_module_gets_past_is_not(body):
    assert walks(body) == []
