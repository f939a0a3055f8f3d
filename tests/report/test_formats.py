"""Reports as LaTeX, CSV and JSON, with targets, and across tasks."""

import csv
import io
import json
import math
import re

import numpy as np
import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.profile import profile
from lodo_bench.analysis.targets import summarize_targets
from lodo_bench.errors import UsageError
from lodo_bench.report import csv as flat
from lodo_bench.report import latex
from lodo_bench.report.json import document
from lodo_bench.report.section import build_section
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.spec.training import LossBound, TaskSpec
from tests.analysis.helpers import seeds, spread
from tests.builders import run, run_set, with_bound

NAN = math.nan


def only(*run_sets, bound=None):
    (comparison,) = compare(with_bound(run_sets, bound))
    return comparison


def falling(steps, start=10.0, end=0.0):
    return Curve(np.linspace(start, end, steps), np.array([0, steps]), np.array([0.0, steps / 100]))


# LaTeX


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b & 5 % of #1", r"a\_b \& 5 \% of \#1"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("5.342e-05 ± 2e+10", r"5.342$\times 10^{-5}$ $\pm$ 2$\times 10^{10}$"),
        ("16.83 ± 0.12, –", r"16.83 $\pm$ 0.12, --"),
        ("loss ≤ 1", r"loss $\le$ 1"),
        ("commit 1e5f", "commit 1e5f"),
    ],
)
def test_latex_is_escaped(text, shown):
    assert latex.escaped(text) == shown


def test_a_report_in_latex():
    sets = [seeds("best", spread(1.0)), seeds("as_good", spread(1.0)), seeds("worse", spread(2.0))]
    text = latex.render(only(*sets, bound=LossBound("Newton", 0.5)))
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert [line.split(" & ")[0] for line in body] == [r"{}\emph{Newton (bound)}", "{}best", r"{}as\_good", "{}worse"]
    assert {line.count(" & ") for line in body} == {6}
    assert all(line.endswith(r" \\") for line in body)
    assert [line.split(" & ")[3] for line in body[1:]] == [
        r"\textbf{1.00 $\pm$ 0.02}",
        r"1.00 $\pm$ 0.02$^\dagger$",
        r"2.00 $\pm$ 0.02",
    ]
    assert r"\begin{tabular}{lllrrrr}" in text
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert not re.search(r"(?<!\\)[%&_#](?![^\n]*\\\\$)", text.partition("\\footnotesize")[2])


# CSV


def fields(*reports):
    return list(csv.DictReader(io.StringIO(flat.render(reports))))


def test_csv_has_a_line_for_each_optimizer_milestone_and_score_in_full_precision():
    sets = [
        seeds("a", [0.1 + 0.2, 0.3], scores=[{"test_loss": 1 / 3}, {"test_loss": 0.5}]),
        run_set(run(0, status=Status.FAILED, milestones={}), optimizer="b"),
    ]
    loss, score, failed = fields((only(*sets), None))
    assert tuple(loss) == flat.COLUMNS
    assert float(loss["mean"]) == (0.1 + 0.2 + 0.3) / 2
    assert (loss["optimizer"], loss["milestone"], loss["score"], loss["finite"]) == ("a", "steps:200", "loss", "2")
    assert (score["score"], float(score["mean"])) == ("test_loss", (1 / 3 + 0.5) / 2)
    assert json.loads(loss["hyperparameters"]) == {"learning_rate": 0.1, "beta1": 0.5}
    assert (failed["optimizer"], failed["milestone"], failed["mean"], failed["unfinished"]) == ("b", "", "", "1")


def test_csv_tells_marks_published_values_and_divergence():
    rosenbrock = TaskSpec("rosenbrock")
    sets = [seeds("adam", spread(1.0), task=rosenbrock), seeds("lodo", [NAN] * 8, task=rosenbrock)]
    adam, lodo = fields((only(*sets), None))
    assert (adam["state"], lodo["state"], float(lodo["p"])) == ("best", "worse", 1 / 256)
    assert (adam["deterministic"], adam["replicates"], lodo["effect"]) == ("False", "8", "ratio")
    assert (adam["published"], lodo["published_std"]) == ("5.342e-05", "2.14e-05")
    assert (lodo["mean"], lodo["finite"], lodo["diverged"]) == ("", "0", "8")


def test_csv_without_runs_is_a_header():
    assert flat.render([]).strip().split(",") == list(flat.COLUMNS)


# JSON


