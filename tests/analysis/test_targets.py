"""Steps to a target depend on the run alone."""

import numpy as np
import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.targets import check_window, own_windows, summarize_targets
from lodo_bench.errors import UsageError
from lodo_bench.report.section import build_section
from lodo_bench.spec.outcome import Curve
from tests.builders import at_seconds, at_steps, run, run_set


def curve(run_set, seed):
    """A curve that dips below 1 for 30 steps, after a start that is its own."""
    losses = np.full(1000, 2.0)
    losses[100 + seed : 130 + seed] = 0.5
    return Curve(losses, np.array([0, 1000]), np.array([0.0, 10.0]))


def ran(steps, seed=0, loss=1.0, **changes):
    return run(seed, steps=steps, **{"milestones": {at_steps(steps): loss}, **changes})


def targets_of(*run_sets, window=None):
    (comparison,) = compare(run_sets)
    return comparison, summarize_targets(comparison, 1.0, curve, window or own_windows(run_sets))


def row_of(optimizer, comparison, targets):
    index = [row.optimizer.name for row in comparison.rows].index(optimizer)
    return targets.windows[index], targets.steps[index], targets.seconds[index]


ADAM = run_set(ran(200), ran(200, 1), id=1)


@pytest.mark.parametrize(
    "other",
    [
        run_set(ran(1000), id=2, steps=1000, optimizer="lodo"),
        run_set(ran(50), id=2, steps=50, optimizer="lodo"),
        run_set(ran(200, milestones={at_steps(200): 1.0, at_seconds(5): 1.0}), id=2, seconds=5.0, optimizer="lodo"),
        run_set(ran(1000), id=2, steps=1000, values={"learning_rate": 1.0}),
    ],
)
def test_what_else_is_stored_changes_nothing(other):
    alone, beside = targets_of(ADAM), targets_of(other, ADAM)
    assert row_of("adam", *alone)[0] == (19,)
    rows = [
        (beside[1].windows[i], beside[1].steps[i], beside[1].seconds[i])
        for i, row in enumerate(beside[0].rows)
        if {run.run_set for run in row.curves} == {1}
    ]
    assert rows == [row_of("adam", *alone)]
    assert rows[0][1].reached.count == 2


def test_a_run_whose_curve_is_damaged_has_neither_reached_the_target_nor_missed_it():
    (comparison,) = compare([ADAM])

    def readable(run_set, seed):
        return None if seed == 0 else curve(run_set, seed)

    for loss, reached, missed in ((1.0, 1, 0), (0.1, 0, 1)):
        (steps,) = summarize_targets(comparison, loss, readable, own_windows([ADAM])).steps
        assert (steps.reached.count, steps.missed) == (reached, missed)
    (steps,) = summarize_targets(comparison, 1.0, lambda *_: None, own_windows([ADAM])).steps
    assert (steps.reached.count, steps.missed) == (0, 0)


def test_each_run_has_the_window_of_its_own_score():
    comparison, targets = targets_of(ADAM, run_set(ran(1000), id=2, steps=1000, optimizer="lodo"))
    assert row_of("lodo", comparison, targets)[0] == (99,)
    assert row_of("lodo", comparison, targets)[1].missed == 1
    assert targets.window is None


def test_a_row_may_have_runs_of_several_lengths():
    _, targets = targets_of(ADAM, run_set(ran(1000, 1), id=2, steps=1000))
    assert targets.windows == ((19, 99),)
    (steps,) = targets.steps
    assert (steps.reached.count, steps.missed) == (1, 1)


def test_one_window_can_be_given_to_all():
    sets = [ADAM, run_set(ran(1000), id=2, steps=1000, optimizer="lodo")]
    comparison, targets = targets_of(*sets, window=lambda _: 10)
    assert targets.window == 10
    # The mean of 2, 2, 2, 0.5, ..., 0.5 is at most 1 from the seventh small loss on.
    assert row_of("lodo", comparison, targets)[1].reached.mean == 107


def test_windows_that_differ_have_a_footnote_with_the_way_out():
    lodo = run_set(ran(1000), id=2, steps=1000, optimizer="lodo")
    notes = [note.text for note in build_section(*targets_of(ADAM, lodo)).footnotes]
    (note,) = [note for note in notes if note.startswith("To loss")]
    assert "19 for adam" in note
    assert "99 for lodo" in note
    assert "'--window N' averages N in all rows." in note
    (equal,) = [n.text for n in build_section(*targets_of(ADAM)).footnotes if n.text.startswith("To loss")]
    assert "the mean of the last 19 losses" in equal
    assert "--window" not in equal


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_has_losses(window):
    with pytest.raises(UsageError, match=f"invalid window {window}: must be 1 or greater"):
        check_window(window)
