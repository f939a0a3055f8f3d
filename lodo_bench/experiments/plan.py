"""What an experiment comes to: which searches, and which final runs with which hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.experiments.spec import Experiment, Part, Runs
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.compute import BackendChoice, ComputeSpec, Device
from lodo_bench.spec.options import Option, Value, format_value
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.loop import check_pair
from lodo_bench.tuner.driver import Cluster, shard_size


@dataclass(frozen=True, slots=True)
class ExecutionConfig:
    """Where and with what everything is computed."""

    device: Device
    backend: BackendChoice
    cluster: Cluster

    def compute_for(self, task: TaskSpec) -> ComputeSpec:
        """Return the compute specification for a task, in the task's own precision."""
        return ComputeSpec(self.device, TASKS.load(task.name).default_dtype, self.backend)


@dataclass(frozen=True, slots=True)
class Condition:
    """One optimizer on one task, at one place of a sweep if there is one.

    Attributes:
        part: what it belongs to; its task is the one that hyperparameters are tuned on.
        base: the optimizer that they are tuned for.
        task, optimizer: what is run, with the options of this place.
        place: the value of what is swept over, if that is known before tuning.
        given: the hyperparameters of this place.
        fraction: for a sweep from 0 to the tuned value β* of the decay that is swept over: its value here is
            1 − (1 − β*)^fraction.
    """

    part: Part
    base: OptimizerSpec
    task: TaskSpec
    optimizer: OptimizerSpec
    place: Value | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    fraction: float | None = None

    @property
    def is_tuned(self) -> bool:
        """Whether its hyperparameters are those that a search finds."""
        return self.part.source == "tuned" and OPTIMIZERS.load(self.base.name).is_tunable()

    @property
    def label(self) -> str:
        """The optimizer with its options, and where in a sweep of hyperparameters it is; the tuned one is not known."""
        if self.part.sweep is not None and self.part.sweep.decay_grid is not None and self.fraction is not None:
            number, places = round(self.fraction * (self.part.sweep.decay_grid - 1)) + 1, self.part.sweep.decay_grid
            return f"{self.optimizer.label}, {self.part.sweep.over} {number} of {places}"
        return ", ".join(
            [self.optimizer.label, *(f"{name}={format_value(value)}" for name, value in self.given.items())]
        )

    def with_changes(self, found: Hyperparameters) -> Hyperparameters:
        """The hyperparameters of this place, from those that were found."""
        changes = dict(self.given)
        if self.fraction is not None:
            assert self.part.sweep is not None, "only of a sweep"
            tuned = found.values[self.part.sweep.over]
            changes[self.part.sweep.over] = tuned if self.fraction == 1 else 1 - (1 - tuned) ** self.fraction
        if not changes or changes == {name: found.values[name] for name in changes}:
            return found
        return replace(
            found, values={**found.values, **changes}, source="given", provenance_note=f"the rest {found.source}"
        )

    def place_among(self, hyperparameters: Hyperparameters) -> Value | None:
        """The value of what is swept over."""
        if self.fraction is None:
            return self.place
        assert self.part.sweep is not None, "only of a sweep"
        return hyperparameters.values[self.part.sweep.over]


def cases(part: Part) -> list[Condition]:
    """Every optimizer at every place.

    Raises:
        UsageError: if a sweep is over something that there is not, or a pair does not go together.
    """
    return [case for optimizer in part.optimizers for case in _cases(part, optimizer)]


def _cases(part: Part, optimizer: OptimizerSpec) -> Iterator[Condition]:
    sweep = part.sweep
    if sweep is None:
        yield Condition(part, optimizer, part.task, optimizer)
    elif sweep.decay_grid is not None:
        _check_decay(sweep.over, optimizer)
        for index in range(sweep.decay_grid):
            yield Condition(part, optimizer, part.task, optimizer, fraction=index / (sweep.decay_grid - 1))
    else:
        for execution in sweep.settings:
            yield _placed(part, optimizer, execution, sweep.over)


def _placed(part: Part, optimizer: OptimizerSpec, execution: Mapping[str, Value], over: str) -> Condition:
    kind = OPTIMIZERS.load(optimizer.name)
    tables = (TASKS.load(part.task.name).options_table, kind.options_table, kind.hyperparameters)
    chosen: tuple[dict[str, Value], ...] = ({}, {}, {})
    owner = f"{optimizer.name} on {part.task.name}"
    for name, value in execution.items():
        for table, found in zip(tables, chosen, strict=True):
            parameter = _named(table, name)
            if parameter is not None:
                found[parameter.name] = parameter.validate(value, owner)
                break
        else:
            known = [p.name for table in tables for p in table]
            raise UnknownNameError("option or hyperparameter", name, known, of=owner)
    task = task_spec(part.task.name, {**part.task.options, **chosen[0]})
    structured = optimizer_spec(optimizer.name, {**optimizer.options, **chosen[1]})
    check_pair(task, structured)
    given = {name: float(value) for name, value in chosen[2].items()}
    return Condition(part, optimizer, task, structured, place=execution[over], given=given)


def _named(table: tuple[Option, ...], name: str) -> Option | None:
    return next((parameter for parameter in table if name in (parameter.name, parameter.alias)), None)


def _check_decay(name: str, optimizer: OptimizerSpec) -> None:
    decays = [p.name for p in OPTIMIZERS.load(optimizer.name).hyperparameters if p.kind == "decay"]
    if name not in decays:
        known = f"It has {', '.join(decays)}." if decays else "It has none."
        raise UsageError(f"decay_grid is of a decay, and '{name}' is no decay of {optimizer.name}. {known}")


def study_spec(case: Condition, execution: ExecutionConfig) -> StudySpec:
    """The search that a case's hyperparameters are from."""
    part = case.part
    return StudySpec(
        task=part.task,
        optimizer=case.base,
        schedule=part.schedules[OPTIMIZERS.load(case.base.name).search],
        seed=part.seed,
        shard_size=shard_size(part.task.name),
        compute=execution.compute_for(part.task),
    )


def study_specs(experiment: Experiment, execution: ExecutionConfig) -> list[StudySpec]:
    """All searches, each once."""
    found: list[StudySpec] = []
    for case in all_cases(experiment):
        if case.is_tuned and (spec := study_spec(case, execution)) not in found:
            found.append(spec)
    return found


def all_cases(experiment: Experiment) -> list[Condition]:
    """The cases of all parts."""
    return [case for part in experiment.parts for case in cases(part)]


def run_set_spec(
    case: Condition, runs: Runs, hyperparameters: Hyperparameters, execution: ExecutionConfig
) -> RunSetSpec:
    """The final runs of a case, at these hyperparameters."""
    return RunSetSpec(
        task=case.task,
        optimizer=case.optimizer,
        hyperparameters=hyperparameters,
        steps=runs.steps,
        seconds=runs.seconds,
        num_seeds=runs.num_seeds,
        timed=runs.timed,
        compute=execution.compute_for(case.task),
    )
