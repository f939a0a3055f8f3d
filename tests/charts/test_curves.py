"""Curves become few points without saying anything that was not so."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.charts.curves import RunCurve, aggregate, by_seconds, by_steps, metric_curve
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from tests.builders import examples

NAN, INF = math.nan, math.inf
LOSSES = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=80)


def path(losses, status=Status.COMPLETED):
    return by_steps(Curve(np.array(losses, dtype=float), np.array([0, len(losses)]), np.array([0.0, 1.0])), status)


def diverged(losses):
    return path(losses, Status.DIVERGED)


def test_few_steps_are_all_there():
    found = aggregate([path([4.0, 2.0, 1.0]), path([2.0, 2.0, 3.0])])
    assert found.x.tolist() == [1, 2, 3]
    assert found.middle.tolist() == [3, 2, 2]
    assert found.low.tolist() == [2, 2, 1]
    assert found.high.tolist() == [4, 2, 3]
    assert (found.runs, found.ends) == (2, ())


def test_the_middle_is_the_median():
    found = aggregate([path([value]) for value in (1.0, 2.0, 100.0)])
    assert found.middle.tolist() == [2]


def test_many_steps_are_means_between_the_points():
    losses = np.random.default_rng(0).random(5000) + 1
    found = aggregate([path(losses)], points=50)
    assert len(found.x) <= 50
    assert (found.x[0], found.x[-1]) == (1, 5000)
    starts = np.concatenate([[0], found.x[:-1]]).astype(int)
    means = [losses[a:b].mean() for a, b in zip(starts, found.x.astype(int), strict=True)]
    np.testing.assert_allclose(found.middle, means, rtol=1e-12)
    # Evenly on a log scale: late points stand for about the same factor.
    ratios = found.x[1:] / found.x[:-1]
    assert ratios[25:].max() < 1.3


@examples
@given(
    st.lists(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=80), min_size=1, max_size=4), st.integers(2, 20)
)
def test_every_course_is_in_order(runs, points):
    found = aggregate([path(losses) for losses in runs], points)
    assert len(found.x) <= points
    assert found.x[-1] == min(map(len, runs))
    assert (np.diff(found.x) > 0).all()
    assert (found.low <= found.middle).all() and (found.middle <= found.high).all()


def test_runs_of_different_length_are_shown_as_far_as_all_of_them_go():
    found = aggregate([path([1.0] * 10), path([3.0] * 4)])
    assert found.x[-1] == 4
    assert set(found.middle) == {2}


def test_a_run_that_diverged_is_left_out_from_there_on():
    found = aggregate([path([1.0] * 6), diverged([3.0, 3.0, NAN])])
    assert found.x.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.middle.tolist() == [2, 2, 1, 1, 1, 1]
    assert found.runs == 2
    assert found.ends == ((3, 3),)


def test_losses_that_are_not_finite_within_a_mean_are_no_loss():
    found = aggregate([path([1e308] * 100)], points=3)
    assert len(found.x) < 3  # the sum of so large numbers is not finite
    assert np.isfinite(found.middle).all()


def test_where_all_diverged_the_course_goes_as_far_as_the_last():
    found = aggregate([diverged([1.0, INF]), diverged([1.0, 2.0, 3.0, NAN])])
    assert found.x.tolist() == [2, 3] or found.x.tolist() == [1, 2, 3]
    assert found.ends == ((2, 1), (4, 3))


def test_runs_that_diverged_at_once_are_counted():
    found = aggregate([diverged([NAN]), diverged([INF])])
    assert (len(found.x), found.runs) == (0, 2)
    assert all(math.isnan(y) for _, y in found.ends)


def test_nothing_is_no_course():
    assert aggregate([]) is None
    assert aggregate([path([])]) is None


def test_one_step_is_a_course():
    found = aggregate([path([5.0])])
    assert (found.x.tolist(), found.middle.tolist()) == ([1], [5])


def test_zero_losses_stay():
    found = aggregate([path([1.0, 0.0, 0.0])])
    assert found.low.tolist() == [1, 0, 0]


def test_by_seconds_a_loss_stands_where_its_step_ended():
    found = by_seconds(
        Curve(np.array([3.0, 2.0, 1.0, 0.5]), np.array([0, 2, 4]), np.array([0.0, 1.0, 4.0])), Status.COMPLETED
    )
    assert found.x.tolist() == [0.5, 1, 2.5, 4]


def test_a_clock_that_did_not_move_is_no_error():
    found = aggregate([by_seconds(Curve(np.ones(3), np.array([0, 3]), np.zeros(2)), Status.COMPLETED)])
    assert len(found.x) == 1


def test_between_its_points_a_run_is_what_it_was_last():
    slow = RunCurve(np.array([1.0, 4.0]), np.array([10.0, 20.0]))
    fast = RunCurve(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.0, 0.0, 0.0]))
    found = aggregate([slow, fast])
    assert found.x.tolist() == [1, 2, 3, 4]
    assert found.high.tolist() == [10, 10, 10, 20]


def test_a_metric_is_a_path_of_its_steps():
    found = aggregate([metric_curve(MetricHistory(np.array([100, 200, 300]), np.array([0.9, 0.8, 0.7])))])
    assert found.x.tolist() == [100, 200, 300]
    assert found.middle.tolist() == [0.9, 0.8, 0.7]


def test_the_extent_is_of_finite_values():
    found = aggregate([path([1.0] * 6), diverged([3.0, 5.0, NAN])])
    assert (found.finite.min(), found.finite.max()) == (1, 5)


def test_the_frame_is_of_what_comes_after_the_last_divergence():
    found = aggregate([path([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), diverged([1.0, 1e9, 1e20, NAN])])
    assert (found.settled.min(), found.settled.max()) == (5, 6)
    assert len(aggregate([diverged([1.0, NAN])]).settled) == 0
    assert aggregate([path([1.0, 9.0])]).settled.tolist() == [1, 9, 1, 9]


@pytest.mark.parametrize("points", [2, 240])
def test_the_last_point_is_the_end(points):
    assert aggregate([path(np.arange(1.0, 1001.0))], points).x[-1] == 1000
