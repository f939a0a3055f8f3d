"""Impossible trainings are refused before anything is computed, and each specification is validated once."""

import pytest
import torch

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.training import loop
from lodo_bench.training.loop import train, train_validated
from lodo_bench.training.validation import validate
from tests.helpers import training_spec

QUADRATIC, ADAM = TaskSpec("quadratic"), OptimizerSpec("adam")


def test_what_can_be_trained_is_accepted():
    validate(QUADRATIC, ADAM, ComputeSpec(), population=1000)
    validate(TaskSpec("mnist"), ADAM, ComputeSpec(dtype="float32"))


@pytest.mark.parametrize(
    ("task", "optimizer", "compute", "population", "message"),
    [
        (QUADRATIC, ADAM, ComputeSpec("cuda"), 1, "device 'cuda' is not available"),
        (QUADRATIC, ADAM, ComputeSpec(backend="triton"), 1, "backend|kernel"),
        (TaskSpec("mnist"), OptimizerSpec("newton"), ComputeSpec(), 1, "newton needs the hessian of the loss"),
        (TaskSpec("mnist"), OptimizerSpec("bfgs"), ComputeSpec(), 1, "supports at most n = "),
        (TaskSpec("mnist"), ADAM, ComputeSpec(), 2, "mnist trains at most 1 individuals in lockstep, not 2"),
    ],
)
def test_what_cannot_be_trained_is_refused(monkeypatch, task, optimizer, compute, population, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=message):
        validate(task, optimizer, compute, population)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'rosenbrock'"):
        validate(TaskSpec("rosenbrok"), ADAM, ComputeSpec())
    with pytest.raises(UnknownNameError, match="unknown optimizer 'mommentum'"):
        validate(QUADRATIC, OptimizerSpec("mommentum"), ComputeSpec())


def test_a_specification_is_validated_once(monkeypatch):
    validated = []
    monkeypatch.setattr(loop, "validate", lambda *arguments: validated.append(arguments))
    spec = training_spec(steps=1)
    train_validated(spec)
    assert validated == []
    train(spec)
    assert validated == [(spec.task, spec.optimizer, spec.compute, 1)]
