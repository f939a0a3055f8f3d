"""Intervals of a mean: against SciPy's bootstrap, by how often they cover a known mean, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lodo_bench.analysis.statistics import Interval, confidence_interval
from lodo_bench.analysis.statistics.interval import _tail
from tests.builders import examples

NAN, INF = math.nan, math.inf


def is_nothing(interval):
    return math.isnan(interval.low) and math.isnan(interval.high)


@pytest.mark.parametrize("count", [6, 8, 30])
def test_it_is_the_percentile_interval_of_scipy_at_the_widened_level(count):
    values = np.random.default_rng(count).lognormal(size=count)
    level = 1 - 2 * stats.norm.cdf(math.sqrt(count / (count - 1)) * stats.t.ppf(0.025, count - 1))
    oracle = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(1),
        n_resamples=99_999,
    ).confidence_interval
    found, spread = confidence_interval(values), oracle.high - oracle.low
    assert found.low == pytest.approx(oracle.low, abs=0.05 * spread)
    assert found.high == pytest.approx(oracle.high, abs=0.05 * spread)


def test_the_level_is_the_nominal_one_for_many_values():
    assert _tail(10_000, 0.95) == pytest.approx(0.025, rel=1e-3)
    assert _tail(8, 0.95) < 0.01


@pytest.mark.parametrize("count", [6, 8, 20])
def test_it_covers_the_mean_of_a_normal_distribution_as_often_as_it_says(count):
    random, trials = np.random.default_rng(count), 400
    covered = sum(
        found.low <= 3.0 <= found.high
        for found in (confidence_interval(random.normal(3.0, 2.0, count)) for _ in range(trials))
    )
    assert covered / trials == pytest.approx(0.95, abs=0.035)


def test_it_is_the_same_every_time():
    values = [1.0, 2.0, 4.0, 5.0, 7.0, 9.0]
    assert confidence_interval(values) == confidence_interval(list(values))


@examples
@given(st.lists(st.floats(-1e300, 1e300), min_size=6, max_size=12))
def test_it_is_within_the_values(values):
    found = confidence_interval(values)
    assert min(values) <= found.low <= found.high <= max(values)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e9, 1e300])
def test_it_scales_with_the_values(scale):
    values = [1.0, 2.0, 4.0, 5.0, 7.0, 9.0]
    plain, scaled = confidence_interval(values), confidence_interval([scale * value for value in values])
    assert scaled.low == pytest.approx(scale * plain.low, rel=1e-9)
    assert scaled.high == pytest.approx(scale * plain.high, rel=1e-9)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0], [NAN] * 9, [1.0, NAN, INF] * 2])
def test_too_few_values_have_none(values):
    assert is_nothing(confidence_interval(values))


def test_less_confidence_needs_fewer_values():
    assert is_nothing(confidence_interval([1.0, 2.0, 3.0, 4.0], 0.9))
    assert not is_nothing(confidence_interval([1.0, 2.0, 3.0, 4.0, 5.0], 0.9))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 5e-324])
def test_identical_values_have_one_point(value):
    assert confidence_interval([value] * 8) == Interval(value, value)


def test_what_is_not_finite_is_left_out():
    values = [1.0, 2.0, 4.0, 5.0, 7.0, 9.0]
    assert confidence_interval([NAN, *values, INF, -INF]) == confidence_interval(values)
