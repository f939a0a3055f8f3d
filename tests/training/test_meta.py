"""Meta-training against a loop of PyTorch's own LSTM cells and autograd, and how it goes on where it stopped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench import seeding
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.l2lbgdbgd import HIDDEN, WEIGHTS, features
from lodo_bench.spec.training import (
    Individual,
    MetaTrainingState,
    OptimizerSpec,
    TaskSpec,
    TrainingSpec,
)
from lodo_bench.tasks import TASKS
from lodo_bench.training import meta as meta_training
from lodo_bench.training.loop import train
from lodo_bench.training.meta import run_epoch
from tests.helpers import center_of

TASK = TaskSpec("quadratic", {"dimension": 10, "min_eigenvalue": 0.1})
OPTIMIZER = OptimizerSpec("l2lbgdbgd")


def meta_train(epoch=0, before=None, runs=1):
    spec = TrainingSpec(TASK, OPTIMIZER, "tuning", (Individual((0, epoch, 0), {}),), 100 * runs)
    return run_epoch(spec, before)


def weights_of(state):
    return np.frombuffer(state.weights, dtype="<f8")


class PlainOptimizer(torch.nn.Module):
    """The same network from PyTorch's own parts; the biases that it has too many of stay zero."""

    def __init__(self, weights):
        super().__init__()
        self.first, self.second = torch.nn.LSTMCell(2, HIDDEN), torch.nn.LSTMCell(HIDDEN, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, 1)
        self.double()
        cells = ((self.first, 2), (self.second, HIDDEN))
        start = 0
        for cell, inputs in cells:
            size = (inputs + HIDDEN) * 4 * HIDDEN
            matrix = weights[start : start + size].view(inputs + HIDDEN, 4 * HIDDEN)
            cell.weight_ih.data, cell.weight_hh.data = matrix[:inputs].T.clone(), matrix[inputs:].T.clone()
            cell.bias_ih.data = weights[start + size : start + size + 4 * HIDDEN].clone()
            cell.bias_hh.data.zero_()
            cell.bias_hh.requires_grad_(False)
            start += size + 4 * HIDDEN
        self.output.weight.data = weights[start : start + HIDDEN].view(1, HIDDEN).clone()
        self.output.bias.data = weights[start + HIDDEN :].clone()

    def flat(self):
        parts = []
        for cell in (self.first, self.second):
            parts += [torch.cat((cell.weight_ih.T, cell.weight_hh.T)).flatten(), cell.bias_ih]
        return torch.cat([*parts, self.output.weight[0], self.output.bias]).detach().numpy()


def plain_meta_training(weights, task):
    """One run of 100 steps, unrolled 20 at a time, with the true losses and second derivatives cut by detaching."""
    net = PlainOptimizer(weights)
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.03)
    x = torch.zeros(1, 10, dtype=torch.float64)
    state = [torch.zeros(10, HIDDEN, dtype=torch.float64) for _ in range(4)]
    hessian = task.hessian(x)[0]
    for _ in range(5):
        total = 0
        for _ in range(20):
            task.next_batch()
            offset = x[0] - center_of(task)[0]
            total = total + 0.5 * offset @ hessian @ offset
            seen = features((hessian @ offset).detach())
            h1, c1 = net.first(seen, (state[0], state[1]))
            h2, c2 = net.second(h1, (state[2], state[3]))
            state = [h1, c1, h2, c2]
            x = x + 0.1 * net.output(h2).T
        adam.zero_grad()
        total.backward()
        adam.step()
        x, state = x.detach(), [part.detach() for part in state]
    return net.flat()


def training_spec(key):
    return TrainingSpec(TASK, OPTIMIZER, "tuning", (Individual(key, {}),), 100)


def test_a_run_learns_what_full_autograd_learns(monkeypatch):
    # Validation would leave the better of the weights before and after; it is not what is tested here.
    monkeypatch.setattr(meta_training._Learner, "validate", lambda self: 1.0)
    spec = training_spec((0, 0, 0, 0, 0))
    drawn = OPTIMIZERS.load("l2lbgdbgd")(
        torch.zeros(1, 1, dtype=torch.float64), {}, seeding.optimizer_generators(spec), {}
    ).weights[0]
    task = TASKS.load("quadratic")(seeding.task_generators(spec), torch.float64, TASK.options)
    expected = plain_meta_training(drawn, task)
    learned = weights_of(meta_train().state)
    assert np.abs(expected - drawn.numpy()).max() > 0.05
    np.testing.assert_allclose(learned, expected, rtol=1e-9, atol=1e-9)


def test_epochs_go_on_from_what_is_stored_bit_for_bit():
    first = meta_train()
    stored = MetaTrainingState(bytes(bytearray(first.state.weights)), bytes(bytearray(first.state.state_dict)))
    again = meta_train(1, stored)
    straight = meta_train(1, first.state)
    assert again.state == straight.state
    assert again.fitness == straight.fitness != first.fitness


def test_the_best_weights_so_far_are_kept(monkeypatch):
    losses = iter([1.0, 2.0, 0.5])
    monkeypatch.setattr(meta_training._Learner, "validate", lambda self: next(losses))
    first = meta_train(0)
    second = meta_train(1, first.state)
    third = meta_train(2, second.state)
    assert second.state.weights == first.state.weights != third.state.weights
    assert second.state.state_dict != first.state.state_dict


def test_an_epoch_without_a_finite_loss_changes_nothing(monkeypatch):
    first = meta_train()
    monkeypatch.setattr(meta_training._Learner, "validate", lambda self: float("inf"))
    lost = meta_train(1, first.state)
    assert lost.state is first.state
    assert np.isnan(lost.fitness)


def mean_loss(weights, keys):
    individuals = tuple(Individual(key, {}) for key in keys)
    spec = replace(training_spec((0,)), purpose="final", individuals=individuals, weights=weights)
    return np.mean([outcome.curve.losses for outcome in train(spec)])


def test_what_is_learned_holds_on_fresh_problems_of_the_same_kind():
    """Final runs meet other Hessians and other walks than any epoch has seen."""
    state = None
    for epoch in range(4):
        state = meta_train(epoch, state, runs=5).state
    keys = [(seed,) for seed in range(20)]
    untrained = np.zeros(WEIGHTS).tobytes()  # proposes nothing: x stays where it is
    assert mean_loss(state.weights, keys) < 0.5 * mean_loss(untrained, keys)


@pytest.mark.parametrize("optimizer", ["adam", "lodo", "newton"])
def test_others_are_not_meta_trained(optimizer):
    assert OPTIMIZERS.load(optimizer).search == "genetic"