def test_json_tells_everything_of_a_column():
    sets = [seeds("a", spread(1.0), scores=[{"test_loss": 3.0}] * 8), seeds("b", spread(2.0))]
    found = document([(only(*sets), None)])
    (comparison,) = found["comparisons"]
    milestone = comparison["rows"][0]["milestones"]["steps:200"]
    assert milestone["loss"]["count"] == 8
    assert (milestone["state"], milestone["p"], milestone["published"]) == ("best", 1.0, None)
    assert milestone["interval"]["low"] < 1.0 < milestone["interval"]["high"]
    assert (milestone["by_seed"]["0"], milestone["by_search"]) == (spread(1.0)[0], None)
    effect = comparison["rows"][1]["milestones"]["steps:200"]["effect"]
    assert effect["low"] < effect["estimate"] < effect["high"]
    assert milestone["scores"]["test_loss"]["test_loss"]["mean"] == 3.0
    assert (found["level"], found["confidence"], comparison["target"]) == (0.05, 0.95, None)


# Targets


def targets_of(comparison, loss, curves):
    return summarize_targets(comparison, loss, lambda run_set, seed: curves[run_set, seed], lambda _: 19)


def test_targets_are_looked_up_in_the_longest_curves_and_times_in_the_timed_ones():
    untimed = run_set(run(0, steps=1000, training_seconds=None), run(1, training_seconds=None), timed=False, id=1)
    timed = run_set(run(0, steps=200), id=2)
    curves = {(1, 0): falling(1000), (1, 1): falling(200, 10.0, 9.0), (2, 0): falling(200)}
    found = targets_of(only(untimed, timed), 5.0, curves)
    assert found.window == 19
    (steps,), (seconds,) = found.steps, found.seconds
    assert (steps.reached.count, steps.missed) == (1, 1)
    assert steps.reached.mean == pytest.approx(510, abs=1)
    assert (seconds.reached.count, seconds.missed) == (1, 0)
    assert seconds.reached.mean == pytest.approx(1.1, abs=0.02)


def test_targets_have_columns_and_a_note():
    sets = [run_set(run(0), run(1), id=1), run_set(run(0, 2.0), optimizer="slow", id=2)]
    curves = {(1, 0): falling(200), (1, 1): falling(200, 10.0, 9.0), (2, 0): falling(200, 10.0, 9.0)}
    comparison = only(*sets)
    section = build_section(comparison, targets_of(comparison, 5.0, curves))
    titles = [head.title for head in section.table.heads]
    column = titles.index("steps to loss ≤ 5")
    assert titles[column + 1] == "s to loss ≤ 5"
    assert [line.cells[column].text for line in section.table.rows] == [
        "110, not reached (1 of 2)",
        "not reached (1 of 1)",
    ]
    assert section.table.rows[0].cells[column + 1].text == "1.1, not reached (1 of 2)"
    assert any(
        note.text.startswith("To loss ≤ 5: the first step at which the mean of the last 19")
        for note in section.footnotes
    )
    line, other = fields((comparison, targets_of(comparison, 5.0, curves)))
    assert (line["target"], line["steps_to_target"], line["steps_to_target_missed"]) == ("5.0", "110", "1")
    assert (other["steps_to_target"], other["seconds_to_target_reached"]) == ("", "0")


def test_untimed_runs_have_no_seconds_to_a_target():
    comparison = only(run_set(run(0, training_seconds=None), timed=False))
    section = build_section(comparison, targets_of(comparison, 5.0, {(1, 0): falling(200)}))
    assert not any(head.title.startswith("s to") for head in section.table.heads)


@pytest.mark.parametrize("target", [NAN, math.inf])
def test_a_target_that_is_no_number_is_refused(target):
    with pytest.raises(UsageError, match="finite number"):
        targets_of(only(run_set(run())), target, {})


# Across tasks


def test_a_profile_counts_all_tasks_the_same():
    comparisons = compare(
        [
            seeds("a", [1.0] * 8),
            seeds("b", [2.0] * 8),
            seeds("a", [3.0, NAN], task=TaskSpec("rosenbrock")),
            seeds("b", [1.0, 1.0], task=TaskSpec("rosenbrock")),
        ]
    )
    found = profile(comparisons)
    assert found.factors.tolist() == [1.0, 2.0, 3.0]
    assert found.shares["a"].tolist() == pytest.approx([0.5, 0.5, 0.75])
    assert found.shares["b"].tolist() == pytest.approx([0.5, 1.0, 1.0])


def test_a_profile_takes_the_best_row_of_an_optimizer_and_misses_those_that_did_not_run():
    comparisons = compare(
        [
            seeds("a", [9.0] * 2, source="default"),
            seeds("a", [1.0] * 2),
            seeds("b", [2.0] * 2),
            seeds("b", [1.0] * 2, task=TaskSpec("rosenbrock")),
        ]
    )
    assert profile(comparisons).shares["a"].tolist() == pytest.approx([0.5, 0.5])
    assert profile([]).shares == {}
