"""A results database of any size in which nothing was computed, written by the program's own store."""

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from lodo_bench.results.database import Database
from lodo_bench.results.schema import CurveRow, MilestoneRow, ProvenanceRow, RunRow, encode_number
from lodo_bench.results.store import Store
from lodo_bench.runs.facts import facts_of
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Kind
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.study import (
    GenerationPlan,
    GenerationRecord,
    IndividualRecord,
    Schedule,
    StudySpec,
)
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned

SEEDS = 10
POPULATION = 50
GENERATIONS = 10
READINGS = 100  # of the clock in each run
TASKS = [
    *(TaskSpec("quadratic", {"noise_variance": float(variance)}) for variance in (0.25, 1, 4, 16)),
    TaskSpec("quadratic"),
    TaskSpec("quadratic", {"dimension": 50}),
    TaskSpec("rosenbrock"),
    TaskSpec("deep-linear"),
    TaskSpec("logistic-regression"),
    TaskSpec("mlp"),
]
OPTIMIZERS = ["adam", "momentum", "rmsprop", "yogi", "lodo", "lars", "l-bfgs", "o-lbfgs", "sgd", "adamw"]
VALUES = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999}
_KINDS: Mapping[str, Kind] = {"learning_rate": "rate", "beta1": "decay", "beta2": "decay"}
_COMPUTE = ComputeSpec(backend="torch")
_CURVES = 64  # different ones; more would cost time and change nothing


def write(path: Path, individuals: int, runs: int, steps: int) -> None:
    """Write a database with about as many individuals and runs, the latter of `steps` steps each.

    There is a study for each 500 individuals and a run set for each 10 runs, which have 10 tasks and 10 optimizers in
    turn; the run sets beyond the hundredth have other hyperparameters, up to ten learning rates for each pair, then
    other structural settings. One run in a hundred diverged.
    """
    database = Database(str(path), create=True)
    store = Store(database, _provenance())
    pairs = list(product(TASKS, OPTIMIZERS))
    random = np.random.default_rng(0)
    for number in range(max(individuals // (POPULATION * GENERATIONS), 1)):
        task, optimizer = pairs[number % len(pairs)]
        _write_study(store, StudySpec(task, OptimizerSpec(optimizer), _schedule(), number, _COMPUTE), random)
    curves = list(_curves(steps, random))
    for number in range(max(runs // SEEDS, 1)):
        task, optimizer = pairs[number % len(pairs)]
        values = {**VALUES, "learning_rate": 1e-3 * 2 ** (number // len(pairs))}
        spec = _run_set(task, OptimizerSpec(optimizer), values, steps)
        run_set = store.open_run_set(spec, facts=facts_of(spec)).id
        with database.writing() as session:
            _write_runs(session, run_set, curves, steps, random)
    database.close()


def _write_study(store: Store, spec: StudySpec, random: np.random.Generator) -> None:
    study = store.open_study(spec, fresh=True, kinds=_KINDS).id
    for index, plan in enumerate(spec.schedule.generations):
        mean = {name: value * (1 + index) ** -0.1 for name, value in VALUES.items()}
        store.add_generation(study, GenerationRecord(index, plan.sigma, plan.steps, mean))
        members = [_individual(index, member, plan.steps, mean, random) for member in range(POPULATION)]
        store.add_individuals({study: members})
    store.finish_study(study, Tuned(mean))


def _individual(
    generation: int, index: int, steps: int, mean: dict[str, float], random: np.random.Generator
) -> IndividualRecord:
    values = {name: value * math.exp(0.1 * random.normal()) for name, value in mean.items()}
    values |= {name: min(values[name], 0.9999) for name in ("beta1", "beta2")}
    diverged = random.random() < 0.05
    return IndividualRecord(
        generation=generation,
        index=index,
        hyperparameters=values,
        fitness=math.inf if diverged else float(20 * math.exp(0.3 * random.normal()) / (1 + generation)),
        status=Status.DIVERGED if diverged else Status.COMPLETED,
        reason="loss inf at step 10" if diverged else "",
        steps=10 if diverged else steps,
        seconds=steps * 1e-5,
        host="somewhere",
    )


def _curves(steps: int, random: np.random.Generator) -> Iterator[tuple[bytes, float]]:
    """Yield compressed losses, in half precision so that many of them fit a small disk, and their score."""
    times = np.arange(1, steps + 1)
    for _ in range(_CURVES):
        noise = 1 + 0.2 * random.standard_normal(steps)
        losses = (100 * times ** -random.uniform(0.2, 0.4) * noise).astype(np.float16).astype("<f4")
        yield zlib.compress(losses.tobytes()), float(np.mean(losses[9 * steps // 10 : steps - 1]))


def _write_runs(
    session: Session, run_set: int, curves: list[tuple[bytes, float]], steps: int, random: np.random.Generator
) -> None:
    provenance = session.scalars(select(ProvenanceRow.id)).first()
    clock_steps = np.linspace(0, steps, READINGS + 1).astype("<i8")
    for seed in range(SEEDS):
        diverged = random.random() < 0.01
        losses, score = curves[random.integers(len(curves))]
        values = {
            "run_set_id": run_set,
            "provenance_id": provenance,
            "seed": seed,
            "status": Status.DIVERGED if diverged else Status.COMPLETED,
            "reason": f"loss inf at step {steps - 1}" if diverged else "",
            "steps": steps,
            "evaluations": steps,
            "training_seconds": steps * 1e-5,
        }
        run = session.execute(insert(RunRow).returning(RunRow.id), [values]).scalars().one()
        session.execute(
            insert(CurveRow),
            [
                {
                    "run_id": run,
                    "losses": losses,
                    "clock_steps": zlib.compress(clock_steps.tobytes()),
                    "clock_seconds": zlib.compress((clock_steps * 1e-5).tobytes()),
                }
            ],
        )
        loss, kind = encode_number(math.nan if diverged else score)
        milestone = {"run_id": run, "key": f"steps:{steps}", "loss": loss, "loss_kind": kind}
        session.execute(insert(MilestoneRow), [milestone])


def _run_set(task: TaskSpec, optimizer: OptimizerSpec, values: dict[str, float], steps: int) -> RunSetSpec:
    found = Hyperparameters(values, "given", "")
    return RunSetSpec(task, optimizer, found, steps, None, SEEDS, True, replace(_COMPUTE))


def _schedule() -> Schedule:
    plans = tuple(GenerationPlan(3.0 * 0.7**index, 1000) for index in range(GENERATIONS))
    return Schedule("paper", POPULATION, plans)


def _provenance() -> Provenance:
    versions = {"python": "3.11", "lodo-bench": "0.1.0"}
    machine = Machine("cpu", "synthetic", 1, 1)
    return Provenance("lodo-bench run", versions, "", "somewhere", machine, "2026-01-01T00:00:00+00:00")
