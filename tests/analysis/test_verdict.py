"""Which rows are marked, and by what sentence and note."""

import math
import re

import pytest

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.facts import OptimizerFacts
from lodo_bench.analysis.statistics import Interval
from lodo_bench.report.markdown import render
from lodo_bench.report.section import build_section
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationPlan, StudyRecord
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec, Tuned
from tests.analysis.helpers import seeds, spread
from tests.builders import at_steps, generation, individual, run, run_set, schedule, study_spec

NAN, INF = math.nan, math.inf
LOSS = ScoreColumn(at_steps(200))


def only(*run_sets, **settings):
    (comparison,) = compare(run_sets, lambda _: None, **settings)
    return comparison


def marks(comparison, column=LOSS):
    verdict = comparison.verdicts[column]
    return {row.optimizer.name: verdict.mark(index) for index, row in enumerate(comparison.rows)}


def sentence(*run_sets):
    (found,) = build_section(only(*run_sets)).verdicts
    return found


def notes(*run_sets, **settings):
    return [note.text for note in build_section(only(*run_sets, **settings)).footnotes]


def interleaved(mean):
    """Losses that are higher and lower than `spread(mean)` in turn."""
    return [loss + 0.001 * (-1) ** seed for seed, loss in enumerate(spread(mean))]


def test_the_best_and_those_that_may_be_are_marked():
    comparison = only(seeds("worse", spread(2.0)), seeds("as-good", interleaved(1.0001)), seeds("best", spread(1.0)))
    assert marks(comparison) == {"best": "best", "as-good": "tied", "worse": ""}


def test_few_runs_mark_nobody():
    assert set(marks(only(seeds("a", [1.0] * 4), seeds("b", [2.0] * 4))).values()) == {""}
    assert marks(only(seeds("a", spread(1.0)))) == {"a": ""}


def test_a_row_of_few_runs_is_undecided():
    comparison = only(seeds("a", spread(1.0)), seeds("b", spread(2.0)), seeds("few", [3.0, 3.0]))
    assert marks(comparison) == {"a": "best", "b": "", "few": "undecided"}


def test_one_of_which_most_runs_diverged_is_not_the_best():
    lucky = [0.1, 0.1, 0.1, *[NAN] * 5]
    comparison = only(seeds("lucky", lucky), seeds("steady", spread(1.0)))
    assert comparison.rows[0].optimizer.name == "lucky"
    assert marks(comparison) == {"lucky": "tied", "steady": "best"}


def test_one_diverged_run_does_not_disqualify():
    comparison = only(seeds("fast", [NAN, *spread(1.0, 7)]), seeds("slow", spread(9.0)))
    assert marks(comparison)["fast"] == "best"


def test_if_all_diverged_nobody_is_the_best():
    broken = (seeds("a", [NAN] * 8), seeds("b", [INF] * 8))
    assert marks(only(*broken)) == {"a": "tied", "b": "tied"}
    assert "no optimizer is marked best" in sentence(*broken)


def test_of_an_accuracy_more_is_better():
    sets = [
        seeds("low", spread(1.0), scores=[{"test_accuracy": 0.5 + 0.001 * seed} for seed in range(8)]),
        seeds("high", spread(2.0), scores=[{"test_accuracy": 0.9 + 0.001 * seed} for seed in range(8)]),
    ]
    comparison = only(*sets)
    assert comparison.columns == (LOSS, ScoreColumn(at_steps(200), "test_accuracy"))
    assert marks(comparison, comparison.columns[1]) == {"low": "", "high": "best"}
    loss, accuracy = build_section(comparison).verdicts
    assert loss.startswith("Loss at 200 steps: low has the best mean, 1 ")
    assert accuracy.startswith("Test accuracy at 200 steps: high has the best mean, 0.9035 ")
    assert "low -0.4 (p" in accuracy


