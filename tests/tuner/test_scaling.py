"""Searches on many workers, in simulated time: the workers are kept busy, whatever their number."""

import pytest

from benchmarks.simulated_cluster import Costs, simulate
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tuner.schedule import load_schedules
from lodo_bench.tuner.study import Study
from tests.tuner.helpers import schedule, study_record, study_spec

FOUR = ("momentum", "adam", "rmsprop", "yogi")
COSTS = Costs(transaction=0.0025, result=0.0006, latency=0.0005)


def studies(names, task="quadratic", plan=None, backend="numba"):
    plan = plan or load_schedules("paper", task)["genetic"]
    specs = [study_spec(name, task=TaskSpec(task), schedule=plan, backend=backend) for name in names]
    return [Study(study_record(spec, number=number)) for number, spec in enumerate(specs)]


def each(seconds):
    return lambda shard: seconds * len(shard.training.individuals)


@pytest.mark.parametrize(("workers", "efficiency"), [(1, 0.99), (2, 0.99), (8, 0.96), (32, 0.87), (64, 0.75)])
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_four_optimizers_keep_many_workers_busy(workers, efficiency, backend):
    """Individuals of 50 ms, 128 in each generation."""
    found = simulate(
        studies(FOUR, plan=schedule(32, [1.0] * 10, [1] * 10), backend=backend), workers, each(0.05), COSTS
    )
    assert found.efficiency > efficiency


@pytest.mark.parametrize(("workers", "efficiency"), [(2, 0.97), (8, 0.9), (32, 0.75)])
def test_one_optimizer_keeps_as_many_workers_busy_as_it_has_individuals(workers, efficiency):
    """LODO on the quadratic: 3 ms to build an individual, 40 us for a step."""
    found = simulate(
        studies(["lodo"]),
        workers,
        lambda shard: (0.003 + 4e-5 * shard.training.steps) * len(shard.training.individuals),
        COSTS,
    )
    assert found.efficiency > efficiency


def test_a_slow_optimizer_does_not_run_alone_at_the_end():
    """One optimizer takes ten times as long as the others: it is always ahead in the queue."""
    slow = 3
    found = simulate(
        studies(FOUR), 8, lambda shard: (0.5 if shard.study == slow else 0.05) * len(shard.training.individuals), COSTS
    )
    assert found.efficiency > 0.95


def test_workers_of_different_speeds_end_together():
    """Individuals whose time varies by a factor of four: the last shards are small."""

    def seconds(shard):
        return sum(0.02 + 0.06 * (hash(individual.key) % 100) / 100 for individual in shard.training.individuals)

    found = simulate(studies(["lodo"], plan=schedule(64, [1.0] * 5, [100] * 5)), 4, seconds, COSTS)
    assert found.efficiency > 0.9


def test_shards_of_seconds_cost_nothing_and_those_of_milliseconds_are_joined():
    long = simulate(studies(FOUR), 2, each(1.0), COSTS)
    short = simulate(studies(FOUR), 2, each(0.001), COSTS)
    assert long.num_shards > short.num_shards
    assert short.efficiency > 0.75


def test_networks_on_eight_gpus():
    """MNIST's schedule: one individual at a time on each worker, of minutes."""
    for workers in (8, 32):
        found = simulate(studies(FOUR, "mnist", backend="torch"), workers, lambda s: 1 + 0.01 * s.training.steps, COSTS)
        assert found.efficiency > 0.99
        assert found.num_shards == 4 * 320
