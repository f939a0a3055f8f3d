"""Rows of a comparison: the runs that make one, their contents, and their order."""

import math
from dataclasses import replace

import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.published import PublishedScore
from lodo_bench.analysis.statistics import Summary
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import LossBound, TaskSpec
from tests.builders import MACHINE, OTHER_MACHINE, at_seconds, at_steps, provenance, run, run_set
from tests.compute_specs import CPU

NAN, INF = math.nan, math.inf
ROSENBROCK = TaskSpec("rosenbrock")


def only(*run_sets):
    (comparison,) = compare(run_sets)
    return comparison


def row_of(*run_sets):
    (row,) = only(*run_sets).rows
    return row


def optimizers(comparison):
    return [row.optimizer.name for row in comparison.rows]


def test_without_runs_there_is_nothing_to_compare():
    assert compare([]) == []
    assert compare([run_set()]) == []


def test_a_run_set_without_runs_is_no_row():
    assert optimizers(only(run_set(), run_set(run(), optimizer="lodo"))) == ["lodo"]


def test_each_task_with_its_options_is_compared_alone_in_the_order_of_running():
    noisy = TaskSpec("quadratic", {"noise_variance": 4.0})
    tasks = [ROSENBROCK, noisy, TaskSpec("quadratic"), ROSENBROCK]
    sets = [run_set(run(), task=task, optimizer=name) for task, name in zip(tasks, "abcd", strict=True)]
    comparisons = compare(iter(sets))
    assert [comparison.task for comparison in comparisons] == [ROSENBROCK, noisy, TaskSpec("quadratic")]
    assert [optimizers(comparison) for comparison in comparisons] == [["a", "d"], ["b"], ["c"]]


def test_options_that_are_nearly_the_same_are_compared_alone():
    sets = [run_set(run(), task=TaskSpec("quadratic", {"noise_variance": value})) for value in (1.0000001, 1.0000002)]
    assert len(compare(sets)) == 2


def test_facts_are_those_of_the_latest_runs_that_have_any():
    facts = [Facts("O(n²)", bound=LossBound("Newton", 7.0)), Facts("O(n)", bound=LossBound("Newton", 28.0)), None]
    sets = [replace(run_set(run(), id=number), facts=found) for number, found in enumerate(facts)]
    comparison = only(*sets)
    assert comparison.bound == LossBound("Newton", 28.0)
    assert [row.facts.complexity for row in comparison.rows] == ["O(n)"]
    assert only(sets[2]).bound is None


def test_facts_of_rows_are_their_own():
    facts = {"adam": Facts("O(n)"), "lodo": Facts("O(n log n)", solved_below=0.5)}
    sets = [replace(run_set(run(), optimizer=name), facts=found) for name, found in facts.items()]
    comparison = only(*sets)
    assert {row.optimizer.name: row.facts for row in comparison.rows} == facts
    assert comparison.facts.solved_below == 0.5


def test_a_row_summarizes_the_seeds():
    row = row_of(run_set(*(run(seed, loss) for seed, loss in enumerate([1.0, 2.0, 6.0]))))
    assert (row.optimizer.name, row.compute) == ("adam", CPU)
    assert row.hyperparameters.values == {"learning_rate": 0.1, "beta1": 0.5}
    assert row.losses == {at_steps(200): Summary(3.0, pytest.approx(math.sqrt(7)), 3, 0)}
    assert row.unfinished == 0


def test_diverged_runs_are_counted():
    losses = [1.0, NAN, 3.0, INF]
    diverged = {1, 3}
    runs = [
        run(seed, loss, status=Status.DIVERGED if seed in diverged else Status.COMPLETED)
        for seed, loss in enumerate(losses)
    ]
    summary = row_of(run_set(*runs)).losses[at_steps(200)]
    assert (summary.mean, summary.count, summary.diverged) == (2.0, 2, 2)


def test_a_run_that_diverged_after_a_milestone_has_its_score_there():
    late = run(0, milestones={at_steps(200): 1.0, at_seconds(30): NAN}, status=Status.DIVERGED)
    losses = row_of(run_set(late)).losses
    assert (losses[at_steps(200)].mean, losses[at_steps(200)].diverged) == (1.0, 0)
    assert (losses[at_seconds(30)].count, losses[at_seconds(30)].diverged) == (0, 1)


def test_run_sets_are_united_by_seed_and_the_latest_wins():
    earlier = run_set(run(0, 10.0), run(1, 10.0), run(2, 10.0))
    later = run_set(run(1, 1.0), run(3, 1.0), num_seeds=4, id=2)
    summary = row_of(earlier, later).losses[at_steps(200)]
    assert (summary.mean, summary.count) == (5.5, 4)
    assert row_of(later, earlier).losses[at_steps(200)].mean == 7.75


