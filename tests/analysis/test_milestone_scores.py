"""Scores at milestones that runs passed, from their curves."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.milestone_scores import complete_scores
from lodo_bench.errors import UsageError
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.builders import at_seconds, at_steps, run, run_set

NAN = math.nan


class Curves:
    """Curves that fall from their length to 1, at 100 steps per second, and a list of those that were read."""

    def __init__(self, lengths):
        self.lengths, self.read = lengths, []

    def __call__(self, run_set, seed):
        self.read.append((run_set, seed))
        steps = self.lengths[run_set]
        clock = np.arange(0, steps + 1, 10)
        return Curve(np.arange(steps, 0, -1.0), clock, clock / 100)


def ran(steps, seed=0, loss=1.0, **changes):
    """A run of this many steps, at 100 steps per second, with a score where it ended."""
    usual = {"training_seconds": steps / 100, "milestones": {at_steps(steps): loss}}
    return run(seed, steps=steps, **{**usual, **changes})


def diverged(steps, planned, **changes):
    return ran(steps, status=Status.DIVERGED, milestones={at_steps(planned): NAN}, **changes)


def losses(record):
    return [dict(run.milestones) for run in record.runs]


def mean_before(steps, length):
    """The mean of the losses 0.9 T < t < T of a curve that falls from its length."""
    return float(np.mean([length - t + 1 for t in range(9 * steps // 10 + 1, steps)]))


def test_a_row_is_scored_where_other_rows_are():
    short, long = run_set(ran(200), id=1), run_set(ran(1000), id=2, optimizer="lodo", steps=1000)
    curves = Curves({2: 1000})
    first, second = complete_scores([short, long], curves)
    assert losses(first) == [{at_steps(200): 1.0}]
    assert losses(second) == [{at_steps(200): mean_before(200, 1000), at_steps(1000): 1.0}]
    assert curves.read == [(2, 0)]


def test_a_row_of_short_runs_and_a_long_one_fills_both_columns():
    short = run_set(*(ran(200, seed, 5.0 + seed) for seed in range(8)), id=1, num_seeds=8)
    long = run_set(ran(1000, 0, 2.0), id=2, steps=1000, num_seeds=1)
    curves = Curves({})
    (comparison,) = compare(complete_scores([short, long], curves))
    (row,) = comparison.rows
    found = {column.milestone: result.replicates for column, result in row.results.items()}
    assert found == {at_steps(200): {seed: 5.0 + seed for seed in range(8)}, at_steps(1000): {0: 2.0}}
    assert curves.read == []


def test_a_stored_score_wins_over_the_curve_of_a_later_run():
    short, long = run_set(ran(200, 0, 5.0), id=1), run_set(ran(1000, 0, 2.0), id=2, steps=1000)
    curves = Curves({2: 1000})
    complete_scores([short, long], curves)
    assert curves.read == []
    _, second = complete_scores([short, long], curves, [at_steps(200)])
    assert losses(second) == [{}]
    assert curves.read == []


def test_of_several_runs_that_passed_a_milestone_only_the_latest_is_read():
    sets = [run_set(ran(steps, 0, 2.0), id=steps, steps=steps) for steps in (1000, 2000)]
    curves = Curves({1000: 1000, 2000: 2000})
    first, second = complete_scores(sets, curves, [at_steps(500), at_steps(800)])
    assert (losses(first), curves.read) == ([{}], [(2000, 0)])
    assert losses(second) == [{at_steps(steps): mean_before(steps, 2000) for steps in (500, 800)}]


def test_what_no_run_passed_is_missing():
    short = run_set(ran(200), id=1, optimizer="lodo")
    long = run_set(ran(1000), id=2, steps=1000)
    first, _ = complete_scores([short, long], Curves({2: 1000}))
    assert losses(first) == [{at_steps(200): 1.0}]


def test_the_milestones_of_another_task_are_not_of_this_one():
    sets = [run_set(ran(1000), id=1, steps=1000), run_set(ran(200), id=2, task=TaskSpec("rosenbrock"))]
    assert complete_scores(sets, Curves({})) == sets


def test_a_diverged_run_is_diverged_at_every_later_milestone_and_scored_before():
    broken = run_set(diverged(150, 200), id=1)
    long = run_set(ran(1000), id=2, steps=1000, optimizer="lodo")
    curves = Curves({1: 150, 2: 1000})
    first, _ = complete_scores([broken, long], curves, [at_steps(100), at_steps(1000)])
    (found,) = losses(first)
    assert found[at_steps(100)] == mean_before(100, 150)
    assert math.isnan(found[at_steps(1000)])
    assert curves.read == [(2, 0), (1, 0)]


def test_a_divergence_alone_needs_no_curve():
    sets = [run_set(diverged(150, 200), id=1), run_set(ran(1000), id=2, steps=1000, optimizer="lodo")]
    first, _ = complete_scores(sets, Curves({2: 1000}), [at_steps(300)])
    assert math.isnan(losses(first)[0][at_steps(300)])


def test_interrupted_and_failed_runs_have_no_scores():
    ended = [
        ran(500, seed, status=status, milestones={}) for seed, status in enumerate((Status.FAILED, Status.INTERRUPTED))
    ]
    first, _ = complete_scores([run_set(*ended, id=1), run_set(ran(200), id=2, optimizer="lodo")], Curves({}))
    assert losses(first) == [{}, {}]


def test_timed_runs_are_scored_at_seconds_and_others_are_not():
    timed, untimed = run_set(ran(1000), id=1), run_set(ran(1000, 1, training_seconds=None), id=2, timed=False)
    curves = Curves({1: 1000, 2: 1000})
    first, second = complete_scores([timed, untimed], curves, [at_seconds(5.0)])
    # The steps that end in (4.5 s, 5 s] are 451 to 500.
    assert losses(first) == [{at_seconds(5.0): float(np.mean(np.arange(1000 - 450, 1000 - 500, -1)))}]
    assert losses(second) == [{}]
    assert curves.read == [(1, 0)]


def test_other_scores_exist_where_they_were_measured():
    measured = ran(1000, scores={at_steps(1000): {"test_loss": 3.0}})
    (both,) = complete_scores([run_set(measured, steps=1000)], Curves({1: 1000}), [at_steps(200), at_steps(1000)])
    assert both.runs[0].scores == measured.scores
    (early,) = complete_scores([run_set(measured, steps=1000)], Curves({1: 1000}), [at_steps(200)])
    assert early.runs[0].scores == {}


def test_runs_with_a_schedule_are_not_scored_before_it_ends():
    scheduled = OptimizerSpec("adam", recipe={"schedule": "cosine"})
    sets = [
        run_set(ran(1000), id=1, steps=1000, optimizer=scheduled),
        run_set(diverged(100, 1000, seed=1), id=2, steps=1000, optimizer=scheduled),
        run_set(ran(200), id=3),
    ]
    sets[:2] = [replace(record, facts=Facts(is_scheduled=True)) for record in sets[:2]]
    curves = Curves({})
    long, broken, _ = complete_scores(sets, curves)
    assert losses(long) == [{at_steps(1000): 1.0}]
    assert math.isnan(losses(broken)[0][at_steps(200)])
    assert curves.read == []
    with pytest.raises(UsageError, match="at 300 steps: those that passed it had a learning rate scheduled"):
        complete_scores(sets, curves, [at_steps(300)])


@pytest.mark.parametrize(
    ("milestone", "message"),
    [
        (at_steps(5000), "no run can be scored at 5,000 steps: the longest took 1,000 steps"),
        (at_seconds(60), "no run can be scored at 60 s: the longest took 10 s"),
    ],
)
def test_a_milestone_that_no_run_passed_is_refused(milestone, message):
    sets = [run_set(ran(1000), steps=1000), run_set(diverged(10, 200), optimizer="lodo")]
    with pytest.raises(UsageError, match=message):
        complete_scores(sets, Curves({}), [milestone])


def test_without_runs_there_is_nothing_to_refuse():
    assert complete_scores([], Curves({}), [at_steps(5)]) == []


def test_other_runs_do_not_change_a_score():
    own = [run_set(ran(1000), id=1, steps=1000), run_set(ran(200, 1), id=2)]
    others = [
        run_set(ran(5000), id=3, steps=5000, optimizer="lodo"),
        run_set(ran(700, 0), id=4, steps=700, optimizer="yogi"),
    ]
    curves = Curves({1: 1000, 2: 200, 3: 5000, 4: 700})
    alone = [losses(record) for record in complete_scores(own, curves)]
    beside = [losses(record) for record in complete_scores([others[0], *own, others[1]], curves)[1:3]]
    for before, after in zip(alone, beside, strict=True):
        for had, has in zip(before, after, strict=True):
            assert had.items() <= has.items()
