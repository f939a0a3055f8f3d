"""The window that a run is scored over (LODO §5): which steps it holds, and when there is no score."""

import numpy as np
import pytest

from lodo_bench.spec.milestone import Milestone, scored_window
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.outcome import Curve


def curve(losses, clock=None):
    """A curve of these losses, with clock readings (steps, seconds); one second a step if none are given."""
    readings = [(t, float(t)) for t in range(len(losses) + 1)] if clock is None else clock
    steps, seconds = zip(*readings, strict=True)
    return Curve(np.array(losses, dtype=float), np.array(steps), np.array(seconds, dtype=float))


def numbered(count):
    return np.arange(1, count + 1)


def at_steps(value):
    return Milestone("steps", value)


def at_seconds(value):
    return Milestone("seconds", value)


def test_steps_181_to_199_of_200_are_scored():
    losses = np.full(200, np.nan)
    losses[180:199] = np.arange(19)
    assert milestone_loss(curve(losses), at_steps(200)) == 9


@pytest.mark.parametrize(
    ("total", "window"), [(1, (0, 1)), (10, (9, 10)), (200, (180, 199)), (100_000, (90_000, 99_999))]
)
def test_the_window_of_a_milestone_in_steps(total, window):
    assert scored_window(total) == window


@pytest.mark.parametrize("position", [180, 198])
def test_both_ends_of_the_window_are_in_it(position):
    losses = np.zeros(200)
    losses[position] = 19
    assert milestone_loss(curve(losses), at_steps(200)) == 1


@pytest.mark.parametrize("total", range(1, 251))
def test_the_window_holds_the_steps_after_nine_tenths_and_before_the_milestone(total):
    inside = [t for t in range(1, total + 1) if 10 * t > 9 * total and t < total]
    expected = np.mean(inside) if inside else total
    assert milestone_loss(curve(numbered(total)), at_steps(total)) == pytest.approx(expected, rel=1e-15)


def test_what_comes_after_a_milestone_does_not_matter():
    short, long = curve(numbered(200)), curve(np.append(numbered(200), np.full(300, 1e9)))
    assert milestone_loss(long, at_steps(200)) == milestone_loss(short, at_steps(200))
    assert milestone_loss(long, at_seconds(200)) == milestone_loss(short, at_seconds(200))


@pytest.mark.parametrize("length", [0, 1, 150, 180, 198, 199])
def test_a_run_that_is_too_short_for_its_steps_has_no_score(length):
    assert milestone_loss(curve(numbered(length)), at_steps(200)) is None


def test_a_run_that_diverged_before_the_window_has_no_score():
    diverged = curve([*numbered(99), np.inf], clock=[(0, 0.0), (128, 128.0), (256, 256.0)])
    assert milestone_loss(diverged, at_steps(200)) is None
    assert milestone_loss(diverged, at_seconds(200)) is None


def test_a_loss_in_the_window_that_is_not_finite_makes_the_score_so():
    losses = numbered(200).astype(float)
    losses[190] = np.inf
    assert milestone_loss(curve(losses), at_steps(200)) == np.inf
    losses[190] = np.nan
    assert np.isnan(milestone_loss(curve(losses), at_steps(200)))


def test_finite_losses_that_overflow_their_sum_are_no_warning():
    assert milestone_loss(curve(np.full(200, 1e308)), at_steps(200)) == np.inf


@pytest.mark.parametrize("total", [1, 2, 5, 10, 11, 50, 200])
def test_seconds_score_the_steps_that_ended_in_their_last_tenth(total):
    inside = [t for t in numbered(1000) if 10 * t > 9 * total and t <= total]
    assert milestone_loss(curve(numbered(1000)), at_seconds(total)) == pytest.approx(np.mean(inside), rel=1e-15)


def test_seconds_are_interpolated_between_readings_of_the_clock():
    # 100 steps in the first 10 s, 300 in the next 10 s: the steps that end in (18, 20] s are 341, ..., 400.
    uneven = curve(numbered(400), clock=[(0, 0.0), (100, 10.0), (400, 20.0)])
    assert milestone_loss(uneven, at_seconds(20)) == pytest.approx(np.mean(np.arange(341, 401)))
    # Half way into the second ten, at 15 s, step 250 ends; at 13.5 s, step 205.
    assert milestone_loss(uneven, at_seconds(15)) == pytest.approx(np.mean(np.arange(206, 251)))


def test_a_run_that_ended_before_its_seconds_has_no_score():
    assert milestone_loss(curve(numbered(99)), at_seconds(100)) is None
    assert milestone_loss(curve(numbered(100)), at_seconds(100)) is not None


def test_a_time_before_the_first_step_has_no_score():
    assert milestone_loss(curve(numbered(3), clock=[(0, 0.0), (3, 300.0)]), at_seconds(50)) is None


def test_an_empty_curve_has_no_score():
    empty = curve([], clock=[(0, 0.0)])
    assert milestone_loss(empty, at_steps(1)) is None
    assert milestone_loss(empty, at_seconds(1)) is None
