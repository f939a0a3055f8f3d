"""Studies, run sets and what is said of where they ran, for tests; each argument changes one thing."""

from dataclasses import replace

import numpy as np
from hypothesis import settings

from lodo_bench.spec.facts import UNKNOWN
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import GenerationPlan, GenerationRecord, IndividualRecord, Schedule, StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.compute_specs import CPU, changed

# Properties are tested on the same examples every time, however slow the machine.
examples = settings(deadline=None, derandomize=True, max_examples=50)

MACHINE = Machine("cpu", "Some CPU @ 2.00GHz", 4, 2)
OTHER_MACHINE = Machine("Some GPU", "Other CPU", 16, 8)


def at_steps(steps):
    return Milestone("steps", float(steps))


def at_seconds(seconds):
    return Milestone("seconds", float(seconds))


def provenance(**changes):
    record = Provenance(
        command="lodo-bench run --optimizer adam",
        versions={"python": "3.11.7", "lodo-bench": "0.1.0"},
        commit="",
        host="here",
        machine=MACHINE,
        started="2024-05-06T07:08:09+00:00",
    )
    return replace(record, **changes)


def schedule(**changes):
    plans = (GenerationPlan(3.0, 100), GenerationPlan(0.5, 200))
    return replace(Schedule("paper", 4, plans), **changes)


def study_spec(**changes):
    spec = StudySpec(
        task=TaskSpec("quadratic"),
        optimizer=OptimizerSpec("adam"),
        schedule=schedule(),
        seed=0,
        compute=CPU,
    )
    return changed(spec, changes)


def generation(index=0, **changes):
    return replace(GenerationRecord(index, 3.0, 100, {"learning_rate": 0.001, "beta1": 0.9}), **changes)


def individual(index=0, **changes):
    record = IndividualRecord(
        generation=0,
        index=index,
        hyperparameters={"learning_rate": 0.1, "beta1": 0.5},
        fitness=1.5,
        status=Status.COMPLETED,
        reason="",
        steps=100,
        seconds=0.25,
        host="there",
    )
    return replace(record, **changes)


def run_set_spec(optimizer="adam", values=None, source="tuned", provenance_note="", study_id=None, **changes):
    values = {"learning_rate": 0.1, "beta1": 0.5} if values is None else values
    spec = RunSetSpec(
        task=TaskSpec("quadratic"),
        optimizer=OptimizerSpec(optimizer) if isinstance(optimizer, str) else optimizer,
        hyperparameters=Hyperparameters(values, source, provenance_note, study_id),
        steps=200,
        seconds=None,
        num_seeds=3,
        timed=True,
        compute=CPU,
    )
    return changed(spec, changes)


def run(seed=0, loss=1.0, **changes):
    record = RunRecord(
        seed=seed,
        status=Status.COMPLETED,
        reason="",
        steps=200,
        evaluations=200,
        training_seconds=2.0,
        milestones={at_steps(200): loss},
    )
    return replace(record, **changes)


def run_set(*runs, id=1, provenances=None, **changes):
    """A stored run set; `changes` are of its specification. Tuned values are those of study 1 unless told otherwise."""
    if changes.get("source", "tuned") == "tuned":
        changes.setdefault("study_id", 1)
    return RunSetRecord(id, run_set_spec(**changes), runs, provenances or tuple(provenance() for _ in runs))


def with_bound(run_sets, bound):
    """The run sets of a task whose code states a bound of its loss."""
    return [replace(record, facts=replace(record.facts or UNKNOWN, bound=bound)) for record in run_sets]


def curve(losses=(3.0, 2.0, 1.0)):
    return Curve(np.array(losses, dtype=np.float64), np.array([0, len(losses)]), np.array([0.0, 0.125]))
