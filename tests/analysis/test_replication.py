"""Replicates of a row: seeds, searches, or nothing where every seed gives the same run."""

import math

import pytest

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.replication import replicates_of
from lodo_bench.charts.groups import result_groups
from lodo_bench.report.section import build_section
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import TaskSpec, Tuned
from tests.analysis.helpers import spread
from tests.builders import at_seconds, at_steps, run, run_set, schedule, study_spec

NAN = math.nan
LOSS = ScoreColumn(at_steps(200))
ROSENBROCK = TaskSpec("rosenbrock")


def study(number, seed, optimizer="adam", **changes):
    """A finished search."""
    spec = study_spec(optimizer=optimizer, seed=seed, **changes)
    return StudySummary(number, spec, Tuned({"learning_rate": 0.1}, b""), 2, 8, True, 1200, 3.0)


def tuned(study_id, losses, first_seed=0, rate=None, **changes):
    """Final runs at the result of a search."""
    values = {"learning_rate": 0.1 * study_id if rate is None else rate}
    runs = [run(first_seed + k, loss) for k, loss in enumerate(losses)]
    settings = {"num_seeds": len(losses), "first_seed": first_seed, "values": values, "study_id": study_id}
    return run_set(*runs, id=study_id, **settings, **changes)


def only(*run_sets, studies=()):
    (comparison,) = compare(run_sets, studies)
    return comparison


def cells(comparison, title):
    table = build_section(comparison).table
    index = [head.title for head in table.heads].index(title)
    return [row.cells[index].text for row in table.rows]


def test_searches_that_differ_in_their_seed_are_one_row_of_which_each_counts_once():
    sets = [tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0], 2), tuned(3, [10.0, 12.0], 4)]
    comparison = only(*sets, studies=[study(1, 0), study(2, 1), study(3, 2)])
    (row,) = comparison.rows
    result = row.results[LOSS]
    assert result.by_search == {0: {0: 1.0, 1: 3.0}, 1: {2: 4.0, 3: 6.0}, 2: {4: 10.0, 5: 12.0}}
    assert result.replicates == {0: 2.0, 1: 5.0, 2: 11.0}
    assert (result.center, result.num_runs) == (5.0, 6)
    assert cells(comparison, "loss at 200 steps") == ["5.0 [2.0 to 11.0]"]
    assert cells(comparison, "runs") == ["3 searches, 6 seeds"]
    assert comparison.labels == ("adam",)
    assert row.hyperparameters.label == "tuned (3 searches)"


@pytest.mark.parametrize(
    "other",
    [
        {"schedule": schedule(population=8)},
        {"schedule": schedule(decay_transform="log-complement")},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_searches_that_differ_in_anything_else_are_not(other):
    comparison = only(tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0], 2), studies=[study(1, 0), study(2, 1, **other)])
    assert [row.results[LOSS].has_searches for row in comparison.rows] == [False, False]


def test_a_schedule_has_the_same_searches_by_whatever_name():
    studies = [study(1, 0), study(2, 1, schedule=schedule(name="my.yaml"))]
    assert len(only(tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0], 2), studies=studies).rows) == 1


def test_runs_that_share_seeds_are_not_independent_and_stay_apart():
    comparison = only(tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0]), studies=[study(1, 0), study(2, 1)])
    assert [row.is_tuned_once for row in comparison.rows] == [True, True]


def test_searches_that_are_not_known_stay_apart():
    assert len(only(tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0], 2)).rows) == 2


def test_deterministic_runs_at_the_results_of_searches_are_one_row():
    sets = [tuned(n, [loss], deterministic=True, task=ROSENBROCK) for n, loss in ((1, 1.0), (2, 3.0), (3, 2.0))]
    comparison = only(*sets, studies=[study(n, n - 1, task=ROSENBROCK) for n in (1, 2, 3)])
    assert cells(comparison, "loss at 200 steps") == ["2.0 [1.0 to 3.0]"]
    assert cells(comparison, "runs") == ["3 searches, deterministic"]


def test_copies_are_one_run_without_a_spread():
    comparison = only(run_set(*(run(seed, 0.25) for seed in range(8)), num_seeds=8))
    (row,) = comparison.rows
    assert row.is_deterministic
    assert row.results[LOSS].replicates == {0: 0.25}
    assert cells(comparison, "loss at 200 steps") == ["0.25"]
    assert cells(comparison, "runs") == ["deterministic: 1 run"]


def test_no_test_is_made_of_copies():
    comparison = only(
        run_set(*(run(seed, 1.0) for seed in range(8)), num_seeds=8, optimizer="a"),
        run_set(*(run(seed, 2.0) for seed in range(8)), num_seeds=8, optimizer="b"),
    )
    verdict = comparison.verdicts[LOSS]
    assert [verdict.mark(row) for row in range(2)] == ["undecided", "undecided"]
    assert {standing.test for standing in verdict.standings.values()} == {"none"}


