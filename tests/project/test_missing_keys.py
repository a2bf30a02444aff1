"""Which checks of what a load left out are found."""

from __future__ import annotations

import ast
import textwrap

import pytest

from stitchgen.project.missing_keys import checks_of_missing_keys

CHECKED = {
    "an assertion on the result": """
        msg = model.load_state_dict(weights, strict=False)
        assert set(msg.missing_keys) == {"fc.weight", "fc.bias"}  # here
        """,
    "two values": """
        def load(self, path):
            missing, unexpected = self.backbone.load_state_dict(torch.load(path), strict=False)
            print(missing)
            if len(missing) > 2:  # here
                raise RuntimeError(f"missing {missing}")
        """,
    "at once": """
        assert not model.load_state_dict(weights, strict=False).missing_keys  # here
        """,
    "with others": """
        result = model.load_state_dict(weights, False)
        if result.unexpected_keys or result.missing_keys:  # here
            raise ValueError(result)
        """,
}
NOT_CHECKED = {
    "printed": """
        missing, unexpected = model.load_state_dict(weights, strict=False)
        if missing:
            logger.warning("missing %s", missing)
        """,
    "the others": """
        missing, unexpected = model.load_state_dict(weights, strict=False)
        assert not unexpected
        msg = model.load_state_dict(weights, strict=False)
        assert not msg.unexpected_keys
        """,
    "the others where none is missing": """
        missing, unexpected = model.load_state_dict(weights, strict=False)
        if unexpected and not missing:
            raise ValueError(unexpected)
        """,
    "those that are left": """
        missing, unexpected = model.load_state_dict(weights, strict=False)
        missing = [key for key in missing if "se" not in key]
        assert not missing
        """,
    "a strict load": """
        result = model.load_state_dict(weights)
        assert not result.missing_keys
        """,
    "of another function": """
        def load(model):
            missing, _ = model.load_state_dict(weights, strict=False)
        def other():
            missing = find()
            assert not missing
        """,
    "of something else": """
        missing, extra = compare(a, b)
        assert not missing
        """,
}


@pytest.mark.parametrize("text", CHECKED.values(), ids=CHECKED.keys())
def test_checks(text: str) -> None:
    text = textwrap.dedent(text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "# here" in line]
    assert [one.line for one in checks_of_missing_keys(ast.parse(text))] == lines


@pytest.mark.parametrize("text", NOT_CHECKED.values(), ids=NOT_CHECKED.keys())
def test_what_is_no_check(text: str) -> None:
    assert list(checks_of_missing_keys(ast.parse(textwrap.dedent(text)))) == []
