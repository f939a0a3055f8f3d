"""Marks of rows, with the sentences and notes that explain them."""

import math
import re
from dataclasses import replace

import pytest

from lodo_bench.analysis.baseline import with_baseline
from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import compare
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.report.markdown import render
from lodo_bench.report.section import build_section
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationPlan, StudyRecord
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec, Tuned
from tests.analysis.helpers import seeds, spread
from tests.builders import at_steps, generation, individual, run, run_set, schedule, study_spec, with_bound

NAN, INF = math.nan, math.inf
LOSS = ScoreColumn(at_steps(200))


def only(*run_sets, studies=()):
    (comparison,) = compare(run_sets, studies)
    return comparison


def marks(comparison, column=LOSS):
    verdict = comparison.verdicts[column]
    return {row.optimizer.name: verdict.mark(index) for index, row in enumerate(comparison.rows)}


def interleaved(mean):
    """Losses that are higher and lower than `spread(mean)` in turn."""
    return [loss + 0.001 * (-1) ** seed for seed, loss in enumerate(spread(mean))]


def test_the_best_and_those_that_may_be_are_marked():
    comparison = only(seeds("worse", spread(2.0)), seeds("as-good", interleaved(1.0001)), seeds("best", spread(1.0)))
    assert marks(comparison) == {"best": "best", "as-good": "tied", "worse": ""}


def test_few_runs_mark_nobody_best():
    pair = only(seeds("a", spread(1.0, 4)), seeds("b", spread(2.0, 4)))
    assert marks(pair) == {"a": "undecided", "b": "undecided"}
    assert marks(only(seeds("a", spread(1.0)))) == {"a": ""}


def test_a_row_of_few_runs_is_undecided():
    comparison = only(seeds("a", spread(1.0)), seeds("b", spread(2.0)), seeds("few", [3.0, 3.1]))
    assert marks(comparison) == {"a": "best", "b": "", "few": "undecided"}


def test_many_rows_and_few_seeds_cannot_tell_even_of_a_loss_300_times_the_best():
    many = [seeds(f"o{rank}", spread(15.0 + 1500 * (rank == 13) + rank, 5)) for rank in range(14)]
    found = marks(only(*many))
    assert found["o13"] == ""  # all 13 others are better, which 5 seeds can show
    alone = [seeds("a", spread(15.0)), *(seeds(f"o{rank}", spread(4501.0 + rank / 9)) for rank in range(13))]
    assert set(marks(only(*(s for s in alone))).values()) <= {"best", "undecided", ""}
    assert "tied" not in marks(only(*alone)).values()


def test_a_noisy_row_that_may_be_twice_as_bad_is_undecided():
    noisy = [1.0, 9.0, 0.9, 12.0, 0.8, 20.0, 0.95, 3.0]
    assert marks(only(seeds("a", spread(1.0)), seeds("noisy", noisy), seeds("c", spread(5.0))))["noisy"] == "undecided"


def test_one_of_which_most_runs_diverged_is_not_the_best():
    lucky = [0.1, 0.11, 0.12, *[NAN] * 5]
    comparison = only(seeds("lucky", lucky), seeds("steady", spread(1.0)), seeds("bad", spread(9.0)))
    assert comparison.rows[0].optimizer.name == "lucky"
    assert marks(comparison) == {"lucky": "undecided", "steady": "best", "bad": ""}


def test_one_diverged_run_does_not_disqualify():
    comparison = only(seeds("fast", [NAN, *spread(1.0, 11)]), seeds("slow", spread(9.0, 12)))
    assert marks(comparison)["fast"] == "best"


def test_if_all_diverged_nobody_is_the_best():
    broken = only(seeds("a", [NAN] * 8), seeds("b", [INF] * 8))
    assert marks(broken) == {"a": "undecided", "b": "undecided"}
    assert broken.verdicts[LOSS].reference is None


def test_of_an_accuracy_more_is_better_and_its_effect_is_a_difference():
    sets = [
        seeds("low", spread(1.0), scores=[{"test_accuracy": 0.5 + 0.001 * seed} for seed in range(8)]),
        seeds("high", spread(2.0), scores=[{"test_accuracy": 0.9 + 0.001 * seed} for seed in range(8)]),
    ]
    comparison = only(*sets)
    accuracy = ScoreColumn(at_steps(200), "test_accuracy")
    assert comparison.columns == (LOSS, accuracy)
    assert marks(comparison, accuracy) == {"low": "", "high": "best"}
    (effect,) = [s.effect for s in comparison.verdicts[accuracy].standings.values() if s.effect]
    assert (effect.kind, effect.estimate) == ("difference", pytest.approx(-0.4))
    assert effect.low <= effect.estimate <= effect.high < 0


