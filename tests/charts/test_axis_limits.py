"""What grows beyond bounds leaves the picture; what does not is in it, whatever the others do."""

import math

import pytest

from lodo_bench.charts.axis_limits import axis_limits, value_limits
from lodo_bench.charts.curves import aggregate
from tests.charts.test_curves import diverged, path

STEADY = [10.0, 30.0, 7.0]


def framed(*runs, **changes):
    """The frame of courses of one run each."""
    return axis_limits([aggregate([path(losses)]) for losses in runs], **changes)


def test_courses_within_bounds_are_in_the_picture():
    found = framed(STEADY, [10.0, 12.0, 990.0])
    assert (found.ceiling, found.peaks) == (None, (None, None))
    assert (found.values.min(), found.values.max()) == (7, 990)


def test_a_course_that_grows_beyond_bounds_leaves_the_picture():
    found = framed(STEADY, [10.0, 1e3, 1e5], [10.0, 11.0, 12.0])
    assert found.peaks == (None, 1e5, None)
    assert found.ceiling == found.values.max() == 30


def test_what_of_it_is_not_above_the_others_is_in_the_picture():
    found = framed(STEADY, [10.0, 1e6, 2.0])
    assert found.peaks == (None, 1e6)
    assert (found.values.min(), found.values.max()) == (2, 30)


def test_where_all_grow_all_are_in_the_picture():
    assert framed([1.0, 1e6], [1.0, 1e7]).peaks == (None, None)
    assert framed([1.0, 1e6]).values.max() == 1e6


def test_a_course_that_falls_from_high_is_in_the_picture():
    assert framed([1e6, 10.0, 1.0], [1e6, 1e3, 1e2]).ceiling is None


def test_a_course_whose_first_point_is_high_already_leaves_if_most_begin_lower():
    assert framed([1.0, 2.0], [1.0, 3.0], [5e3, 2.0]).peaks == (None, None, 5e3)


def test_losses_of_rounding_errors_do_not_hide_the_others():
    found = framed([0.5, 0.4, 0.3], [0.5, 1e-5, 1e-27, 0.0])
    assert sorted(set(found.values)) == [0.0, 1e-5, 0.3, 0.4, 0.5]


def test_small_losses_are_in_the_picture_where_there_are_no_others():
    assert framed([1e-20, 1e-22]).values.min() == 1e-22


def test_of_a_band_the_highest_run_counts():
    found = axis_limits([aggregate([path(STEADY), path([10.0, 1e6, 7.0])]), aggregate([path(STEADY)])])
    assert found.peaks == (1e6, None)


def test_the_picture_can_be_wanted_whole():
    found = framed(STEADY, [10.0, 1e3, 1e5], bounds=math.inf)
    assert (found.ceiling, found.peaks, found.values.max()) == (None, (None, None), 1e5)


@pytest.mark.parametrize(
    "runs", [[], [[0.0, 0.0], [0.0, 5.0]], [[-5.0, -1.0], [-5.0, 1e6]], [[1e308, 1e308], [1.0, 1e308]]], ids=range(4)
)
def test_odd_courses_have_a_frame(runs):
    assert framed(*runs).ceiling is None


def test_courses_without_points_have_a_frame():
    gone = aggregate([diverged([math.nan])])
    assert axis_limits([gone]).peaks == (None,)
    found = axis_limits([gone, aggregate([path(STEADY)]), aggregate([path([10.0, 1e5])])])
    assert found.peaks == (None, None, 1e5)


def test_single_values_follow_the_rule_of_curves():
    found = value_limits([1.0, 3.0, 2.0, 1e7, 250.0])
    assert (found.ceiling, found.clipped) == (250, [1e7])
    assert sorted(found.values) == [1, 2, 3, 250]
    assert value_limits([]).ceiling is None


def test_the_floor_is_the_least_value_that_must_be_visible():
    assert framed([0.5, 0.4], [0.5, 1e-5, 1e-27]).floor == 1e-5
    assert framed(STEADY).floor is None
