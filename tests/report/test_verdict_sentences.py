"""Verdicts in sentences, and the notes that explain them."""

import math

import pytest

from lodo_bench.analysis.baseline import with_baseline
from lodo_bench.analysis.comparison import compare
from lodo_bench.report.section import build_section
from lodo_bench.spec.training import TaskSpec
from tests.analysis.helpers import seeds, spread
from tests.builders import at_steps, run, run_set

NAN = math.nan


def only(*run_sets):
    (comparison,) = compare(run_sets)
    return comparison


def sentence(*run_sets, baseline=None):
    comparison = only(*run_sets)
    if baseline is not None:
        (comparison,) = with_baseline([comparison], baseline)
    return build_section(comparison).verdicts[0]


def notes(*run_sets, baseline=None):
    comparison = only(*run_sets)
    if baseline is not None:
        (comparison,) = with_baseline([comparison], baseline)
    return " ".join(note.text for note in build_section(comparison).footnotes)


def interleaved(mean):
    """Losses that are higher and lower than `spread(mean)` in turn."""
    return [loss + 0.001 * (-1) ** seed for seed, loss in enumerate(spread(mean))]


def test_the_sentence_names_the_best_and_all_others_by_state():
    found = sentence(
        seeds("best", spread(1.0)),
        seeds("near", interleaved(1.0001)),
        seeds("far", spread(1.5)),
        seeds("bfgs", [NAN] * 8),
    )
    assert found.startswith(
        "Loss at 200 steps: best has the best mean 1.00 (95 % confidence interval 0.980 to 1.020). Worse: "
    )
    worse, told = found.partition("Worse: ")[2].split(". Not told apart from it: ")
    assert worse.startswith("far (1.500× [1.488 to 1.513], p = 0.")
    assert "bfgs (diverged, p = 0.0039)" in worse
    assert told.startswith("near (1.0001× [0.999")


def test_where_nothing_can_be_told_nobody_is_called_the_best():
    found = sentence(seeds("a", spread(1.0, 2)), seeds("b", spread(2.0, 2)))
    assert found.startswith(
        "Loss at 200 steps: these runs cannot tell which optimizer is the best. a has the best mean 1.000"
    )
    assert "Too few or too noisy runs to tell: b (2.0×, p = " in found
    assert "is the best, " not in found


def test_if_all_diverged_nobody_is_the_best():
    assert sentence(seeds("a", [NAN] * 8), seeds("b", [NAN] * 8)) == (
        "Loss at 200 steps: no optimizer can be the best: each of them diverged in at least half of its runs."
    )


def test_a_difference_has_a_sign():
    scores = [[{"test_accuracy": mean + 0.001 * seed} for seed in range(8)] for mean in (0.5, 0.9)]
    sets = [seeds("low", spread(1.0), scores=scores[0]), seeds("high", spread(2.0), scores=scores[1])]
    accuracy = build_section(only(*sets)).verdicts[1]
    assert accuracy.startswith("Test accuracy at 200 steps: high is the best, mean 0.9035 ")
    assert "low (-0.4 [" in accuracy


def test_with_a_baseline_the_sentence_is_about_it():
    sets = [seeds(name, spread(mean)) for name, mean in (("base", 2.0), ("good", 1.0), ("bad", 3.0))]
    found = sentence(*sets, baseline="base")
    assert found.startswith("Loss at 200 steps: compared with base, mean 2.00 (")
    assert "Better: good (0.4999× [" in found
    assert "Worse: bad (1.5000× [" in found
    assert "each with all" not in notes(*sets, baseline="base")
    assert "compared with the baseline alone" in notes(*sets, baseline="base")


def test_the_marks_and_the_tests_are_explained_where_they_occur():
    note = notes(seeds("a", spread(1.0)), seeds("b", spread(2.0)))
    assert "Wilcoxon's signed-rank test, paired by seed (n = 8)" in note
    assert "with Simes' correction for 1 other, at level 0.05" in note
    assert "†" not in note
    mixed = notes(seeds("a", spread(1.0)), seeds("b", interleaved(1.0), dtype="float32"), seeds("c", spread(2.0, 9)))
    assert (
        "Mann and Whitney's rank-sum test (n = 8 to 9)" in mixed or "Mann and Whitney's rank-sum test (n = 8)" in mixed
    )
    assert "†: not told apart from the best" in mixed


@pytest.mark.parametrize("source", ["tuned", "paper"])
def test_a_tuned_row_of_one_search_limits_the_verdict(source):
    verdicts = build_section(only(*(seeds(name, spread(1.0), source=source) for name in "ab"))).verdicts
    assert any("these hyperparameters only" in text for text in verdicts) == (source == "tuned")


def test_a_row_alone_has_no_verdict_and_no_effect():
    section = build_section(only(seeds("a", spread(1.0))))
    assert section.verdicts == ()
    assert not any("ratio" in head.title for head in section.table.heads)


def test_deterministic_rows_are_explained():
    runs = run_set(run(0, 0.5), num_seeds=1, deterministic=True, task=TaskSpec("rosenbrock"))
    assert "Deterministic: neither the task nor the optimizer is random" in notes(runs)
    assert at_steps(200) in only(runs).milestones