@pytest.mark.parametrize(("best", "other"), [(0.0, 0.5), (-2.0, -1.0), (-1.0, 1.0)])
def test_losses_that_are_not_positive_have_differences(best, other):
    verdict = only(seeds("a", spread(best)), seeds("b", spread(other))).verdicts[LOSS]
    assert verdict.kind == "difference"
    assert verdict.standings[1].effect.estimate == pytest.approx(other - best)


def test_a_diverged_run_is_the_worst_in_every_score():
    scores = [{"test_accuracy": 0.9}] * 4 + [{}] * 4
    comparison = only(
        seeds("half", [*spread(1.0, 4)] + [NAN] * 4, scores=scores),
        seeds("steady", spread(2.0), scores=[{"test_accuracy": 0.8}] * 8),
    )
    accuracy = comparison.rows[0].results[ScoreColumn(at_steps(200), "test_accuracy")]
    assert (accuracy.summary.count, accuracy.summary.diverged) == (4, 4)


def test_runs_on_other_devices_are_not_paired_and_on_other_kernels_are():
    gpu = only(seeds("a", spread(1.0)), seeds("b", spread(2.0), device="cuda"))
    assert gpu.verdicts[LOSS].standings[1].test == "rank-sum"
    kernel = only(seeds("a", spread(1.0)), seeds("b", spread(2.0), backend="numba"))
    assert kernel.verdicts[LOSS].standings[1].test == "signed-rank"


def test_with_a_baseline_each_is_compared_with_it_alone():
    sets = [seeds(name, spread(mean)) for name, mean in (("base", 2.0), ("good", 1.0), ("bad", 3.0))]
    comparison = only(*sets, seeds("same", interleaved(2.0001)))
    (compared,) = with_baseline([comparison], "base")
    assert marks(compared) == {"base": "", "good": "better", "bad": "worse", "same": "tied"}
    assert compared.labels[compared.baseline] == "base"
    effects = {r.optimizer.name: compared.verdicts[LOSS].standings[i].effect for i, r in enumerate(compared.rows)}
    assert effects["base"] is None
    assert effects["good"].estimate == pytest.approx(0.5, rel=0.01)
    assert effects["bad"].estimate == pytest.approx(1.5, rel=0.01)


def test_planned_comparisons_are_not_corrected_for_the_others():
    many = only(
        seeds("base", spread(1.0, 6)),
        seeds("worse", spread(1.5, 6)),
        *(seeds(f"o{k}", spread(1.0 + k / 1e4, 6)) for k in range(9)),
    )
    (planned,) = with_baseline([many], "base")
    assert marks(planned)["worse"] == "worse"
    assert planned.verdicts[LOSS].standings[planned.labels.index("worse")].p == pytest.approx(2 * 2**-6)


def test_a_baseline_without_runs_on_a_task_leaves_its_verdicts_alone():
    elsewhere = TaskSpec("rosenbrock")
    first, second = compare([seeds("a", spread(1.0)), seeds("b", spread(2.0)), seeds("b", spread(1.0), task=elsewhere)])
    compared = with_baseline([first, second], "a")
    assert [found.baseline for found in compared] == [0, None]


def test_a_baseline_that_is_not_there_or_not_one_row_is_an_error():
    comparison = only(
        seeds("adam", spread(1.0)), seeds("adam", spread(2.0), source="paper"), seeds("lodo", spread(3.0))
    )
    with pytest.raises(UnknownNameError, match=r"unknown baseline 'adma' of these results\. Did you mean 'adam'\?"):
        with_baseline([comparison], "adma")
    with pytest.raises(
        UsageError, match=r"several rows on quadratic are of the baseline adam: adam, tuned .*; adam, paper"
    ):
        with_baseline([comparison], "adam")
    assert with_baseline([comparison], "adam, paper")[0].baseline == 1


def searched(values=None):
    """Study 3: what it found, and four individuals that took 30 s each."""
    spec = study_spec(schedule=schedule(generations=(GenerationPlan(1.0, 100),)))
    members = tuple(individual(i, seconds=30.0) for i in range(4))
    result = Tuned(values or {"learning_rate": 0.1, "beta1": 0.5})
    return StudyRecord(3, spec, result, (generation(),), members).summary


def test_the_searches_of_a_row_are_known():
    runs = run_set(run(training_seconds=7200.0), study_id=3)
    assert only(runs, studies=[searched()]).rows[0].tunings == (searched(),)


