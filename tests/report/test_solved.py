"""Reports on tasks that count as solved below a loss: how many runs solved them, and after how many steps."""

import csv
import io
import json

import numpy as np
import pytest

from lodo_bench.api.compare import load_report
from lodo_bench.api.run import run
from lodo_bench.report.formats import RENDERERS
from lodo_bench.report.section import build_section
from lodo_bench.spec.selection import ReportRequest, Selection
from lodo_bench.tasks.diagnostic_cases import CASES

CASE, SEEDS, STEPS = "heavy-tailed-noise", 5, 600
# Of the last tenth of the steps but one, as a score.
WINDOW = 59


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Runs of which all, some and none solve the task."""
    path = str(tmp_path_factory.mktemp("solved") / "lodo.db")
    settings = {"seeds": SEEDS, "steps": STEPS, "timed": False, "db": path, "task_options": {"case": CASE}}
    run("adam", "diagnostics", hyperparameters={"learning_rate": 0.02}, **settings)
    run("adam", "diagnostics", hyperparameters={"learning_rate": 0.06}, **settings)
    run("adam", "diagnostics", hyperparameters={"learning_rate": 1e-5}, **settings)
    run("adam", "quadratic", seeds=2, steps=20, timed=False, db=path, hyperparameters={"learning_rate": 0.01})
    return path


@pytest.fixture(scope="module")
def report(database):
    return load_report(ReportRequest(Selection("diagnostics")), (database,))


def first_steps(report, row):
    """Return the first step of each run at which the mean of the window is below the level; infinite if there is none.

    The means are those of a convolution.
    """
    steps = []
    for run_set, seed in row.curves:
        means = np.convolve(report.curves.curve(run_set, seed).losses, np.full(WINDOW, 1 / WINDOW), "valid")
        below = np.flatnonzero(means <= CASES[CASE].solved_below)
        steps.append(below[0] + WINDOW if below.size else np.inf)
    return np.array(steps)


def columns(report):
    ((comparison, targets),) = report.comparisons
    table = build_section(comparison, targets).table
    titles = [head.title for head in table.heads]
    rows = [row for row in table.rows if not row.is_bound]
    return comparison, titles, [dict(zip(titles, row.cells, strict=True)) for row in rows]


def test_runs_that_solved_the_task_are_counted_with_their_median_steps(report):
    comparison, titles, rows = columns(report)
    assert titles[titles.index("solved") + 1] == "steps (median)"
    assert not any(title.startswith("steps to loss") for title in titles)
    counts = []
    for found, row in zip(rows, comparison.rows, strict=True):
        steps = first_steps(report, row)
        counts.append(int(np.isfinite(steps).sum()))
        assert found["solved"].text == f"{counts[-1]} of {SEEDS}"
        median = float(np.median(steps))
        assert found["steps (median)"].text == (f"{median:,.0f}" if np.isfinite(median) else "–")
    assert max(counts) == SEEDS
    assert min(counts) == 0
    assert 0 < sorted(counts)[1] < SEEDS


def test_every_format_says_so(report):
    for name in ("markdown", "latex", "html"):
        text = RENDERERS[name](report)
        assert f"{SEEDS} of {SEEDS}" in text
        assert "Solved: runs whose mean of the last 59 losses was at most 0.2 at some step" in text


def test_data_formats_have_the_level_and_the_counts(report):
    ((comparison, _),) = report.comparisons
    lines = list(csv.DictReader(io.StringIO(RENDERERS["csv"](report))))
    (document,) = json.loads(RENDERERS["json"](report))["comparisons"]
    assert document["target"] == {"loss": 0.2, "window": WINDOW, "is_criterion": True}
    for line, row, found in zip(lines, document["rows"], comparison.rows, strict=True):
        steps = first_steps(report, found)
        solved, median = int(np.isfinite(steps).sum()), float(np.median(steps))
        assert (line["target"], int(line["steps_to_target_reached"])) == ("0.2", solved)
        assert float(line["steps_to_target_median"]) == median
        assert (line["target_windows"], row["to_target"]["windows"]) == (str(WINDOW), [WINDOW])
        summary = row["to_target"]["steps"]
        assert (summary["reached"]["count"], summary["missed"]) == (solved, SEEDS - solved)
        assert summary["median"] == (median if np.isfinite(median) else None)


def test_a_target_of_the_users_replaces_the_criterion(database):
    _, titles, _ = columns(load_report(ReportRequest(Selection("diagnostics"), 1.0), (database,)))
    assert "steps to loss ≤ 1" in titles
    assert "solved" not in titles


def test_tasks_without_a_criterion_have_no_such_columns(database):
    _, titles, _ = columns(load_report(ReportRequest(Selection("quadratic")), (database,)))
    assert "solved" not in titles
    assert not any(title.startswith("steps to") for title in titles)
