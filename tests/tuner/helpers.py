"""Tiny studies, evaluations without training, and a study writer in memory."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import settings

from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationPlan, IndividualRecord, Schedule, StudyRecord, StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.study import Study
from tests.compute_specs import CPU, changed

examples = settings(deadline=None, derandomize=True, max_examples=40)


def schedule(population=6, sigmas=(3.0, 1.0, 0.5), steps=(10, 20, 40), decay_transform="logit"):
    plans = tuple(GenerationPlan(*plan) for plan in zip(sigmas, steps, strict=True))
    return Schedule("tiny", population, plans, decay_transform)


def study_spec(optimizer="momentum", **changes):
    values = {
        "task": TaskSpec("rosenbrock"),
        "optimizer": OptimizerSpec(optimizer),
        "schedule": schedule(),
        "seed": 0,
        "compute": CPU,
    }
    return changed(StudySpec(**values), changes)


def study_record(spec=None, individuals=(), number=1, state=None):
    return StudyRecord(number, spec or study_spec(), None, (), tuple(individuals), state)


def new_study(optimizer="momentum", number=1, **changes):
    return Study(study_record(study_spec(optimizer, **changes), number=number))


def individual_record(shard, offset, fitness, status=Status.COMPLETED):
    return IndividualRecord(
        generation=shard.generation,
        index=shard.indices[offset],
        hyperparameters=dict(shard.training.individuals[offset].hyperparameters),
        fitness=fitness,
        status=status,
        reason="",
        steps=shard.training.steps,
        seconds=0.5,
        host="here",
    )


def scored(shard, *fitnesses):
    """Return the shard's records with these fitnesses; a NaN is a divergence, as in training."""
    statuses = [Status.DIVERGED if math.isnan(fitness) else Status.COMPLETED for fitness in fitnesses]
    pairs = enumerate(zip(fitnesses, statuses, strict=True))
    records = tuple(individual_record(shard, offset, fitness, status) for offset, (fitness, status) in pairs)
    assert len(records) == len(shard.training.individuals)
    return records


def fake_evaluate(shard):
    """Score by a noisy function of the individual alone, by which about one in five diverges."""
    fitnesses = []
    for individual in shard.training.individuals:
        noise = np.random.default_rng(individual.key).standard_normal()
        distance = sum((math.log(value) + 1) ** 2 for value in individual.hyperparameters.values())
        fitnesses.append(math.nan if noise > 0.85 else distance + noise)
    return scored(shard, *fitnesses)


def all_diverge(shard):
    return scored(shard, *[math.nan] * len(shard.training.individuals))


def shards_of(study, size=2):
    """Return all shards of this size that the study hands out now."""
    shards = []
    while study.num_pending:
        shards.append(study.take(size))
    return shards


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class MemoryWriter:
    """A store in memory that refuses what a database would refuse and records the order of the calls."""

    def __init__(self):
        self.generations, self.individuals, self.results, self.events = {}, {}, {}, []

    def add_generation(self, study, generation):
        self.events.append(("generation", study, generation.index))
        self.generations.setdefault((study, generation.index), generation)

    def add_individuals(self, individuals):
        found = {(study, r.generation, r.index): r for study, members in individuals.items() for r in members}
        assert len(found) == sum(map(len, individuals.values())), "twice in a call"
        assert {key[:2] for key in found} <= set(self.generations), "of a generation that is not known"
        assert not set(found) & set(self.individuals), "evaluated twice"
        self.events.append(("individuals", list(found)))
        self.individuals.update(found)

    def finish_study(self, study, result):
        self.events.append(("result", study))
        self.results[study] = result

    def record(self, number, spec):
        """Return the study as a database would."""
        found = [self.individuals[key] for key in sorted(self.individuals) if key[0] == number]
        generations = [self.generations[key] for key in sorted(self.generations) if key[0] == number]
        return StudyRecord(number, spec, self.results.get(number), tuple(generations), tuple(found))


class RecordingCallback:
    def __init__(self):
        self.reports, self.activities, self.notices = [], [], []

    def progress(self, progress):
        self.reports.append(progress)

    def activity(self, activity):
        self.activities.append(activity)

    def notice(self, message):
        self.notices.append(message)


def coordinate(*studies, workers=9, writer=None, callback=None, clock=None):
    """Return a coordinator with a clock that stands still. Nine workers train three times six individuals by twos."""
    writer, callback = writer or MemoryWriter(), callback or RecordingCallback()
    coordinator = Coordinator(studies, writer, callback, clock or Clock())
    coordinator.num_workers = workers
    return coordinator, writer, callback


def run(studies, evaluate=fake_evaluate, writer=None, callback=None, workers=9):
    """Run studies to their end, one shard at a time, in which each step takes a second, and return the writer."""
    clock = Clock()
    coordinator, writer, _ = coordinate(*studies, workers=workers, writer=writer, callback=callback, clock=clock)
    while (shard := coordinator.assign("one")) is not None:
        clock.now += shard.training.steps * len(shard.indices)
        coordinator.complete({"one": evaluate(shard)})
    assert coordinator.finished
    return writer


def plain(records):
    """Return comparable records: with -1 in place of NaN, which is not equal to itself."""
    return [replace(r, fitness=-1.0) if math.isnan(r.fitness) else r for r in records]
