"""A task and an optimizer step by step: what is drawn, counted and moved."""

from itertools import islice

import numpy as np
import torch

from lodo_bench.training.trainer import Trainer
from tests.helpers import training_spec, varied_individual


def trainer(optimizer="adam"):
    individuals = tuple(varied_individual(optimizer, index) for index in range(2))
    return Trainer.from_spec(training_spec(optimizer, individuals=individuals, steps=8, backend="torch"))


def test_single_steps_are_those_of_a_chunk():
    single, chunk = trainer(), trainer()
    losses, evaluations = chunk.run_steps(8)
    assert torch.equal(torch.stack(list(islice(single.steps(), 8))), losses)
    assert torch.equal(single.x, chunk.x)
    assert evaluations.tolist() == list(range(1, 9))


def test_progress_is_the_fraction_of_the_planned_steps():
    started = trainer()
    assert [started.progress for _ in islice(started.steps(), 10)] == [*np.arange(1, 9) / 8, 1.0, 1.0]


def test_gradients_are_of_fresh_batches_at_the_point_where_the_caller_is():
    stepping, standing = trainer("momentum"), trainer("momentum")
    first, second = islice(standing.gradients(), 2)
    assert not torch.equal(first[1], second[1])
    assert torch.equal(standing.x, stepping.x)
    for (loss, _), expected in zip(standing_like(stepping), islice(stepping.steps(), 5), strict=False):
        assert torch.equal(loss, expected)


def standing_like(stepping):
    """Gradients of a trainer whose point is moved to that of another one before each batch."""
    follower = trainer("momentum")
    gradients = follower.gradients()
    while True:
        follower.x.copy_(stepping.x)
        yield next(gradients)


def test_asking_for_a_gradient_counts_as_an_evaluation():
    asked = trainer()
    asked.gradient(asked.x + 1)
    assert asked.run_steps(2)[1].tolist() == [2, 3]