def test_milestones_of_different_run_sets_come_together():
    short = run_set(run(0, milestones={at_steps(100): 5.0}), steps=100)
    long = run_set(run(0, milestones={at_steps(1000): 1.0, at_seconds(30): 2.0}), steps=1000, seconds=30.0, id=2)
    row = row_of(short, long)
    assert {key: summary.mean for key, summary in row.losses.items()} == {
        at_steps(100): 5.0,
        at_steps(1000): 1.0,
        at_seconds(30): 2.0,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "cuda"},
        {"dtype": "float32"},
        {"source": "paper"},
        {"values": {"learning_rate": math.nextafter(0.1, 1), "beta1": 0.5}},
        {"values": {"learning_rate": 0.1}},
        {"optimizer": "lodo"},
    ],
    ids=str,
)
def test_what_differs_is_another_row(changes):
    comparison = only(run_set(run(0, 1.0)), run_set(run(0, 2.0), **changes))
    assert [row.losses[at_steps(200)].mean for row in comparison.rows] == [1.0, 2.0]


@pytest.mark.parametrize("changes", [{"timed": False}, {"num_seeds": 8}, {"steps": 300}, {"seconds": 5.0}], ids=str)
def test_how_long_and_how_many_is_the_same_row(changes):
    assert row_of(run_set(run(0, 1.0)), run_set(run(0, 2.0), **changes)).losses[at_steps(200)].mean == 2.0


def test_the_same_values_of_another_study_are_the_same_row_with_the_latest_study():
    row = row_of(run_set(run(0, 1.0), study_id=1), run_set(run(1, 2.0), study_id=2))
    assert row.losses[at_steps(200)].count == 2
    assert row.hyperparameters.study_id == 2


def test_the_same_values_in_another_order_are_the_same_row():
    swapped = {"beta1": 0.5, "learning_rate": 0.1}
    assert len(only(run_set(run(0)), run_set(run(1), values=swapped)).rows) == 1


def test_rows_of_one_optimizer_say_what_tells_them_apart():
    values = {"learning_rate": 0.1, "beta1": 0.5}
    swept = [
        run_set(run(0, 1 + b), values=values | {"beta1": b}, source="given", provenance_note="") for b in (0.0, 0.9)
    ]
    assert only(*swept, run_set(run(0, 9.0), optimizer="lodo")).labels == ("adam, beta1=0", "adam, beta1=0.9", "lodo")
    sources = [
        run_set(run(0, 1.0), study_id=None),
        run_set(run(0, 2.0), source="paper", provenance_note="Table 6"),
    ]
    assert only(*sources).labels == ("adam, tuned", "adam, paper (Table 6)")


def test_device_precision_and_kernel_are_in_all_labels_where_they_differ():
    sets = [run_set(run(0, 1.0)), run_set(run(0, 2.0), dtype="float32"), run_set(run(0, 3.0), optimizer="lodo")]
    name = "cpu, float64, torch"
    assert only(*sets).labels == (f"adam ({name})", "adam (cpu, float32, torch)", f"lodo ({name})")


def test_the_best_row_is_the_first():
    losses = {"a": 3.0, "b": 1.0, "c": 2.0}
    assert optimizers(only(*(run_set(run(0, loss), optimizer=name) for name, loss in losses.items()))) == list("bca")


def test_rows_are_ranked_by_the_longest_step_milestone():
    scores = {
        "a": {at_steps(200): 1.0, at_steps(1000): 3.0, at_seconds(30): 1.0},
        "b": {at_steps(200): 3.0, at_steps(1000): 1.0, at_seconds(30): 3.0},
        "c": {at_steps(200): 2.0, at_steps(1000): 2.0, at_seconds(30): 2.0},
    }
    sets = [run_set(run(0, milestones=found), optimizer=name) for name, found in scores.items()]
    assert optimizers(only(*sets)) == ["b", "c", "a"]


def test_rows_without_the_longest_milestone_come_after_those_with_it():
    scores = {
        "diverged": {at_steps(200): NAN, at_steps(1000): NAN},
        "short": {at_steps(200): 0.2},
        "shorter": {at_steps(200): 0.1},
        "long": {at_steps(200): 9.0, at_steps(1000): 8.0},
        "late": {at_steps(200): 0.5, at_steps(1000): NAN},
    }
    sets = [run_set(run(0, milestones=found), optimizer=name) for name, found in scores.items()]
    assert optimizers(only(*sets)) == ["long", "shorter", "short", "late", "diverged"]


def test_rows_are_ranked_by_time_if_there_are_no_step_milestones():
    scores = {"a": {at_seconds(5): 1.0, at_seconds(30): 2.0}, "b": {at_seconds(5): 2.0, at_seconds(30): 1.0}}
    sets = [run_set(run(0, milestones=found), optimizer=name) for name, found in scores.items()]
    assert optimizers(only(*sets)) == ["b", "a"]


