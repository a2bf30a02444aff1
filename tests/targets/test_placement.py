"""The placements as the editor has them and as the observer computes them by hand."""

from stitchgen.observer import placement as observer
from stitchgen.targets.placement import PLACEMENTS, Placement


def as_observed(one: Placement) -> observer.Placement:
    return observer.Placement(
        one.name,
        fed_output=one.fed == "output",
        changes_input=one.value == "input",
        changes_output=one.value == "output" and not one.replaces,
        is_branch=one.is_branch,
        replaces=one.replaces,
    )


def test_both_sides_have_the_same():
    assert {name: as_observed(one) for name, one in PLACEMENTS.items()} == observer.PLACEMENTS


def test_blocks_in_a_row_go_where_the_result_takes_the_place_of_what_is_fed():
    assert [name for name, one in PLACEMENTS.items() if one.in_series] == ["after", "before"]
