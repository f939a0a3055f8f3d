"""A simulated cluster: the real coordinator hands out the shards, and a clock that jumps trains them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationRecord, IndividualRecord
from lodo_bench.spec.training import Tuned
from lodo_bench.tuner.coordinator import Coordinator, SearchActivity
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.study import Study, StudyProgress


@dataclass(frozen=True)
class Costs:
    """The seconds that everything but training takes.

    Attributes:
        start: until a worker is ready.
        transaction: to store results, once for all that have come.
        result: for each result, and for the shard that its worker gets next; the coordinator is busy meanwhile.
        latency: for a shard's way to its worker and for its result's way back.
    """

    start: float = 0.0
    transaction: float = 0.0
    result: float = 0.0
    latency: float = 0.0


@dataclass(frozen=True)
class Simulation:
    """The outcome of a simulated search.

    Attributes:
        seconds: until the last study is finished.
        training_seconds: the sum over all shards.
        efficiency: the share of the workers' time that was spent in training.
        num_shards: the number of shards.
    """

    seconds: float
    training_seconds: float
    efficiency: float
    num_shards: int


class _Silent:
    """A writer that stores nothing, and a callback that shows nothing."""

    def add_generation(self, study: int, generation: GenerationRecord) -> None: ...
    def add_individuals(self, individuals: object) -> None: ...
    def finish_study(self, study: int, result: Tuned) -> None: ...
    def progress(self, progress: StudyProgress) -> None: ...
    def activity(self, activity: SearchActivity) -> None: ...
    def notice(self, message: str) -> None: ...


def simulate(
    studies: Sequence[Study], num_workers: int, seconds_of: Callable[[Shard], float], costs: Costs = Costs()
) -> Simulation:
    """Search with `num_workers` simulated workers.

    Args:
        studies: new studies.
        num_workers: at least 1.
        seconds_of: the seconds that a worker needs for a shard.
        costs: all other seconds.
    """
    now = 0.0
    silent = _Silent()
    coordinator = Coordinator(studies, silent, silent, clock=lambda: now)
    coordinator.num_workers = num_workers
    coordinator.shard_overhead = costs.transaction + costs.result + 2 * costs.latency
    idle, order = [f"worker {number}" for number in range(num_workers)], count()
    running: list[tuple[float, int, str, Shard]] = []
    training, num_shards, now = 0.0, 0, costs.start
    while not coordinator.finished:
        still_idle = []
        for worker in idle:
            shard = coordinator.assign(worker)
            if shard is None:
                still_idle.append(worker)
                continue
            now += costs.result
            seconds = seconds_of(shard)
            training, num_shards = training + seconds, num_shards + 1
            heapq.heappush(running, (now + seconds + 2 * costs.latency, next(order), worker, shard))
        idle = still_idle
        now = max(now, running[0][0])
        results = {}
        while running and running[0][0] <= now:
            _, _, worker, shard = heapq.heappop(running)
            results[worker] = _evaluate(shard)
        now += costs.transaction
        coordinator.complete(results)
        idle.extend(results)
    return Simulation(now, training, training / (now * num_workers), num_shards)


def _evaluate(shard: Shard) -> list[IndividualRecord]:
    records = []
    for individual in shard.training.individuals:
        fitness = float(np.random.default_rng(individual.key).random())
        generation, index = individual.key[1:]
        values, steps = individual.hyperparameters, shard.training.steps
        records.append(
            IndividualRecord(generation, index, values, fitness, Status.COMPLETED, "", steps, 0.0, "simulated")
        )
    return records
