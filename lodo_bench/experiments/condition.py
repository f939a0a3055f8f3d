"""Conditions: one optimizer on one task at one point of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.experiments.spec import ExperimentPart
from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.optimizers.recipe import RECIPE, TUNE
from lodo_bench.spec.options import Option, Value, format_value
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.validation import check_pair


@dataclass(frozen=True, slots=True)
class DecayPoint:
    """Point i of k on the grid from 0 to the tuned value β* of a decay (LODO Fig. 5).

    Attributes:
        name: the decay.
        index: i, 0 <= i < k.
        count: k >= 2.
    """

    name: str
    index: int
    count: int

    def value(self, tuned: float) -> float:
        """Return 1 − (1 − β*)^{i/(k−1)}; exactly β* at the last point."""
        fraction = self.index / (self.count - 1)
        return tuned if fraction == 1 else 1 - (1 - tuned) ** fraction


@dataclass(frozen=True, slots=True)
class Condition:
    """One optimizer on one task, at one point of a sweep if there is one.

    Attributes:
        part: the part of the experiment; hyperparameters are tuned on its task.
        base: the optimizer that hyperparameters are tuned for.
        task, optimizer: the task and optimizer of the final runs, with the options of this point.
        point: the swept value, if it is known before tuning.
        values: everything that the file gives at this point, by full name; empty without a sweep and on a decay grid.
        given: the hyperparameters that this point fixes.
        decay: the point of a decay grid, whose value depends on the tuned one.
    """

    part: ExperimentPart
    base: OptimizerSpec
    task: TaskSpec
    optimizer: OptimizerSpec
    point: Value | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    given: Mapping[str, float] = field(default_factory=dict)
    decay: DecayPoint | None = None

    @property
    def is_tuned(self) -> bool:
        """True if a search or a meta-training provides its hyperparameters."""
        tunable = load_optimizer(self.base).is_tunable()
        return self.part.source == "tuned" and tunable

    @property
    def label(self) -> str:
        """The optimizer with its options, and the point of a sweep of hyperparameters."""
        if self.decay is not None:
            return f"{self.optimizer.label}, {self.decay.name} {self.decay.index + 1} of {self.decay.count}"
        given = (f"{name}={format_value(value)}" for name, value in self.given.items())
        return ", ".join([self.optimizer.label, *given])

    def apply(self, base: Hyperparameters) -> Hyperparameters:
        """Return the hyperparameters of this point, given those of the part without a sweep."""
        changes = dict(self.given)
        if self.decay is not None:
            changes[self.decay.name] = self.decay.value(base.values[self.decay.name])
        if not changes or changes == {name: base.values[name] for name in changes}:
            return base
        return replace(
            base,
            values={**base.values, **changes},
            source="given",
            provenance_note=f"the rest {base.source}",
            study_id=None,
        )

    def sweep_value(self, hyperparameters: Hyperparameters) -> Value | None:
        """Return the swept value at the hyperparameters of this point; None if nothing is swept."""
        return self.point if self.decay is None else hyperparameters.values[self.decay.name]


def conditions_of(part: ExperimentPart) -> list[Condition]:
    """Return every optimizer at every point of the sweep.

    Raises:
        UsageError: if the swept name does not exist, or a task and an optimizer do not fit.
    """
    return [condition for optimizer in part.optimizers for condition in _conditions(part, optimizer)]


def _conditions(part: ExperimentPart, optimizer: OptimizerSpec) -> Iterator[Condition]:
    sweep = part.sweep
    if sweep is None:
        yield Condition(part, optimizer, part.task, optimizer)
    elif sweep.decay_grid is not None:
        _check_decay(sweep.over, optimizer)
        for index in range(sweep.decay_grid):
            decay = DecayPoint(sweep.over, index, sweep.decay_grid)
            yield Condition(part, optimizer, part.task, optimizer, decay=decay)
    else:
        for values in sweep.points:
            yield _condition_at(part, optimizer, values, sweep.over)


def _condition_at(part: ExperimentPart, optimizer: OptimizerSpec, values: Mapping[str, Value], over: str) -> Condition:
    kind = load_optimizer(optimizer)
    tables = (TASKS.load(part.task.name).options_table, kind.options_table, kind.hyperparameters, RECIPE)
    owner = f"{optimizer.name} on {part.task.name}"
    task_options, optimizer_options, given, recipe = _sort_by_table(values, tables, owner)
    if TUNE in recipe.values():
        raise UsageError("a sweep has values of its own: 'tune' is none. Give numbers.")
    task = task_spec(part.task.name, {**part.task.options, **task_options})
    options = {**optimizer.options, **optimizer_options}
    changed = optimizer_spec(optimizer.name, options, {**optimizer.recipe, **recipe})
    variant = replace(optimizer, options=changed.options, recipe=changed.recipe)
    check_pair(task, variant)
    hyperparameters = {name: float(value) for name, value in given.items()}
    changed_values = {**task_options, **optimizer_options, **hyperparameters, **recipe}
    return Condition(part, optimizer, task, variant, values[over], changed_values, hyperparameters)


def _sort_by_table(
    values: Mapping[str, Value], tables: Sequence[Sequence[Option]], owner: str
) -> list[dict[str, Value]]:
    """Return the values by full name, separately for each table; a name belongs to the first table that has it."""
    found: list[dict[str, Value]] = [{} for _ in tables]
    for name, value in values.items():
        for table, chosen in zip(tables, found, strict=True):
            option = next((option for option in table if name in (option.name, option.alias)), None)
            if option is not None:
                chosen[option.name] = option.validate(value, owner)
                break
        else:
            known = [option.name for table in tables for option in table]
            raise UnknownNameError("option, hyperparameter or recipe entry", name, dict.fromkeys(known), of=owner)
    return found


def _check_decay(name: str, optimizer: OptimizerSpec) -> None:
    decays = [option.name for option in load_optimizer(optimizer).hyperparameters if option.kind == "decay"]
    if name not in decays:
        known = f"Its decays: {', '.join(decays)}." if decays else "It has no decays."
        raise UsageError(f"'decay_grid' requires a decay, and '{name}' is not a decay of {optimizer.name}. {known}")
