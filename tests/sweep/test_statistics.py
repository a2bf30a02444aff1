"""The numbers of a report against published tables, and the words that they allow."""

import math

import pytest

from stitchgen.sweep import statistics
from stitchgen.sweep.statistics import compare, holm, sign_flip, t_quantile, t_two_sided

#: Of the t distribution's printed tables: the 97.5 % quantile by degrees of freedom.
TABLE = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 9: 2.2622, 30: 2.0423, 120: 1.9799}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_tables(freedom):
    assert t_quantile(0.975, freedom) == pytest.approx(TABLE[freedom], abs=5e-5)
    assert t_two_sided(TABLE[freedom], freedom) == pytest.approx(0.05, abs=1e-5)


def test_the_tail_goes_on_where_digits_end():
    near, far = t_two_sided(999.0, 3), t_two_sided(1001.0, 3)
    assert far == pytest.approx(near * (999 / 1001) ** 3, rel=1e-3)
    assert 0 < t_two_sided(1e9, 4) < 1e-30


def test_holm_multiplies_by_those_that_are_left_and_never_falls():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert found == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_flipped_signs_are_counted_exactly():
    assert sign_flip([1.0] * 6) == 2 / 64
    assert sign_flip([1.0] * 5) is None, "it cannot be below 0.05"


def comparison(differences, **options):
    baseline = {seed: 10.0 + seed for seed in range(len(differences))}
    values = {seed: baseline[seed] + one for seed, one in enumerate(differences)}
    return compare({"v": values}, baseline, less_is_better=False, **options)["v"]


def test_a_verdict_is_one_of_four():
    assert comparison([1.0, 1.1, 0.9]).verdict == "gain"
    assert comparison([-1.0, -1.1, -0.9]).verdict == "loss"
    assert comparison([1.0, -1.0, 0.5]).verdict == "no-difference"
    assert comparison([1.0, 1.1]).verdict == "not-comparable"
    assert comparison([1.0, 1.1, 0.9], unpaired=["v"]).verdict == "not-comparable"


def test_less_may_be_better():
    baseline = {0: 1.0, 1: 2.0, 2: 3.0}
    values = {0: 0.5, 1: 1.4, 2: 2.6}
    found = compare({"v": values}, baseline, less_is_better=True)["v"]
    assert found.verdict == "gain" and found.wins == 3 and found.mean < 0


@pytest.mark.parametrize("count", [1, 2])
def test_few_seeds_have_no_interval_and_no_p(count):
    found = comparison([1.0] * count)
    assert found.pairs == count and found.mean == 1.0
    assert found.low is found.high is found.p is found.p_holm is None


def test_runs_that_diverged_are_in_no_mean():
    baseline = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}
    values = {0: 1.5, 1: math.nan, 2: 3.4, 3: 4.6}
    found = compare({"v": values}, baseline, less_is_better=False)["v"]
    assert found.pairs == 3 and found.mean == pytest.approx(0.5)


def test_the_interval_is_of_the_paired_differences():
    found = comparison([1.0, 2.0, 3.0])
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found.shown == pytest.approx(found.high - found.mean)
    assert statistics.mean([found.low, found.high]) == pytest.approx(2.0)