def test_a_diverged_run_is_the_worst_in_every_score():
    scores = [{"test_accuracy": 0.9}] * 4 + [{}] * 4
    comparison = only(
        seeds("half", [1.0] * 4 + [NAN] * 4, scores=scores),
        seeds("steady", spread(2.0), scores=[{"test_accuracy": 0.8}] * 8),
    )
    accuracy = comparison.rows[0].results[ScoreColumn(at_steps(200), "test_accuracy")]
    assert (accuracy.summary.count, accuracy.summary.diverged) == (4, 4)


def test_runs_on_other_devices_are_not_paired_and_on_other_kernels_are():
    gpu = only(seeds("a", spread(1.0)), seeds("b", spread(2.0), device="cuda"))
    assert gpu.verdicts[LOSS].standings[1].unpaired == ((8, 8),)
    kernel = only(seeds("a", spread(1.0)), seeds("b", spread(2.0), backend="numba"))
    assert kernel.verdicts[LOSS].standings[1].paired == ((8, 8),)


def test_the_sentence_says_who_is_best_by_how_much_and_how_sure_that_is():
    found = sentence(
        seeds("best", spread(1.0)),
        seeds("near", interleaved(1.0001)),
        seeds("far", spread(1.5)),
        seeds("farther", spread(3.0)),
        seeds("bfgs", [NAN] * 8),
    )
    assert found == (
        "Loss at 200 steps: best has the best mean, 1 (95 % confidence interval 0.98 to 1.02). Significantly worse: "
        "far +50 % (p = 0.0078), farther 3 times as high (p = 0.0052), bfgs diverged (p = 0.0039). Not significantly "
        "worse: near +0.01 % (p = 0.53)."
    )


@pytest.mark.parametrize(
    ("others", "end"),
    [
        ([("b", 2.0)], ". All others are significantly worse: b 2 times as high (p = 0.0039)."),
        ([("b", 1.0)], ". No other is significantly worse: b +0 % (p = 1)."),
    ],
)
def test_the_sentence_is_short_where_there_is_less_to_say(others, end):
    assert sentence(seeds("a", spread(1.0)), *(seeds(name, spread(mean)) for name, mean in others)).endswith(end)


def test_what_is_the_same_in_every_run_has_no_interval():
    assert " 1 in every run. All others" in sentence(seeds("a", [1.0] * 8), seeds("b", [2.0] * 8))


@pytest.mark.parametrize(("best", "other", "told"), [(0.0, 0.5, "+0.5"), (-2.0, -1.0, "+1"), (-1.0, 1.0, "+2")])
def test_where_percent_mean_nothing_there_is_a_difference(best, other, told):
    assert f"b {told} (p" in sentence(seeds("a", [best] * 8), seeds("b", [other] * 8))


def test_few_runs_are_said_to_be_few():
    found = sentence(seeds("a", [1.0] * 4), seeds("b", [2.0] * 4))
    assert (
        found
        == "Loss at 200 steps: a has the best mean, 1; there are too few runs to tell whether the others are worse."
    )


def test_the_test_is_named_with_its_numbers():
    (note,) = [n for n in notes(seeds("a", spread(1.0)), seeds("b", spread(2.0))) if n.startswith("Bold")]
    assert (
        "one-sided exact Wilcoxon signed-rank tests, paired by seed (n = 8), with Simes' correction for 1 other, "
        in note
    )
    assert "at level 0.05" in note
    assert "†" not in note


def test_both_tests_are_named_where_both_are_used():
    sets = (seeds("a", spread(1.0)), seeds("b", interleaved(1.0), dtype="float32"), seeds("c", spread(2.0, 9)))
    (note,) = [n for n in notes(*sets) if n.startswith("Bold")]
    assert "(n = 8) and one-sided exact Mann-Whitney tests (n = 8 to 9), with Simes' correction for 2 others" in note
    assert "†: not significantly worse." in note


def test_it_is_said_that_few_runs_cannot_find_out_the_second_of_many():
    few = "an optimizer that is worse than only a few others cannot be shown to be worse than the best."
    many = [seeds(f"o{rank}", spread(1.0 + rank)) for rank in range(17)]
    assert few in " ".join(notes(*many))
    assert few not in " ".join(notes(*many[:11]))


