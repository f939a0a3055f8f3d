"""When a run came down to a loss: against plain loops, and in the words of its definition."""

import math

import numpy as np
import pytest

from lodo_bench.analysis.statistics import Summary
from lodo_bench.analysis.statistics.target import Crossing, first_crossing, reaching
from lodo_bench.spec.milestone import Milestone, scored_window
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.outcome import Curve

NAN, INF = math.nan, math.inf


def curve(losses, seconds=1.0):
    """A run whose steps all take the same time."""
    return Curve(np.array(losses, dtype=np.float64), np.array([0, len(losses)]), np.array([0.0, seconds]))


def loop(losses, target, window):
    for step in range(window, len(losses) + 1):
        found = losses[step - window : step]
        if not np.isfinite(losses[:step]).all():
            return None
        if math.fsum(found) / window <= target:
            return step
    return None


@pytest.mark.parametrize("window", [1, 2, 7, 19, 100, 300])
@pytest.mark.parametrize("target", [3.0, 1.1, 1.0, 0.5])
def test_it_is_what_a_loop_finds(window, target):
    losses = 1 + 5 * np.exp(-np.arange(300) / 50) + np.random.default_rng(window).normal(0, 0.5, 300)
    found = first_crossing(curve(losses), target, window)
    assert (found and found.step) == loop(losses, target, window)


def test_one_lucky_batch_is_no_crossing():
    losses = [5.0] * 10 + [0.1] + [5.0] * 10 + [1.0] * 10
    assert first_crossing(curve(losses), 1.0, 1).step == 11
    assert first_crossing(curve(losses), 1.0, 5).step == 26


def test_a_mean_at_the_target_has_reached_it():
    assert first_crossing(curve([2.0, 1.0, 1.0]), 1.0, 2).step == 3


def test_nothing_is_reached_before_a_whole_window():
    assert first_crossing(curve([1.0] * 10), 2.0, 4).step == 4
    assert first_crossing(curve([1.0] * 3), 2.0, 4) is None


def test_what_is_never_low_enough_never_crosses():
    assert first_crossing(curve([3.0, 2.0, 1.5]), 1.0, 1) is None
    assert first_crossing(curve([]), 1.0, 1) is None


@pytest.mark.parametrize("broken", [NAN, INF, -INF])
def test_a_diverged_run_reaches_nothing_after_it(broken):
    assert first_crossing(curve([5.0, 5.0, broken, 1.0, 1.0]), 2.0, 1) is None
    assert first_crossing(curve([5.0, 1.0, broken]), 2.0, 1).step == 2


def test_small_losses_after_large_ones_are_not_lost():
    losses = [1e30] * 50 + [1e-8] * 50
    assert first_crossing(curve(losses), 2e-8, 10).step == 60
    assert first_crossing(curve(losses), 0.5e-8, 10) is None


@pytest.mark.parametrize("total", [1, 5, 10, 200, 1000])
def test_who_scores_the_target_at_the_milestone_has_reached_it(total):
    run = curve(np.linspace(9.0, 1.0, total))
    first, last = scored_window(total)
    score = milestone_loss(run, Milestone("steps", total))
    assert first_crossing(run, score * (1 + 1e-12), last - first).step <= total


def test_the_time_is_read_from_the_clock_between_its_readings():
    run = Curve(np.array([5.0] * 6 + [1.0] * 4), np.array([0, 4, 8, 10]), np.array([0.0, 1.0, 5.0, 6.0]))
    assert first_crossing(run, 1.0, 1) == Crossing(7, 4.0)


def test_misses_are_counted_and_not_averaged():
    found = reaching([10.0, None, 20.0, None, None])
    assert (found.reached, found.missed) == (Summary(15.0, pytest.approx(math.sqrt(50)), 2, 0), 3)
    nobody = reaching([None, None])
    assert (nobody.reached.count, nobody.missed) == (0, 2)


@pytest.mark.parametrize(
    ("found", "median"),
    [
        ([10.0, 30.0, 20.0], 20.0),
        ([10.0, 20.0], 15.0),
        ([None, 10.0, 20.0], 20.0),
        ([None, 10.0], math.inf),
        ([None, None, 10.0], math.inf),
    ],
)
def test_misses_count_as_later_than_everything_in_the_median(found, median):
    assert reaching(found).median == median


def test_no_runs_have_no_median():
    assert math.isnan(reaching([]).median)