def test_the_cost_is_told_where_final_runs_take_another_rate_than_the_search_found():
    halved = run_set(
        run(), values={"learning_rate": 0.05, "beta1": 0.5}, study_id=3, provenance_note="learning rate × 0.5"
    )
    assert only(halved, studies=[searched()]).rows[0].tunings == (searched(),)


def test_the_cost_is_told_of_runs_with_other_options_than_the_search():
    swept = run_set(run(), optimizer=OptimizerSpec("lodo", {"layers": 8}), study_id=3)
    assert only(swept, studies=[searched()]).rows[0].tunings == (searched(),)


@pytest.mark.parametrize(
    ("source", "study_id", "note"),
    [("tuned", 1, ""), ("tuned", 30, ""), ("tuned", None, "study 3"), ("given", None, "study 3"), ("paper", None, "")],
)
def test_the_cost_of_another_search_is_not_told(source, study_id, note):
    runs = run_set(run(), source=source, study_id=study_id, provenance_note=note)
    assert only(runs, studies=[searched()]).rows[0].tunings == ()


def cells(comparison, row):
    """Return the texts of a row by the titles of the columns."""
    table = build_section(comparison).table
    return {head.title: cell.text for head, cell in zip(table.heads, table.rows[row].cells, strict=True)}


def test_complexity_and_evaluations_are_columns_where_there_is_something_to_tell():
    sets = (run_set(run(0, 1.0, evaluations=400), optimizer="l-bfgs"), run_set(run(0, 2.0), optimizer="adam"))
    comparison = only(*(replace(record, facts=Facts(f"O({record.spec.optimizer.name})")) for record in sets))
    assert list(cells(comparison, 0))[-3:] == ["evaluations/step", "time/step", "steps/s"]
    assert [cells(comparison, row)["evaluations/step"] for row in range(2)] == ["2", "1"]
    assert [cells(comparison, row)["time/step"] for row in range(2)] == ["O(l-bfgs)", "O(adam)"]
    assert not {"evaluations/step", "time/step"} & cells(only(sets[1]), 0).keys()


def test_scores_and_their_published_values_have_columns():
    record = seeds("lodo", [2.0], scores=[{"test_loss": 0.7}], milestone=at_steps(300000), task=TaskSpec("mnist"))
    broken = seeds("lodo-diagonal", [NAN], milestone=at_steps(300000), task=TaskSpec("mnist"))
    comparison = only(record, broken)
    found = cells(comparison, 0)
    assert found["loss at 300,000 steps"] == "2"
    assert found["diverged"] == "0 of 1"
    assert found["test loss at 300,000 steps"] == "0.7"
    assert found["published"] == "0.689"
    assert cells(comparison, 1)["published"] == "–"


def test_a_published_divergence_is_told():
    record = run_set(run(milestones={at_steps(100000): 5.0}), optimizer="bfgs")
    assert cells(only(record), 0)["published"] == "diverged"


def test_a_bound_is_of_losses_only():
    record = seeds("lodo", [2.0], scores=[{"test_loss": 0.7}])
    (comparison,) = compare(with_bound([record], LossBound("Newton", 1.5)))
    assert build_section(comparison).table.rows[0].is_bound
    bound = cells(comparison, 0)
    assert (bound.pop("optimizer"), bound.pop("loss at 200 steps")) == ("Newton (bound)", "1.5")
    assert set(bound.values()) == {"–"}


def test_marks_in_markdown():
    text = render(only(seeds("worse", spread(2.0)), seeds("as-good", interleaved(1.0001)), seeds("best", spread(1.0))))
    assert "**1.00 ± 0.02**" in text
    assert re.search(r" 1\.00+1? ± 0\.02\d? † \|", text)
    assert " 2.00 ± 0.02 |" in text


def test_a_result_has_its_interval():
    result = only(seeds("a", spread(1.0))).rows[0].results[LOSS]
    assert result.interval.low < 1.0 < result.interval.high
    assert result.by_search == {0: dict(enumerate(spread(1.0)))}


def test_the_longest_curves_are_known_and_the_timed_ones():
    long = run_set(run(0, steps=900, training_seconds=None), run(1, status=Status.FAILED), timed=False, id=1)
    timed = run_set(run(0, steps=300), id=2)
    (row,) = only(long, timed).rows
    assert (row.curves, row.timed_curves) == (((1, 0),), ((2, 0),))


def test_the_error_of_a_score_is_not_compared():
    sets = [seeds("a", spread(1.0), scores=[{"test_loss": 3.0, "test_loss_standard_error": 0.1}] * 8)]
    (comparison,) = compare(sets)
    assert [column.score for column in comparison.columns] == ["loss", "test_loss"]
