"""Means and deviations, against NumPy and closed forms, and what is left out of them."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.analysis.statistics import Summary, majority_mean, median, summarize
from lodo_bench.analysis.statistics.summary import mean
from tests.builders import examples

NAN, INF = math.nan, math.inf
FINITE = st.floats(-1e100, 1e100)
BROKEN = st.sampled_from([NAN, INF, -INF])


@examples
@given(st.lists(FINITE, min_size=2, max_size=50))
def test_mean_and_deviation_are_those_of_numpy(values):
    summary = summarize(values)
    # NumPy squares the deviations as floats: those below 1e-150 are lost to it.
    rounding = 1e-12 * max(abs(value) for value in values) + 1e-150
    assert summary.mean == pytest.approx(np.mean(values), rel=1e-12, abs=rounding)
    assert summary.std == pytest.approx(np.std(values, ddof=1), rel=1e-12, abs=rounding)
    assert (summary.count, summary.diverged) == (len(values), 0)


@pytest.mark.parametrize("count", [2, 3, 8, 1000])
def test_a_whole_range_has_the_moments_of_the_uniform_distribution(count):
    summary = summarize(range(1, count + 1))
    assert summary.mean == pytest.approx((count + 1) / 2, rel=1e-15)
    assert summary.std == pytest.approx(math.sqrt(count * (count + 1) / 12), rel=1e-15)


def test_a_sample_of_a_normal_distribution_has_its_moments():
    sample = np.random.default_rng(5).normal(3.0, 2.0, 20_000)
    summary = summarize(sample.tolist())
    assert summary.mean == pytest.approx(3.0, abs=0.05)
    assert summary.std == pytest.approx(2.0, abs=0.05)


def test_the_deviation_is_that_of_a_sample():
    assert summarize([1.0, 3.0]).std == pytest.approx(math.sqrt(2), rel=1e-15)


def test_a_small_deviation_around_a_large_mean_is_not_lost():
    summary = summarize([1e9 + offset for offset in (-0.5, 0.0, 0.5)])
    assert (summary.mean, summary.std) == (1e9, 0.5)


def test_one_value_has_no_deviation():
    summary = summarize([4.5])
    assert (summary.mean, summary.count, summary.diverged) == (4.5, 1, 0)
    assert math.isnan(summary.std)


@pytest.mark.parametrize("values", [[], [NAN], [INF, -INF, NAN]])
def test_without_a_finite_value_there_is_neither_mean_nor_deviation(values):
    summary = summarize(values)
    assert math.isnan(summary.mean)
    assert math.isnan(summary.std)
    assert (summary.count, summary.diverged) == (0, len(values))


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("value", [0.1, -1e300, 5e-324])
def test_identical_values_do_not_deviate(value, count):
    summary = summarize([value] * count)
    assert summary.mean == pytest.approx(value, rel=1e-15)
    assert (summary.std, summary.count, summary.diverged) == (0.0, count, 0)


@examples
@given(st.lists(FINITE, min_size=2, max_size=10), st.lists(BROKEN, max_size=5), st.randoms())
def test_values_that_are_not_finite_are_counted_and_left_out(finite, broken, random):
    mixed = finite + broken
    random.shuffle(mixed)
    alone, summary = summarize(finite), summarize(iter(mixed))
    assert (summary.count, summary.diverged) == (len(finite), len(broken))
    assert (summary.mean, summary.std) == (alone.mean, alone.std)


@pytest.mark.parametrize("values", [[1e308, 1e308], [1.7e308, -1.7e308]])
def test_huge_values_are_summarized(values):
    assert summarize(values).mean == pytest.approx(values[0] / 2 + values[1] / 2, rel=1e-15)


@examples
@given(st.lists(FINITE, min_size=1, max_size=20), st.randoms())
def test_the_median_is_that_of_numpy_in_any_order(values, random):
    expected = np.median(values)
    random.shuffle(values)
    assert median(values) == pytest.approx(expected, rel=1e-12)


def test_a_median_of_huge_values_is_finite():
    assert median([1.7e308, 1.7e308]) == 1.7e308


def test_a_median_counts_infinity_as_a_value():
    assert median([1.0, INF, 2.0]) == 2.0
    assert median([1.0, INF]) == INF
    assert math.isnan(median([]))


@pytest.mark.parametrize(
    ("values", "mean"), [([1.0, 3.0], 2.0), ([1.0, 3.0, NAN], 2.0), ([1.0, INF], INF), ([NAN], INF), ([], INF)]
)
def test_a_mean_of_the_finite_values_needs_most_of_them(values, mean):
    assert majority_mean(values) == mean


ANY = st.floats(allow_nan=False, allow_infinity=False)
SCALES = st.floats(-320, 300).map(lambda exponent: 10.0**exponent)


@examples
@given(
    st.one_of(
        st.lists(ANY, min_size=2, max_size=8),
        st.builds(
            lambda scale, values: [scale * value for value in values], SCALES, st.lists(st.floats(1, 9), min_size=2)
        ),
        st.lists(st.integers(0, 10**15), min_size=2),
    )
)
def test_deviations_are_rounded_once(values):
    try:
        expected = statistics.stdev(values)
    except OverflowError:
        expected = INF
    assert repr(summarize(values).std) == repr(expected)


@examples
@given(
    st.one_of(
        st.lists(st.one_of(st.sampled_from([1.0, 0.0, -0.0]), st.floats(-1e300, 1e300)), min_size=1, max_size=5),
        st.lists(st.integers(0, 10**15), min_size=1, max_size=5),
    )
)
def test_means_are_rounded_once(values):
    expected = statistics.mean(values)  # of whole numbers it is a whole number, if it can be
    assert (mean(values), math.copysign(1, mean(values))) == (expected, math.copysign(1, expected))


@pytest.mark.parametrize("value", [0.0, 100_000.0, 1e308, 5e-324])
def test_equal_values_deviate_by_nothing(value):
    assert summarize([value] * 5) == Summary(value, 0.0, 5, 0)
    assert statistics.stdev([value] * 5) == 0.0