def test_one_run_against_many_is_tested_as_a_constant():
    comparison = only(
        run_set(*(run(seed, 1.0) for seed in range(8)), num_seeds=8, optimizer="same"),
        run_set(*(run(seed, 2.0 + loss) for seed, loss in enumerate(spread(1.0))), num_seeds=8, optimizer="random"),
    )
    assert [comparison.verdicts[LOSS].mark(row) for row in range(2)] == ["best", ""]


@pytest.mark.parametrize(
    "runs",
    [
        [run(0, 1.0), run(1, 1.0000000001)],
        [run(0, 0.0), run(1, 0.0)],
        [run(0, NAN, status=Status.DIVERGED, steps=7), run(1, NAN, status=Status.DIVERGED, steps=7)],
        [run(0, milestones={at_seconds(3): 1.0}), run(1, milestones={at_seconds(3): 1.0})],
        [run(0, 1.0), run(1, NAN)],
    ],
)
def test_equal_results_that_do_not_prove_copies_are_counted_each(runs):
    (row,) = only(run_set(*runs, num_seeds=2)).rows
    assert not row.is_deterministic
    assert max(map(len, (result.replicates for result in row.results.values()))) == 2


def test_the_speed_of_copies_is_measured_each_time():
    (row,) = only(run_set(*(run(seed, 1.0, training_seconds=1.0 + seed) for seed in range(3)))).rows
    assert row.is_deterministic
    assert row.speed.count == 3


def test_a_search_counts_by_its_finite_runs_unless_half_of_them_diverged():
    searched = replicates_of({0: {0: 1.0, 1: 3.0, 2: NAN}, 1: {3: 1.0, 4: NAN}})
    assert searched == {0: 2.0, 1: math.inf}
    assert replicates_of({4: {0: 1.0, 1: 2.0}}) == {0: 1.0, 1: 2.0}


def test_a_verdict_on_one_search_says_so_and_one_on_several_does_not():
    once = only(tuned(1, spread(1.0)), tuned(2, spread(2.0), optimizer="lodo"))
    assert "adam and lodo: tuned by one search" in build_section(once).verdicts[-1]
    fixed = only(*(run_set(run(0), run(1, 2.0), source="paper", optimizer=name) for name in "ab"))
    assert "tuned by one search" not in build_section(fixed).verdicts[-1]


def test_seeds_are_compared_with_searches_by_the_blocks_of_seeds_of_the_searches():
    searches = [tuned(n, [2.0 + n / 10, 2.2 + n / 10], 2 * (n - 1)) for n in range(1, 7)]
    studies = [study(n, n - 1) for n in range(1, 7)]
    fixed = [run(seed, 1.0 + seed / 100) for seed in range(12)]
    enough = only(*searches, run_set(*fixed, num_seeds=12, source="paper", optimizer="fixed"), studies=studies)
    (standing,) = [s for s in enough.verdicts[LOSS].standings.values() if s.effect is not None]
    assert (standing.test, standing.sizes) == ("sign", (6, 6))
    assert enough.verdicts[LOSS].mark(enough.labels.index("fixed")) == "best"
    few = only(*searches, run_set(*fixed[:3], num_seeds=3, source="paper", optimizer="fixed"), studies=studies)
    assert [s.test for s in few.verdicts[LOSS].standings.values()] == ["none", "none"]


def test_a_search_that_diverged_is_the_worst_in_every_number():
    sets = [tuned(1, [1.0, 3.0]), tuned(2, [4.0, 6.0], 2), tuned(3, [NAN, NAN], 4), tuned(4, [NAN, NAN], 6)]
    comparison = only(*sets[:3], studies=[study(n, n - 1) for n in (1, 2, 3)])
    assert comparison.rows[0].results[LOSS].center == 5.0
    assert cells(comparison, "loss at 200 steps") == ["5.0 [2.0 to diverged]"]
    more = only(*sets, studies=[study(n, n - 1) for n in (1, 2, 3, 4)])
    assert more.rows[0].results[LOSS].center == math.inf


def test_searches_with_runs_of_the_same_seed_keep_all_their_curves():
    sets = [tuned(n, [float(n)], deterministic=True, task=ROSENBROCK) for n in (1, 2)]
    studies = [study(n, n - 1, task=ROSENBROCK) for n in (1, 2)]
    (row,) = only(*sets, studies=studies).rows
    assert row.curves == row.timed_curves == ((1, 0), (2, 0))
    (group,) = result_groups(sets, studies)
    assert [member.run_set for member in group.longest()] == [1, 2]
