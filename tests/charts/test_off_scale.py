"""A curve has a mark at each place where it leaves the axes, and no other."""

import math

import numpy as np
import pytest

from lodo_bench.charts.off_scale import exits


def found(*points):
    return [(round(place.x, 6), round(place.y, 6), place.side) for place in exits(np.array(points, dtype=float))]


def test_a_curve_within_the_axes_has_none():
    assert found((0, 0), (0.5, 1), (1, 0.2)) == []


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        ((0.7, 1.5), (0.6, 1.0, "top")),
        ((0.7, -0.5), (0.6, 0.0, "bottom")),
        ((1.5, 0.7), (1.0, 0.6, "right")),
        ((-0.5, 0.7), (0.0, 0.6, "left")),
    ],
)
def test_the_mark_is_where_the_line_meets_the_edge(outside, expected):
    assert found((0.5, 0.5), outside) == [expected]


def test_a_curve_that_comes_back_and_leaves_again_has_two():
    assert [place[2] for place in found((0, 0.5), (0.2, 2), (0.5, 0.5), (0.8, -1), (1, -1))] == ["top", "bottom"]


def test_marks_that_would_cover_each_other_are_one():
    assert len(found((0, 0.9), (0.001, 2), (0.002, 0.9), (0.003, 2))) == 1


def test_a_curve_that_starts_outside_has_its_mark_there():
    assert found((0.25, 1.5), (0.5, 0.5)) == [(0.25, 1.0, "top")]
    assert found((0.25, 1.5)) == [(0.25, 1.0, "top")]


def test_after_a_gap_a_curve_starts_anew():
    assert found((0.1, 0.5), (math.nan, math.nan), (0.6, -1)) == [(0.6, 0.0, "bottom")]


def test_what_is_infinitely_far_is_marked():
    assert found((0.5, 0.5), (0.6, math.inf))[0][2] == "top"
    assert exits(np.empty((0, 2))) == []
