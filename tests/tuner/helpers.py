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
        index=shard.first + offset,
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


def shards_of(study):
    """Return all shards that the study hands out now."""
    return list(iter(study.next_shard, None))


class MemoryWriter:
    """A store in memory that refuses what a database would refuse and records the order of the calls."""

    def __init__(self):
        self.generations, self.individuals, self.results, self.events = {}, {}, {}, []

    def add_generation(self, study, generation):
        self.events.append(("generation", study, generation.index))
        self.generations.setdefault((study, generation.index), generation)

    def add_individuals(self, individuals):
        for study, members in individuals.items():
            self._add_individuals(study, members)

    def _add_individuals(self, study, individuals):
        self.events.append(("individuals", study, individuals[0].generation, [i.index for i in individuals]))
        for individual in individuals:
            assert (study, individual.generation) in self.generations, "of a generation that is not known"
            key = (study, individual.generation, individual.index)
            assert key not in self.individuals, "evaluated twice"
            self.individuals[key] = individual

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
        self.reports, self.notices = [], []

    def progress(self, progress):
        self.reports.append(progress)

    def notice(self, message):
        self.notices.append(message)


def run(studies, evaluate=fake_evaluate, writer=None, callback=None):
    """Run studies to their end, one shard at a time, and return the writer."""
    writer = MemoryWriter() if writer is None else writer
    coordinator = Coordinator(studies, writer, callback or RecordingCallback())
    while (shard := coordinator.next_shard()) is not None:
        coordinator.complete(shard, evaluate(shard))
    assert coordinator.finished
    return writer


def plain(records):
    """Return comparable records: with -1 in place of NaN, which is not equal to itself."""
    return [replace(r, fitness=-1.0) if math.isnan(r.fitness) else r for r in records]
