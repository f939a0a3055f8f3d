"""Runs whose evaluation takes long are announced before they begin, with the way out."""

import pytest

from lodo_bench.api import evaluation
from lodo_bench.api.evaluation import notice_long_evaluation
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


class Listener:
    def __init__(self):
        self.notices = []

    def notice(self, message):
        self.notices.append(message)


def runs(task, options, seeds=4, seconds=None):
    return RunSetSpec(
        TaskSpec(task, options),
        OptimizerSpec("adam"),
        Hyperparameters({}, "default", ""),
        steps=10,
        seconds=seconds,
        num_seeds=seeds,
        timed=True,
        compute=ComputeSpec("cpu", "float32", "torch"),
    )


@pytest.fixture
def notices(monkeypatch):
    """Notices on a machine that makes a thousand predictions a second; all are 7.84 million."""
    monkeypatch.setattr(
        evaluation, "evaluation_seconds", lambda spec: (spec.task.options.get("test_samples") or 7.84e6) / 1000
    )

    def of(*specs):
        listener = Listener()
        notice_long_evaluation(specs, listener)
        return listener.notices

    return of


def test_the_whole_test_set_is_announced(notices):
    (notice,) = notices(*(runs("mnist", {}, seeds=seeds, seconds=60.0) for seeds in (4, 2)))
    assert "take about 2.18 h" in notice
    assert "measured 12 times" in notice  # at both milestones of each run
    assert "in about 20 s" in notice and "-T test_samples=20000" in notice


def test_a_short_evaluation_is_not(notices):
    assert notices(runs("mnist", {"test_samples": 20_000})) == []
    assert notices(runs("quadratic", {})) == []


def test_a_sample_that_is_hardly_shorter_is_no_way_out(monkeypatch):
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda spec: 100.0)
    listener = Listener()
    notice_long_evaluation([runs("mnist", {})], listener)
    assert "test_samples" not in listener.notices[0]
    assert "Ctrl-C keeps the run" in listener.notices[0]