def searched(values=None):
    """Study 3: what it found, and four individuals that took 30 s each."""
    spec = study_spec(schedule=schedule(generations=(GenerationPlan(1.0, 100),)))
    members = tuple(individual(i, seconds=30.0) for i in range(4))
    result = Tuned(values or {"learning_rate": 0.1, "beta1": 0.5})
    return StudyRecord(3, spec, result, (generation(),), members).summary


def test_the_search_is_known():
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


def test_complexity_and_evaluations_are_columns_where_there_is_something_to_tell():
    sets = (run_set(run(0, 1.0, evaluations=400), optimizer="l-bfgs"), run_set(run(0, 2.0), optimizer="adam"))
    table = build_section(
        only(*sets, facts=lambda task, optimizer, compute: OptimizerFacts(f"O({optimizer.name})"))
    ).table
    titles = [head.title for head in table.heads]
    assert titles[4:] == ["evaluations/step", "time/step", "steps/s"]
    assert [cell.text for cell in table.rows[0].cells[4:6]] == ["2", "O(l-bfgs)"]
    assert [cell.text for cell in table.rows[1].cells[4:6]] == ["1", "O(adam)"]
    assert [head.title for head in build_section(only(sets[1])).table.heads][4:] == ["steps/s"]


def test_scores_and_their_published_values_have_columns():
    record = seeds("lodo", [2.0], scores=[{"test_loss": 0.7}], milestone=at_steps(300000), task=TaskSpec("mnist"))
    broken = seeds("lodo-diagonal", [NAN], milestone=at_steps(300000), task=TaskSpec("mnist"))
    table = build_section(only(record, broken)).table
    titles = [head.title for head in table.heads]
    assert titles[2:6] == ["loss at 300,000 steps", "diverged", "test loss at 300,000 steps", "published"]
    assert [cell.text for cell in table.rows[0].cells[2:6]] == ["2", "0 of 1", "0.7", "0.689"]
    assert table.rows[1].cells[5].text == "–"


def test_a_published_divergence_is_told():
    record = run_set(run(milestones={at_steps(100000): 5.0}), optimizer="bfgs")
    assert build_section(only(record)).table.rows[0].cells[4].text == "diverged"


def test_a_bound_is_of_losses_only():
    record = seeds("lodo", [2.0], scores=[{"test_loss": 0.7}])
    (comparison,) = compare([record], lambda _: LossBound("Newton", 1.5))
    bound = build_section(comparison).table.rows[0]
    assert bound.is_bound
    assert [cell.text for cell in bound.cells] == ["Newton (bound)", "–", "1.5", "–", "–", "–"]


def test_marks_in_markdown():
    text = render(only(seeds("worse", spread(2.0)), seeds("as-good", interleaved(1.0001)), seeds("best", spread(1.0))))
    assert "**1 ± 0.024**" in text
    assert re.search(r" 1 ± 0\.02\d? † \|", text)
    assert " 2 ± 0.024 |" in text


def test_a_result_has_its_interval():
    result = only(seeds("a", [1.0] * 8)).rows[0].results[LOSS]
    assert result.interval == Interval(1.0, 1.0)
    assert result.by_seed == dict.fromkeys(range(8), 1.0)


def test_the_longest_curves_are_known_and_the_timed_ones():
    long = run_set(run(0, steps=900, training_seconds=None), run(1, status=Status.FAILED), timed=False, id=1)
    timed = run_set(run(0, steps=300), id=2)
    (row,) = only(long, timed).rows
    assert (row.curves, row.timed_curves) == ({0: 1}, {0: 2})


def test_the_error_of_a_score_is_not_compared():
    sets = [seeds("a", spread(1.0), scores=[{"test_loss": 3.0, "test_loss_standard_error": 0.1}] * 8)]
    (comparison,) = compare(sets, bound=lambda _: None)
    assert [column.score for column in comparison.columns] == ["loss", "test_loss"]
