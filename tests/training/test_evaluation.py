"""Evaluations report what is done, can be interrupted, and are estimated before anything is trained."""

import pytest
import torch

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.rosenbrock import Rosenbrock
from lodo_bench.training import evaluation
from lodo_bench.training.checkpoint import Checkpoint
from lodo_bench.training.loop import train
from lodo_bench.training.session import Evaluation

BATCHES, SECONDS = 50, 2.0


class Evaluated(Rosenbrock):
    """Its test metric goes through fifty batches."""

    def test_metrics(self, x):
        total = sum(float(batch) for batch in self.in_batches(torch.arange(BATCHES)))
        return {"test_loss": x.sum(1) * 0 + total}


@pytest.fixture
def spec():
    with TASKS.registered("evaluated", Evaluated):
        yield TrainingSpec(
            TaskSpec("evaluated"),
            OptimizerSpec("adam"),
            "final",
            (Individual((0,), {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.99}),),
            5,
            compute=ComputeSpec("cpu", "float64", "torch"),
        )


def test_every_batch_is_reported(spec):
    reports = []
    train(spec, reports.append)
    assert [each.evaluation for each in reports if each.evaluation] == [
        Evaluation(done, BATCHES) for done in range(BATCHES + 1)
    ]
    assert {each.steps for each in reports if each.evaluation} == {5}


def test_an_interrupted_evaluation_is_done_again(spec, tmp_path):
    def interrupt(progress):
        if progress.evaluation and progress.evaluation.done == 7:
            raise KeyboardInterrupt

    path = tmp_path / "0-0.pt"
    (stopped,) = train(spec, interrupt, Checkpoint(path, "me", 1000, print))
    assert (stopped.status, stopped.steps) == (Status.INTERRUPTED, 5)
    assert path.exists()
    (resumed,) = train(spec, None, Checkpoint(path, "me", 1000, print))
    (whole,) = train(spec)
    assert resumed.status is Status.COMPLETED
    assert resumed.scores == whole.scores
    assert resumed.scores[Milestone("steps", 5)]["test_loss"] == sum(range(BATCHES))
    assert resumed.curve.losses.tolist() == whole.curve.losses.tolist()


def test_a_checkpoint_is_written_during_an_evaluation(spec, tmp_path):
    path = tmp_path / "0-0.pt"
    seen = []
    train(spec, lambda progress: seen.append(path.exists()), Checkpoint(path, "me", 0, print))
    assert seen[-1]


@pytest.mark.parametrize(("first", "others"), [(0.5, 0.1), (9.0, 9.0), (0.0, 0.0)])
def test_the_duration_is_estimated_with_the_first_batches(first, others, spec, monkeypatch):
    """The first batch is slower, as it loads code."""
    now, measured = [0.0], []
    build = evaluation.build_task

    def slow(training):
        task = build(training)
        batches = task.in_batches

        def timed(data):
            for index, batch in enumerate(batches(data)):
                yield batch
                measured.append(index)
                now[0] += others if index else first

        task.in_batches = timed
        return task

    monkeypatch.setattr(evaluation, "build_task", slow)
    seconds = evaluation.evaluation_seconds(spec, lambda: now[0])
    assert seconds == pytest.approx(others * BATCHES)
    assert len(measured) < BATCHES or not others
