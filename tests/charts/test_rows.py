"""Charts of one quantity share their axis, and a chart without a visible point is an error."""

import math

import numpy as np
import pytest

from lodo_bench.charts.groups import result_groups
from lodo_bench.charts.rows import loss_rows, metric_row
from lodo_bench.charts.visible import EmptyChartError
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.training import LossBound, TaskSpec
from tests.builders import run, run_set

TASK = TaskSpec("quadratic")
NAN = math.nan


class Curves:
    """The losses of each run set, and a metric of all."""

    def __init__(self, losses, metric=()):
        self._losses, self._metric = losses, np.array(metric, dtype=float)

    def curves(self, run_set, seeds):
        losses = np.array(self._losses[run_set], dtype=float)
        return dict.fromkeys(seeds, Curve(losses, np.array([0, len(losses)]), np.array([0.0, 2.0])))

    def metrics(self, run_set):
        return {0: {"hessian_error": MetricHistory(np.arange(1, len(self._metric) + 1), self._metric)}}


def rows(losses, bound=None, status=Status.COMPLETED, **changes):
    """The rows of optimizers with one run each."""
    names = ["adam", "lodo", "bfgs"]
    sets = [
        run_set(run(0, status=status, **changes), optimizer=names[number - 1], id=number) for number in sorted(losses)
    ]
    return loss_rows(result_groups(sets), Curves(losses), TASK, bound)


def test_losses_by_steps_and_by_time_share_their_limits():
    (row,) = rows({1: [3.0, 2.0, 1.0], 2: [9.0, 8.0, 7.0]})
    assert [chart.x for chart in row.charts] == ["steps", "seconds"]
    assert (row.limits.values.min(), row.limits.values.max()) == (1, 9)
    assert len(row.limits.peaks) == len(row.lines) == 4


def test_untimed_runs_have_no_chart_by_time():
    (row,) = rows({1: [3.0, 2.0]}, training_seconds=None)
    assert [chart.x for chart in row.charts] == ["steps"]


def test_a_bound_adds_the_difference():
    losses, excess = rows({1: [9.0, 8.0]}, LossBound("Newton", 7.0))
    assert (losses.quantity, losses.bound.loss) == ("training loss", 7)
    assert excess.quantity == "loss − bound"
    assert [chart.x for chart in excess.charts] == [chart.x for chart in losses.charts]
    assert excess.charts[0].lines[0].band.middle.tolist() == [2, 1]
    assert "Newton, 7" in excess.note and "below the axis" in excess.note


def test_a_bound_of_zero_adds_nothing():
    assert len(rows({1: [9.0, 8.0]}, LossBound("global minimum", 0.0))) == 1


def test_a_difference_without_a_positive_value_is_left_out_with_a_sentence():
    (row,) = rows({1: [5.0, 6.0]}, LossBound("Newton", 7.0))
    assert row.note == "No line rises above the bound (Newton, 7)."


def test_runs_that_diverge_at_once_make_no_picture():
    with pytest.raises(EmptyChartError) as caught:
        rows({1: [NAN], 2: [math.inf]}, status=Status.DIVERGED)
    assert str(caught.value) == (
        "no run on quadratic has a finite loss to draw, because every run diverged at once (adam 1 of 1, lodo 1 of 1). "
        "Run it with other hyperparameters, such as a smaller learning rate."
    )


def test_runs_that_did_not_finish_make_no_picture():
    with pytest.raises(EmptyChartError, match=r"no run on quadratic is finished\. Run it first\."):
        rows({1: [1.0]}, status=Status.FAILED)


def test_one_visible_line_is_enough():
    sets = [run_set(run(0), id=1), run_set(run(0, NAN, status=Status.DIVERGED), optimizer="lodo", id=2)]
    (row,) = loss_rows(result_groups(sets), Curves({1: [1.0], 2: [NAN]}), TASK, None)
    assert [len(line.band.x) for line in row.charts[0].lines] == [1, 0]


def test_a_metric_that_is_never_finite_makes_no_picture():
    groups = result_groups([run_set(run(0))])
    assert metric_row(groups, Curves({1: [1.0]}, [0.5]), TASK, "hessian_error").quantity == "hessian error"
    with pytest.raises(EmptyChartError, match="no run on quadratic has a finite hessian error"):
        metric_row(groups, Curves({1: [1.0]}, [NAN]), TASK, "hessian_error")
