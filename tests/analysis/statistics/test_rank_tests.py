"""Exact rank tests: against SciPy's where it is exact, and by counting all outcomes where it is not."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lodo_bench.analysis.statistics import rank_tests
from lodo_bench.analysis.statistics.matching import distances
from tests.builders import examples

INF = math.inf
COARSE = st.sampled_from([0.0, 1.0, 2.0, 3.0, INF])  # ties, and diverged runs


def signed_rank(larger, smaller):
    """p of the pairs' differences for `larger` being larger."""
    return rank_tests.signed_rank(distances(np.array(larger), np.array(smaller), "difference")).larger


def rank_sum(larger, smaller):
    """p for `larger` being larger."""
    return rank_tests.rank_sum(np.array(larger), np.array(smaller)).larger


def sign_oracle(larger, smaller):
    """All 2ⁿ signs of the differences."""
    differences = np.array([0.0 if a == b else a - b for a, b in zip(larger, smaller, strict=True)])
    differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    found = ranks[differences > 0].sum()
    sums = [np.dot(ranks, signs) for signs in itertools.product([0, 1], repeat=len(ranks))]
    return np.mean([total >= found - 1e-9 for total in sums])


def choice_oracle(larger, smaller):
    """All choices of which ranks are the first sample's."""
    ranks = stats.rankdata([*larger, *smaller])
    found = ranks[: len(larger)].sum()
    sums = [sum(chosen) for chosen in itertools.combinations(ranks, len(larger))]
    return np.mean([total >= found - 1e-9 for total in sums])


@pytest.mark.parametrize("count", [1, 2, 5, 8, 20])
def test_signed_ranks_are_those_of_scipy(count):
    random = np.random.default_rng(count)
    for _ in range(5):
        one, other = random.normal(size=(2, count))
        oracle = stats.wilcoxon(one, other, alternative="greater", method="exact").pvalue
        assert signed_rank(one, other) == pytest.approx(oracle, rel=1e-12)


@pytest.mark.parametrize(("count", "other_count"), [(1, 1), (3, 5), (8, 8), (4, 20)])
def test_rank_sums_are_those_of_scipy(count, other_count):
    random = np.random.default_rng(count)
    for _ in range(5):
        one, other = random.normal(size=count), random.normal(size=other_count)
        oracle = stats.mannwhitneyu(one, other, alternative="greater", method="exact").pvalue
        assert rank_sum(one, other) == pytest.approx(oracle, rel=1e-12)


@examples
@given(st.lists(st.tuples(COARSE, COARSE), max_size=7))
def test_signed_ranks_with_ties_and_infinities_are_counted_exactly(pairs):
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assert signed_rank(one, other) == pytest.approx(sign_oracle(one, other), rel=1e-12)


@examples
@given(st.lists(COARSE, min_size=1, max_size=5), st.lists(COARSE, min_size=1, max_size=5))
def test_rank_sums_with_ties_and_infinities_are_counted_exactly(one, other):
    assert rank_sum(one, other) == pytest.approx(choice_oracle(one, other), rel=1e-12)


@pytest.mark.parametrize("count", [1, 5, 8])
def test_the_smallest_p_is_that_of_one_outcome_in_all(count):
    worse, better = [2.0 + i for i in range(count)], [1.0] * count
    assert signed_rank(worse, better) == 2.0**-count
    assert rank_sum(worse, better) == pytest.approx(1 / math.comb(2 * count, count), rel=1e-12)
    assert signed_rank(better, worse) == pytest.approx(rank_sum(better, worse), rel=1e-12) == 1.0


def test_what_does_not_differ_says_nothing():
    assert signed_rank([1.0] * 8, [1.0] * 8) == 1.0
    assert rank_sum([1.0] * 8, [1.0] * 8) == 1.0
    assert signed_rank([INF] * 8, [INF] * 8) == 1.0
    assert signed_rank([], []) == 1.0


def test_rounding_is_no_difference():
    values = [0.1 * i for i in range(1, 9)]
    rounded = [value * (1 + 1e-14) for value in values]
    assert signed_rank(rounded, values) == 1.0
    assert rank_sum(rounded[:4], values[:4]) == choice_oracle(values[:4], values[:4])


def test_a_diverged_run_is_the_worst():
    assert signed_rank([INF, 5.0], [4.0, 4.0]) == 0.25
    assert signed_rank([INF, 1.0, 1.0], [4.0, 2.0, 3.0]) == sign_oracle([100.0, 1.0, 1.0], [4.0, 2.0, 3.0])
    assert rank_sum([INF] * 8, [1.0] * 8) == pytest.approx(1 / math.comb(16, 8), rel=1e-12)


def test_many_runs_are_no_matter():
    worse, better = np.arange(200) + 0.5, np.arange(200.0)
    assert 0 < signed_rank(worse, better) < 1e-50
    oracle = stats.mannwhitneyu(worse[:60], better[:60], alternative="greater", method="exact").pvalue
    assert rank_sum(worse[:60], better[:60]) == pytest.approx(oracle, rel=1e-9)


@examples
@given(st.lists(st.tuples(COARSE, COARSE), max_size=7), st.lists(COARSE, min_size=1, max_size=5))
def test_the_other_tail_is_that_of_the_samples_exchanged(pairs, third):
    one, other = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    tails = rank_tests.signed_rank(distances(one, other, "difference"))
    assert tails.smaller == pytest.approx(signed_rank(other, one), rel=1e-12)
    tails = rank_tests.rank_sum(np.array(third), np.array([1.0, 2.0]))
    assert tails.smaller == pytest.approx(rank_sum([1.0, 2.0], third), rel=1e-12)
