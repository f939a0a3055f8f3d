"""The table of a grid: the defaults, the lowest loss and its place, and how much of the grid is close to it."""

import math
import re

import pytest

from tests.experiments.helpers import do, open_store, page

FILE = """
title: A grid
hyperparameters: default
runs: [{seeds: 2, steps: 30}]
output: [sensitivity]
parts:
  - task: rosenbrock
    optimizers: [adam, {name: adam, recipe: {clip_norm: 1}}]
    sweep: {grid: {lr: [0.001, 0.01, 0.1], beta1: [0.5, 0.9]}}
  - task: rosenbrock
    optimizers: [momentum]
    sweep: {grid: {learning_rate: [0.0001, 1000000]}}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    (folder / "mine.yaml").write_text(FILE)
    result = do(folder / "mine.yaml", "paper", open_store(folder / "results.db"))
    text, figures = page(result, folder / "page")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return result, {row[0]: row for row in rows}, figures


def losses(result, optimizer):
    """The mean loss at each point of an optimizer, over its seeds; infinite if it diverged."""
    by_point = {}
    for each in result.results:
        if each.condition.base.label == optimizer:
            (run_set,) = each.run_sets
            values = [loss for run in run_set.runs for loss in run.milestones.values()]
            mean = sum(values) / len(values)
            by_point[tuple(each.condition.given.values())] = mean if math.isfinite(mean) else math.inf
    return by_point


@pytest.mark.parametrize("optimizer", ["adam", "adam (clip_norm=1)"])
def test_the_row_of_an_optimizer(found, optimizer):
    result, rows, _ = found
    points = losses(result, optimizer)
    assert len(points) == 6
    best, lowest = min(points.items(), key=lambda item: item[1])
    of_all = min(min(losses(result, name).values()) for name in ("adam", "adam (clip_norm=1)", "momentum"))
    _, default, least, at, default_ratio, ratio, close = rows[optimizer]
    assert float(default) == pytest.approx(points[0.001, 0.9], rel=1e-3)
    assert float(least) == pytest.approx(lowest, rel=1e-3)
    assert at == f"learning_rate={best[0]:g}, beta1={best[1]:g}"
    assert float(default_ratio) == pytest.approx(points[0.001, 0.9] / of_all, abs=0.006)
    assert float(ratio) == pytest.approx(lowest / of_all, abs=0.006)
    assert close == f"{sum(loss <= 1.1 * lowest for loss in points.values())} of 6"


def test_a_point_that_diverges_and_a_grid_without_the_defaults(found):
    _, rows, _ = found
    _, default, _, at, default_ratio, _, close = rows["momentum"]
    assert (default, default_ratio, at, close) == ("–", "–", "learning_rate=0.0001", "1 of 2")


def test_a_figure_for_each_rate(found):
    _, _, figures = found
    assert [re.sub(r"\d+", "N", path.name) for path in figures] == ["sensitivity-N-learning-rate.png"]
    assert figures[0].read_bytes().startswith(b"\x89PNG")
