"""Intervals of effects: against SciPy's exact tests inverted, and where runs diverged, tie or are few."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from lodo_bench.analysis.statistics import Effect, Sample
from lodo_bench.analysis.statistics.effect import measure
from lodo_bench.analysis.statistics.matching import match
from tests.builders import examples

NAN, INF = math.nan, math.inf
FINITE = st.floats(1e-3, 1e3)


def seeds(*values):
    return Sample(dict(enumerate(map(float, values))))


def searches(*values):
    return Sample(dict(enumerate(map(float, values))), unit="search")


def constant(value):
    return Sample({0: value}, is_constant=True)


def effect(one, other, kind="ratio"):
    return measure(match(one, other), kind)


def kept(p_of, candidates):
    """Ends of the intervals between candidates of which some point is not rejected at 5 %."""
    ordered = np.sort(candidates)
    between = (ordered[1:] + ordered[:-1]) / 2
    accepted = [p_of(point) > 0.05 for point in between]
    assert accepted == sorted(accepted[: len(accepted) // 2]) + sorted(accepted[len(accepted) // 2 :], reverse=True)
    inside = np.flatnonzero(accepted)
    return ordered[inside[0]], ordered[inside[-1] + 1]


@pytest.mark.parametrize("count", [6, 8, 11])
def test_the_interval_of_pairs_inverts_the_signed_rank_test_of_scipy(count):
    one, other = np.random.default_rng(count).normal(size=(2, count))
    differences = one - other
    walsh = [(a + b) / 2 for i, a in enumerate(differences) for b in differences[: i + 1]]
    found = effect(seeds(*one), seeds(*other), "difference")
    low, high = kept(lambda shift: stats.wilcoxon(differences - shift, method="exact").pvalue, walsh)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.estimate == pytest.approx(np.median(walsh), rel=1e-12)


@pytest.mark.parametrize(("own", "others"), [(4, 4), (5, 5), (3, 9), (10, 10)])
def test_the_interval_of_searches_inverts_the_rank_sum_test_of_scipy(own, others):
    random = np.random.default_rng(own)
    one, other = random.normal(size=own), random.normal(size=others)
    differences = (one[:, None] - other).ravel()
    found = effect(searches(*one), searches(*other), "difference")
    low, high = kept(lambda shift: stats.mannwhitneyu(one - shift, other, method="exact").pvalue, differences)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.estimate == pytest.approx(np.median(differences), rel=1e-12)


@pytest.mark.parametrize("count", [6, 8, 9, 20])
def test_the_interval_around_a_constant_inverts_the_sign_test_of_scipy(count):
    values = np.random.default_rng(count).normal(size=count)
    found = effect(seeds(*values), constant(0.5), "difference")
    low, high = kept(lambda shift: stats.binomtest(int((values > shift).sum()), count).pvalue, values)
    assert (found.low, found.high) == pytest.approx((low - 0.5, high - 0.5), rel=1e-12)
    assert found.estimate == pytest.approx(np.median(values) - 0.5, rel=1e-12)
    opposite = effect(constant(0.5), seeds(*values), "difference")
    assert (opposite.low, opposite.high) == pytest.approx((-found.high, -found.low), rel=1e-12)


PAIRINGS = pytest.mark.parametrize("make", [seeds, searches], ids=["pairs", "searches"])


@PAIRINGS
@examples
@given(one=st.lists(FINITE, min_size=7, max_size=7), other=st.lists(FINITE, min_size=7, max_size=7))
def test_the_interval_and_the_test_agree(make, one, other):
    pair = match(make(*one), make(*other))
    logs = np.log(one), np.log(other)
    differences = logs[0] - logs[1] if make is seeds else (logs[0][:, None] - logs[1]).ravel()
    ranked = np.abs(differences) if make is seeds else differences
    assume(np.diff(np.sort(np.append(ranked, 0.0))).min() > 1e-6)  # no ties
    tails = pair.tails("ratio")
    found = measure(pair, "ratio")
    assert (found.low > 1) == (tails.larger <= 0.025)
    assert (found.high < 1) == (tails.smaller <= 0.025)


@PAIRINGS
@examples
@given(
    one=st.lists(FINITE | st.just(INF) | st.just(0.0), min_size=4, max_size=8),
    other=st.lists(FINITE | st.just(INF) | st.just(0.0), min_size=8, max_size=8),
)
def test_exchanged_samples_have_the_inverse_ratio(make, one, other):
    found, inverse = effect(make(*one), make(*other)), effect(make(*other), make(*one))
    for end, its in ((found.low, inverse.high), (found.high, inverse.low), (found.estimate, inverse.estimate)):
        expected = INF if its == 0 else 1 / its
        assert end == pytest.approx(expected, rel=1e-9, nan_ok=True)
    if not math.isnan(found.low + found.estimate):
        assert found.low <= found.estimate <= found.high


@PAIRINGS
@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e9, 1e300])
def test_ratios_do_not_depend_on_the_unit_and_follow_factors(make, scale):
    random = np.random.default_rng(4)
    one, other = random.lognormal(size=(2, 8))
    plain = effect(make(*one), make(*other))
    scaled = effect(make(*(scale * one)), make(*(scale * other)))
    assert (scaled.low, scaled.estimate, scaled.high) == pytest.approx(
        (plain.low, plain.estimate, plain.high), rel=1e-9
    )
    tripled = effect(make(*(3 * one)), make(*other))
    expected = (3 * plain.low, 3 * plain.estimate, 3 * plain.high)
    assert (tripled.low, tripled.estimate, tripled.high) == pytest.approx(expected, rel=1e-9)


@PAIRINGS
@examples
@given(values=st.lists(FINITE, min_size=8, max_size=8), at=st.integers(0, 7), worse=FINITE | st.just(INF))
def test_a_worse_value_lowers_no_end(make, values, at, worse):
    other = make(*(1.0 + 0.1 * i for i in range(8)))
    worsened = list(values)
    worsened[at] = max(worse, values[at])
    for kind in ("ratio", "difference"):
        before, after = effect(make(*values), other, kind), effect(make(*worsened), other, kind)
        for end in ("low", "estimate", "high"):
            assert getattr(after, end) >= getattr(before, end) * (1 - math.copysign(1e-9, getattr(before, end)))


@pytest.mark.parametrize("make", [seeds, searches])
@pytest.mark.parametrize("value", [0.0, 0.1, 5e-324, 1e300])
def test_equal_values_have_an_interval_of_no_width(make, value):
    same = make(*[value] * 8)
    assert effect(same, same) == Effect(1.0, 1.0, 1.0, "ratio")
    assert effect(same, same, "difference") == Effect(0.0, 0.0, 0.0, "difference")


def test_a_constant_factor_has_an_interval_of_no_width():
    values = np.random.default_rng(0).lognormal(size=8)
    found = effect(seeds(*(1.5 * values)), seeds(*values))
    assert (found.low, found.estimate, found.high) == pytest.approx((1.5, 1.5, 1.5), rel=1e-12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (seeds(1, 2, 3, 4, 5), seeds(2, 3, 4, 5, 6)),
        (searches(1, 2, 3), searches(2, 3, 4)),
        (searches(1, 2, 3, 4, 5), constant(2.0)),
        (constant(1.0), constant(2.0)),
        (searches(*range(1, 9)), seeds(*range(1, 9))),
    ],
    ids=["5 pairs", "3 searches", "5 and a constant", "2 constants", "searches and seeds"],
)
def test_too_few_values_have_an_estimate_but_no_interval(one, other):
    found = effect(one, other)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.estimate > 0


def test_without_values_there_is_no_effect():
    for one, other in ((seeds(), seeds()), (seeds(1), seeds()), (constant(1.0), searches())):
        found = effect(one, other)
        assert all(math.isnan(value) for value in (found.estimate, found.low, found.high))


def test_diverged_runs_are_infinitely_worse():
    good, broken = seeds(*range(1, 9)), seeds(*[NAN, INF] * 4)
    assert effect(broken, good) == Effect(INF, INF, INF, "ratio")
    assert effect(good, broken) == Effect(0.0, 0.0, 0.0, "ratio")
    assert effect(good, broken, "difference") == Effect(-INF, -INF, -INF, "difference")


def test_one_diverged_run_opens_the_interval_at_most_on_its_side():
    values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]
    found = effect(seeds(*values, INF), seeds(*[1.0] * 8))
    assert 1 < found.low < found.estimate < found.high == INF
    many = effect(seeds(*np.linspace(1, 2, 19), INF), seeds(*[1.0] * 20))
    assert 1 < many.low < many.estimate < many.high < INF


def test_pairs_that_both_diverged_are_left_out():
    one, other = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0], [2.0, 1.0, 7.0, 4.0, 6.0, 5.0]
    assert effect(seeds(*one, INF, INF), seeds(*other, NAN, INF)) == effect(seeds(*one), seeds(*other))
    assert math.isnan(effect(seeds(*one[:5], INF), seeds(*other[:5], INF)).low)
    assert math.isnan(effect(seeds(*[INF] * 8), seeds(*[INF] * 8)).estimate)


def test_searches_that_diverged_on_both_sides_bound_nothing():
    diverged = [1.0, 2.0, INF, INF]
    assert effect(searches(*diverged), searches(*diverged)) == Effect(1.0, 0.0, INF, "ratio")


@pytest.mark.parametrize("make", [seeds, searches])
def test_a_loss_of_exactly_0_is_infinitely_better(make):
    found = effect(make(*[0.0] * 8), make(*range(1, 9)))
    assert found == Effect(0.0, 0.0, 0.0, "ratio")
    mixed = effect(make(0, 0, 1, 1, 1, 1, 1, 1), make(0, 1, 1, 1, 1, 1, 1, 1))
    assert (mixed.estimate, mixed.high) == (1.0, 1.0)


@pytest.mark.parametrize("make", [seeds, searches])
def test_huge_values_overflow_nothing(make):
    found = effect(make(*[1.7e308] * 8), make(*[1e-308] * 8))
    assert found.low == found.high == INF
    found = effect(make(*[1.7e308] * 8), make(*[-1.7e308] * 8), "difference")
    assert found.low == found.high == INF
    found = effect(make(*[1e300] * 8), make(*[1e299] * 8))
    assert (found.low, found.high) == pytest.approx((10.0, 10.0))


@pytest.mark.parametrize("kind", ["ratio", "difference"])
def test_rounding_is_no_effect(kind):
    values = [1.0 + i for i in range(8)]
    found = effect(seeds(*(value * (1 + 1e-14) for value in values)), seeds(*values), kind)
    neutral = 1.0 if kind == "ratio" else 0.0
    assert (found.low, found.high) == (neutral, neutral)
