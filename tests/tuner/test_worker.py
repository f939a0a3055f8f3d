"""The evaluation of a shard: fitnesses and outcomes, independent of the rest of the population."""

import math
import platform
import weakref
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from lodo_bench.optimizers.base import Optimizer
from lodo_bench.optimizers.momentum import Momentum
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.outcome import Curve, Outcome, Status
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.training import failure
from lodo_bench.training.loop import train
from lodo_bench.tuner import worker
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.worker import evaluate, failed
from tests.builders import at_steps
from tests.helpers import training_spec


class Impatient(Optimizer):
    """An optimizer during which the user presses Ctrl-C."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size"),)

    def init_state(self, generators):
        return

    def step(self, gradient, oracle):
        raise KeyboardInterrupt


class Broken(Impatient):
    """An optimizer that asks for more memory than there is."""

    def step(self, gradient, oracle):
        raise MemoryError("2 TB")


class Counting(Impatient):
    """An optimizer that records its number of threads."""

    threads: ClassVar = []

    def step(self, gradient, oracle):
        self.threads.append(torch.get_num_threads())


@pytest.fixture
def outcomes(monkeypatch):
    """Replace training by given outcomes."""

    def outcomes(*outcomes):
        monkeypatch.setattr(worker, "train_validated", lambda spec: list(outcomes))

    return outcomes


def shard_of(individuals, optimizer="momentum", task="quadratic", steps=40):
    training = training_spec(optimizer, task, purpose="tuning", individuals=tuple(individuals), steps=steps)
    return Shard(3, 2, training)


def momentum(index, learning_rate=0.1):
    return Individual((0, 2, index), {"learning_rate": learning_rate, "momentum": 0.5})


def simple(index):
    return Individual((0, 2, index), {"learning_rate": 0.1})


def outcome(losses, status=Status.COMPLETED, reason="", seconds=4.0):
    losses = np.array(losses, dtype=float)
    curve = Curve(losses, np.array([0, len(losses)]), np.array([0.0, seconds]))
    end = at_steps(len(losses))
    return Outcome(status, reason, len(losses), len(losses), curve, milestones={end: milestone_loss(curve, end)})


# Rates at which nobody diverges on either task.
TAME = {
    "momentum": {"learning_rate": 0.01, "momentum": 0.7},
    "adam": {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.99},
    "lodo": {"meta_learning_rate": 0.001, "momentum": 0.6, "initial_learning_rate": 0.05},
}


def tame(optimizer, count):
    """Return individuals with different hyperparameters."""
    return [
        Individual((0, 2, i), {name: value * (1 - 0.05 * i) for name, value in TAME[optimizer].items()})
        for i in range(count)
    ]


def set_threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread():
    yield from set_threads(1)


@pytest.fixture
def two_threads():
    yield from set_threads(2)


@pytest.mark.parametrize("task", ["quadratic", "rosenbrock"])
@pytest.mark.parametrize("optimizer", ["momentum", "lodo"])
def test_fitness_is_the_mean_of_the_last_tenth(one_thread, optimizer, task):
    shard = shard_of(tame(optimizer, 3), optimizer, task, steps=100)
    records = evaluate(shard)
    for record, trained in zip(records, train(shard.training), strict=True):
        # Before the milestone of 100 steps: losses 91 to 99.
        expected = sum(trained.curve.losses.tolist()[90:99]) / 9
        assert record.fitness == pytest.approx(expected, rel=1e-12)
        assert (record.status, record.reason, record.steps) == (Status.COMPLETED, "", 100)
    assert len({record.fitness for record in records}) == 3


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_shortest_trainings_have_a_fitness(one_thread, steps):
    shard = shard_of([momentum(0)], steps=steps)
    (trained,) = train(shard.training)
    # A window of less than a step is of one step, the first after nine tenths.
    assert evaluate(shard)[0].fitness == trained.curve.losses[9 * steps // 10]


def test_records_say_whose_they_are():
    individuals = [momentum(4), momentum(5, 0.2), momentum(6, 0.3)]
    records = evaluate(shard_of(individuals))
    assert [(record.generation, record.index) for record in records] == [(2, 4), (2, 5), (2, 6)]
    assert [record.hyperparameters for record in records] == [i.hyperparameters for i in individuals]
    assert {record.host for record in records} == {platform.node()}
    assert {type(record.fitness) for record in records} == {float}


def test_seconds_are_shared_by_the_shard(outcomes):
    outcomes(outcome([1.0] * 10), outcome([2.0] * 10), outcome([3.0] * 10), outcome([4.0] * 10))
    records = evaluate(shard_of([momentum(i) for i in range(4)], steps=10))
    assert [record.seconds for record in records] == [1.0] * 4
    assert [record.fitness for record in records] == [1.0, 2.0, 3.0, 4.0]


def test_a_diverged_individual_has_no_fitness_and_leaves_the_others_alone():
    records = evaluate(shard_of([momentum(0), momentum(1, 1e30), momentum(2)]))
    assert [record.status for record in records] == [Status.COMPLETED, Status.DIVERGED, Status.COMPLETED]
    diverged = records[1]
    assert math.isnan(diverged.fitness)
    assert f"at step {diverged.steps}" in diverged.reason
    assert 0 < diverged.steps < 40
    for index in (0, 2):
        (alone,) = evaluate(shard_of([momentum(index)]))
        assert replace(records[index], seconds=0) == replace(alone, seconds=0)


def test_a_divergence_after_the_scored_steps_is_one(outcomes):
    losses = [1.0] * 99 + [math.inf]
    outcomes(outcome(losses, Status.DIVERGED, "loss inf at step 100"))
    (record,) = evaluate(shard_of([momentum(0)], steps=100))
    assert (record.status, record.reason, record.steps) == (Status.DIVERGED, "loss inf at step 100", 100)
    assert math.isnan(record.fitness)


def test_finite_losses_whose_mean_is_not_are_a_divergence(outcomes):
    outcomes(outcome([1e308] * 100), outcome([1.0] * 100))
    huge, usual = evaluate(shard_of([momentum(0), momentum(1)], steps=100))
    assert (huge.status, huge.reason) == (Status.DIVERGED, "the mean loss overflows")
    assert math.isnan(huge.fitness)
    assert (usual.status, usual.fitness) == (Status.COMPLETED, 1.0)


def test_when_all_have_diverged_nobody_was_interrupted():
    records = evaluate(shard_of([momentum(0, 1e30), momentum(1, 1e20)], steps=100_000))
    assert [record.status for record in records] == [Status.DIVERGED] * 2
    assert all(math.isnan(record.fitness) for record in records)


def test_an_exception_of_each_is_a_failure_of_the_whole_shard(register):
    shard = shard_of([simple(6), simple(7)], register(Broken))
    records = evaluate(shard)
    assert [(record.generation, record.index) for record in records] == [(2, 6), (2, 7)]
    for record, individual in zip(records, shard.training.individuals, strict=True):
        assert (record.status, record.reason) == (Status.FAILED, "MemoryError: 2 TB")
        assert math.isnan(record.fitness)
        assert (record.steps, record.seconds) == (0, 0.0)
        assert record.hyperparameters == individual.hyperparameters


class Crowded(Momentum):
    """An optimizer that has memory for two individuals."""

    def step(self, gradient, oracle):
        if len(self.x) > 2:
            raise MemoryError("2 TB")
        return super().step(gradient, oracle)


def test_individuals_that_only_fail_together_are_trained_one_by_one(register):
    individuals = [momentum(index, 0.01 * (index + 1)) for index in range(4)]
    crowd = evaluate(shard_of(individuals, register(Crowded)))
    apart = [evaluate(shard_of([individual]))[0] for individual in individuals]
    assert [record.status for record in crowd] == [Status.COMPLETED] * 4
    assert [record.fitness for record in crowd] == [record.fitness for record in apart]


class Exhausting(Impatient):
    """An optimizer that does not fit on the GPU and records its living instances."""

    alive: ClassVar = weakref.WeakSet()

    def step(self, gradient, oracle):
        self.alive.add(self)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def test_what_did_not_fit_is_let_go_before_the_memory_is_given_back(register, monkeypatch):
    calls = []
    monkeypatch.setattr(failure, "free_memory", lambda device: calls.append((device, len(Exhausting.alive))))
    (record,) = evaluate(shard_of([simple(0)], register(Exhausting)))
    assert (record.status, record.reason) == (
        Status.FAILED,
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.",
    )
    assert calls == [("cpu", 0)]


def test_a_problem_that_does_not_fit_is_a_failure_with_the_systems_words():
    shard = shard_of([momentum(0)])
    too_large = replace(shard.training, task=TaskSpec("quadratic", {"dimension": 1_000_000}))
    (record,) = evaluate(replace(shard, training=too_large))
    assert record.status is Status.FAILED
    assert record.reason.startswith("RuntimeError: ") and "memory" in record.reason


def test_failures_have_the_reason_that_is_given():
    records = failed(shard_of([momentum(2), momentum(3)]), "its worker was lost")
    assert [(r.index, r.status, r.reason) for r in records] == [
        (2, Status.FAILED, "its worker was lost"),
        (3, Status.FAILED, "its worker was lost"),
    ]
    assert all(math.isnan(record.fitness) for record in records)


def test_an_interrupt_goes_on(register):
    with pytest.raises(KeyboardInterrupt):
        evaluate(shard_of([simple(0)], register(Impatient)))


def test_an_interrupt_outside_of_the_steps_goes_on_too(monkeypatch):
    def stopped(spec):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "train_validated", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate(shard_of([momentum(0)]))


@pytest.mark.parametrize("last", [Status.DIVERGED, Status.COMPLETED])
def test_one_that_was_interrupted_makes_no_result_of_the_shard(outcomes, last):
    stopped = outcome([1.0] * 39, Status.INTERRUPTED, "stopped by the user")
    outcomes(stopped, outcome([1.0] * 40, last))
    with pytest.raises(KeyboardInterrupt):
        evaluate(shard_of([momentum(0), momentum(1)]))


@pytest.mark.parametrize("kind", [Counting, Broken, Impatient])
def test_it_trains_on_one_thread_and_leaves_the_number_as_it_was(register, two_threads, kind):
    Counting.threads.clear()
    try:
        evaluate(shard_of([simple(0)], register(kind)))
    except KeyboardInterrupt:
        assert kind is Impatient
    assert set(Counting.threads) == ({1} if kind is Counting else set())
    assert torch.get_num_threads() == 2


def test_the_number_of_threads_does_not_change_the_result(two_threads):
    shard = shard_of(tame("lodo", 4), "lodo")
    with_two = fitnesses(shard)
    torch.set_num_threads(1)
    assert fitnesses(shard) == with_two


def fitnesses(shard):
    found = [record.fitness for record in evaluate(shard)]
    assert np.isfinite(found).all()
    return found


@pytest.mark.parametrize("task", ["quadratic", "rosenbrock"])
@pytest.mark.parametrize("optimizer", ["lodo", "adam"])
def test_eight_together_have_the_fitnesses_of_eight_alone_bit_for_bit(optimizer, task):
    individuals = tame(optimizer, 8)
    together = fitnesses(shard_of(individuals, optimizer, task, steps=150))
    alone = [
        fitness
        for individual in individuals
        for fitness in fitnesses(shard_of([individual], optimizer, task, steps=150))
    ]
    assert together == alone
    assert len(set(together)) == 8


def test_evaluating_again_gives_the_same_fitnesses():
    shard = shard_of(tame("lodo", 3), "lodo")
    assert fitnesses(shard) == fitnesses(shard)
