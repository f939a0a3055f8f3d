"""Performance profiles: by hand, and by what every profile must be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.analysis.profile import performance_profile
from tests.builders import examples

NAN, INF = math.nan, math.inf


def share(profile, name, factor):
    """ρ of an optimizer at a factor."""
    return profile.shares[name][np.searchsorted(profile.factors, factor, side="right") - 1]


def test_a_profile_by_hand():
    found = performance_profile({"a": [1.0, 4.0, 3.0, 8.0], "b": [2.0, 2.0, 3.0, INF]})
    assert found.factors.tolist() == [1.0, 2.0]
    assert found.shares["a"].tolist() == [0.75, 1.0]
    assert found.shares["b"].tolist() == [0.5, 0.75]


def test_between_two_factors_nothing_changes():
    found = performance_profile({"a": [1.0, 1.0], "b": [10.0, 1.0]})
    assert [share(found, "b", factor) for factor in (1.0, 9.9, 10.0, 1e6)] == [0.5, 0.5, 1.0, 1.0]


def test_what_diverged_is_never_solved():
    found = performance_profile({"a": [1.0, 1.0], "b": [NAN, 1.0], "c": [INF, NAN]})
    assert {name: shares[-1] for name, shares in found.shares.items()} == {"a": 1.0, "b": 0.5, "c": 0.0}


def test_a_problem_that_nobody_solves_counts_for_nobody():
    found = performance_profile({"a": [INF, 1.0], "b": [NAN, 2.0]})
    assert found.shares["a"].tolist() == [0.5, 0.5]


def test_beside_a_cost_of_nothing_all_others_are_far_away():
    found = performance_profile({"a": [0.0], "b": [0.0], "c": [1e-9]})
    assert {name: shares[-1] for name, shares in found.shares.items()} == {"a": 1.0, "b": 1.0, "c": 0.0}


def test_problems_have_weights():
    costs = {"a": [1.0, 1.0, 2.0], "b": [2.0, 2.0, 1.0]}
    assert performance_profile(costs, [1.0, 1.0, 2.0]).shares["a"][0] == 0.5
    assert performance_profile(costs).shares["a"][0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("costs", [{}, {"a": []}])
def test_without_problems_nothing_is_solved(costs):
    found = performance_profile(costs)
    assert [shares.tolist() for shares in found.shares.values()] == [[0.0]] * len(costs)


@examples
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(st.floats(0, 1e9), min_size=n, max_size=n), min_size=1)))
def test_shares_rise_from_the_best_to_all(table):
    found = performance_profile({str(index): costs for index, costs in enumerate(table)})
    assert (np.diff(found.factors) > 0).all()
    assert found.factors[0] == 1.0
    for shares in found.shares.values():
        assert (np.diff(shares) >= 0).all()
    assert sum(shares[0] for shares in found.shares.values()) >= 1 - 1e-12
