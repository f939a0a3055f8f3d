"""What an experiment comes to: which searches, and which final runs with which hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.experiments.spec import Experiment, Part, Runs
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.compute import Device, Kernel
from lodo_bench.spec.options import Parameter, Value, shown
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.loop import check_pair
from lodo_bench.training.meta import is_meta_trained
from lodo_bench.tuner.driver import Cluster, shard_size


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and with what everything is computed."""

    device: Device
    kernel: Kernel
    cluster: Cluster


@dataclass(frozen=True, slots=True)
class Case:
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
        return self.part.source == "tuned" and is_tunable(self.base)

    @property
    def label(self) -> str:
        """The optimizer with its options, and where in a sweep of hyperparameters it is; the tuned one is not known."""
        if self.part.sweep is not None and self.part.sweep.to_tuned is not None and self.fraction is not None:
            number, places = round(self.fraction * (self.part.sweep.to_tuned - 1)) + 1, self.part.sweep.to_tuned
            return f"{self.optimizer.label}, {self.part.sweep.over} {number} of {places}"
        return ", ".join([self.optimizer.label, *(f"{name}={shown(value)}" for name, value in self.given.items())])

    def with_changes(self, found: Hyperparameters) -> Hyperparameters:
        """The hyperparameters of this place, from those that were found."""
        changes = dict(self.given)
        if self.fraction is not None:
            assert self.part.sweep is not None, "only of a sweep"
            tuned = found.values[self.part.sweep.over]
            changes[self.part.sweep.over] = tuned if self.fraction == 1 else 1 - (1 - tuned) ** self.fraction
        if not changes or changes == {name: found.values[name] for name in changes}:
            return found
        return replace(found, values={**found.values, **changes}, source="given", origin=f"the rest {found.source}")

    def place_among(self, hyperparameters: Hyperparameters) -> Value | None:
        """The value of what is swept over."""
        if self.fraction is None:
            return self.place
        assert self.part.sweep is not None, "only of a sweep"
        return hyperparameters.values[self.part.sweep.over]


def is_tunable(optimizer: OptimizerSpec) -> bool:
    """Whether there is anything to search or to learn."""
    return bool(OPTIMIZERS.load(optimizer.name).hyperparameters) or is_meta_trained(optimizer.name)


def cases(part: Part) -> list[Case]:
    """Every optimizer at every place.

    Raises:
        UsageError: if a sweep is over something that there is not, or a pair does not go together.
    """
    return [case for optimizer in part.optimizers for case in _cases(part, optimizer)]


def _cases(part: Part, optimizer: OptimizerSpec) -> Iterator[Case]:
    sweep = part.sweep
    if sweep is None:
        yield Case(part, optimizer, part.task, optimizer)
    elif sweep.to_tuned is not None:
        _check_decay(sweep.over, optimizer)
        for index in range(sweep.to_tuned):
            yield Case(part, optimizer, part.task, optimizer, fraction=index / (sweep.to_tuned - 1))
    else:
        for setting in sweep.settings:
            yield _placed(part, optimizer, setting, sweep.over)


def _placed(part: Part, optimizer: OptimizerSpec, setting: Mapping[str, Value], over: str) -> Case:
    kind = OPTIMIZERS.load(optimizer.name)
    tables = (TASKS.load(part.task.name).options_table, kind.options_table, kind.hyperparameters)
    chosen: tuple[dict[str, Value], ...] = ({}, {}, {})
    owner = f"{optimizer.name} on {part.task.name}"
    for name, value in setting.items():
        for table, found in zip(tables, chosen, strict=True):
            parameter = _named(table, name)
            if parameter is not None:
                found[parameter.name] = parameter.checked(value, owner)
                break
        else:
            known = [p.name for table in tables for p in table]
            raise UnknownNameError("option or hyperparameter", name, known, of=owner)
    task = task_spec(part.task.name, {**part.task.options, **chosen[0]})
    structured = optimizer_spec(optimizer.name, {**optimizer.options, **chosen[1]})
    check_pair(task, structured)
    given = {name: float(value) for name, value in chosen[2].items()}
    return Case(part, optimizer, task, structured, place=setting[over], given=given)


def _named(table: tuple[Parameter, ...], name: str) -> Parameter | None:
    return next((parameter for parameter in table if name in (parameter.name, parameter.short)), None)


def _check_decay(name: str, optimizer: OptimizerSpec) -> None:
    decays = [p.name for p in OPTIMIZERS.load(optimizer.name).hyperparameters if p.kind == "decay"]
    if name not in decays:
        known = f"It has {', '.join(decays)}." if decays else "It has none."
        raise UsageError(f"to_tuned is of a decay, and '{name}' is no decay of {optimizer.name}. {known}")


def study_spec(case: Case, setting: Setting) -> StudySpec:
    """The search that a case's hyperparameters are from."""
    part = case.part
    return StudySpec(
        task=part.task,
        optimizer=case.base,
        schedule=part.meta_schedule if is_meta_trained(case.base.name) else part.schedule,
        seed=part.seed,
        shard_size=shard_size(part.task.name),
        device=setting.device,
        dtype=TASKS.load(part.task.name).default_dtype,
        kernel=setting.kernel,
    )


def study_specs(experiment: Experiment, setting: Setting) -> list[StudySpec]:
    """All searches, each once."""
    found: list[StudySpec] = []
    for case in all_cases(experiment):
        if case.is_tuned and (spec := study_spec(case, setting)) not in found:
            found.append(spec)
    return found


def all_cases(experiment: Experiment) -> list[Case]:
    """The cases of all parts."""
    return [case for part in experiment.parts for case in cases(part)]


def run_set_spec(case: Case, runs: Runs, hyperparameters: Hyperparameters, setting: Setting) -> RunSetSpec:
    """The final runs of a case, at these hyperparameters."""
    return RunSetSpec(
        task=case.task,
        optimizer=case.optimizer,
        hyperparameters=hyperparameters,
        steps=runs.steps,
        seconds=runs.seconds,
        seeds=runs.seeds,
        timed=runs.timed,
        device=setting.device,
        dtype=TASKS.load(case.task.name).default_dtype,
        kernel=setting.kernel,
    )