def test_rows_of_the_same_loss_are_in_the_order_of_running():
    assert optimizers(only(*(run_set(run(0, 1.0), optimizer=name) for name in "cab"))) == list("cab")


def test_milestones_are_steps_before_seconds_and_short_before_long():
    keys = [at_seconds(300), at_steps(100000), at_seconds(0.5), at_steps(200), at_seconds(50000), at_steps(1000)]
    expected = [at_steps(200), at_steps(1000), at_steps(100000), at_seconds(0.5), at_seconds(300), at_seconds(50000)]
    assert sorted(keys) == expected
    assert only(run_set(run(0, milestones=dict.fromkeys(keys, 1.0)))).milestones == tuple(expected)


@pytest.mark.parametrize("status", [Status.INTERRUPTED, Status.FAILED])
def test_a_run_that_did_not_end_is_unfinished_and_has_no_score(status):
    row = row_of(run_set(run(0, 1.0), run(1, 99.0, status=status), run(2, 3.0)))
    assert row.unfinished == 1
    assert (row.losses[at_steps(200)].mean, row.losses[at_steps(200)].count) == (2.0, 2)
    assert row.speed.count == 2


def test_a_row_of_unfinished_runs_is_there_without_a_score():
    row = row_of(run_set(*(run(seed, status=Status.FAILED, milestones={}) for seed in range(3))))
    assert (row.losses, row.speed, row.machines, row.unfinished) == ({}, None, (), 3)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.DIVERGED])
def test_a_run_that_was_made_up_for_is_no_longer_unfinished(status):
    broken = run_set(run(0, status=Status.FAILED), run(1, status=Status.FAILED))
    assert row_of(broken, run_set(run(1, status=status), id=2)).unfinished == 1


def test_a_seed_with_a_score_is_not_unfinished():
    row = row_of(run_set(run(0, 1.0)), run_set(run(0, status=Status.INTERRUPTED, milestones={}), id=2))
    assert row.losses[at_steps(200)].count == 1
    assert row.unfinished == 0


def test_speed_is_of_the_timed_runs_that_were_completed():
    runs = [
        run(0, steps=200, training_seconds=2.0),
        run(1, steps=300, training_seconds=1.0),
        run(2, steps=900, training_seconds=1.0, status=Status.DIVERGED),
        run(3, steps=900, training_seconds=None),
        run(4, steps=900, training_seconds=1.0, status=Status.INTERRUPTED),
    ]
    assert row_of(run_set(*runs)).speed == Summary(200.0, pytest.approx(100 * math.sqrt(2)), 2, 0)


def test_a_later_untimed_run_does_not_take_the_speed_away():
    timed, untimed = run(0, steps=200, training_seconds=2.0), run(0, training_seconds=None)
    assert row_of(run_set(timed), run_set(untimed, timed=False)).speed.mean == 100


def test_a_later_timed_run_gives_its_speed_and_machine():
    slow = run_set(run(0, steps=200, training_seconds=2.0), provenances=(provenance(machine=OTHER_MACHINE),))
    fast = run_set(run(0, steps=200, training_seconds=0.5), id=2)
    row = row_of(slow, fast)
    assert (row.speed.mean, row.machines) == (400, (MACHINE,))


def test_untimed_runs_have_no_speed_and_no_machine():
    row = row_of(run_set(run(0, training_seconds=None), timed=False))
    assert (row.speed, row.machines) == (None, ())


def test_each_machine_is_named_once():
    machines = [MACHINE, OTHER_MACHINE, replace(MACHINE), replace(MACHINE, threads=1)]
    provenances = tuple(provenance(machine=machine, host=str(n)) for n, machine in enumerate(machines))
    row = row_of(run_set(*(run(seed) for seed in range(4)), provenances=provenances))
    assert row.machines == (MACHINE, OTHER_MACHINE, replace(MACHINE, threads=1))


def test_published_scores_are_there_only_where_they_are_known():
    scores = {at_steps(100): 1.0, at_steps(200): 1.0, at_seconds(200): 1.0}
    sets = [run_set(run(0, milestones=scores), task=ROSENBROCK, optimizer=name) for name in ("lodo", "mine")]
    lodo, mine = only(*sets).rows
    assert lodo.published == {at_steps(200): PublishedScore(1.040e-3, 2.14e-5)}
    assert mine.published == {}
    assert row_of(run_set(run(0), optimizer="lodo", task=TaskSpec("rosenbrock", {"scale": 2.0}))).published == {}


def test_the_provenances_of_all_runs_are_kept():
    first, second, third = (provenance(host=str(number)) for number in range(3))
    comparison = only(
        run_set(run(0), run(1, status=Status.FAILED), provenances=(first, second)),
        run_set(run(0), optimizer="lodo", provenances=(third,)),
    )
    assert comparison.provenances == (first, second, third)
