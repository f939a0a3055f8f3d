"""The loss minus the bound: the same curves, on a log axis that noise does not stretch."""

import numpy as np
import pytest

from lodo_bench.charts.axis_limits import axis_limits
from lodo_bench.charts.curves import aggregate
from lodo_bench.charts.excess import above_bound, excess_limits, has_excess
from lodo_bench.charts.line_styles import line_style_of
from lodo_bench.charts.series import PlotSeries
from lodo_bench.spec.training import LossBound
from tests.charts.test_curves import diverged, path

BOUND = LossBound("Newton", 7.0)


def series(*runs, name="adam"):
    return PlotSeries(name, line_style_of(name), aggregate(runs))


def differences(*lines, bound=BOUND):
    found = above_bound(lines, bound)
    return found, excess_limits(found, axis_limits([line.band for line in lines]), bound)


def test_a_bound_of_zero_needs_no_difference():
    assert [has_excess(bound) for bound in (None, LossBound("minimum", 0.0), BOUND)] == [False, False, True]


def test_every_value_is_less_by_the_bound_and_none_is_dropped():
    (line,), _ = differences(series(path([9.0, 7.0, 6.0]), diverged([11.0, np.inf])))
    assert line.band.middle.tolist() == [3, 0, -1]
    assert line.band.high.tolist() == [4, 0, -1]
    assert line.band.ends == ((2, 4),)


def test_a_curve_that_converges_is_shown_down_to_its_end():
    _, limits = differences(series(path([7 + 2.0**-k for k in range(40)])))
    assert limits.floor == limits.values.min() == pytest.approx(2.0**-39)
    assert limits.values.max() == pytest.approx(1)


def test_noise_around_the_bound_does_not_stretch_the_axis():
    noise = 7 + 0.1 * np.random.default_rng(0).standard_normal(200)
    noise[100] = 7 + 1e-9
    _, limits = differences(series(path(noise), name="newton"), series(path(np.full(200, 9.0))))
    assert 0.01 < limits.floor < 0.1
    assert limits.values.min() == limits.floor


def test_rounding_errors_of_the_bound_are_no_difference():
    _, limits = differences(series(path([9.0, 7.0 + 1e-15, 7.0 + 1e-15])))
    assert limits.floor >= 1e-15


def test_what_is_clipped_in_the_losses_is_clipped_here():
    _, limits = differences(series(path([10.0, 12.0])), series(path([10.0, 1e6]), name="bfgs"))
    assert (limits.ceiling, limits.peaks) == (5, (None, 1e6 - 7))


def test_curves_below_the_bound_have_no_limits():
    _, limits = differences(series(path([5.0, 6.0])))
    assert len(limits.values) == 0
