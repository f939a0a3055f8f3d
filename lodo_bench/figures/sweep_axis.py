"""The option, hyperparameter or entry of a recipe that a sweep varies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.optimizers.recipe import RECIPE
from lodo_bench.spec.options import HyperparameterSpec, Option, Value
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.tasks import TASKS


class SweepAxis:
    """A task option, optimizer option, hyperparameter or entry of a recipe that differs between runs.

    Args:
        name: its name or alias.
        run_sets: the runs of the sweep.

    Raises:
        UnknownNameError: if none of the runs has an option or hyperparameter of this name.
        UsageError: if it is an alias of several.
    """

    def __init__(self, name: str, run_sets: Iterable[RunSetRecord]) -> None:
        specs = [r.spec for r in run_sets]
        tables = {id(table): table for spec in specs for table in _tables(spec)}
        if not any(spec.optimizer.recipe for spec in specs):
            tables.pop(id(RECIPE), None)
        options = [option for table in tables.values() for option in table]
        matching = list(dict.fromkeys(option.name for option in options if name in (option.name, option.alias)))
        if not matching:
            raise UnknownNameError("option or hyperparameter", name, {o.name for o in options}, of="these runs")
        if name not in matching and len(matching) > 1:
            raise UsageError(
                f"'{name}' is ambiguous: {'; '.join(_owned(full, specs) for full in matching)}. Give the full name, or "
                "choose one optimizer."
            )
        self.name = name if name in matching else matching[0]

    def value_of(self, spec: RunSetSpec) -> Value | None:
        """Return the value in runs of this specification, or None if they have no such option."""
        optimizer = spec.optimizer
        given = (spec.task.options, optimizer.options, spec.hyperparameters.values, optimizer.recipe)
        for table, values in zip(_tables(spec), given, strict=True):
            for option in table:
                if option.name == self.name:
                    return values.get(self.name, None if isinstance(option, HyperparameterSpec) else option.default)
        return None


def _owned(name: str, specs: Sequence[RunSetSpec]) -> str:
    """Return a full name with the optimizers, or else the tasks, that have it: `learning_rate (adam, momentum)`."""
    owners = [
        spec.optimizer.name for spec in specs if any(o.name == name for table in _tables(spec)[1:] for o in table)
    ]
    owners = owners or [spec.task.name for spec in specs if any(o.name == name for o in _tables(spec)[0])]
    return f"{name} ({', '.join(dict.fromkeys(owners))})"


def _tables(spec: RunSetSpec) -> tuple[Sequence[Option], ...]:
    """Return the options of the task and of the optimizer, its hyperparameters, and the recipe.

    Where code is not on this machine, they are those of which a value is stored.
    """
    values = spec.hyperparameters.values
    try:
        task: Sequence[Option] = TASKS.load(spec.task.name).options_table
    except UsageError:
        task = [_stored(name, value) for name, value in spec.task.options.items()]
    try:
        optimizer = load_optimizer(spec.optimizer)
    except UsageError:
        options = [_stored(name, value) for name, value in spec.optimizer.options.items()]
        return task, options, [HyperparameterSpec(name, name, "number", 0.0, "") for name in values], RECIPE
    return task, optimizer.options_table, optimizer.hyperparameters, RECIPE


def _stored(name: str, value: Value) -> Option:
    return Option(name, name, "text" if isinstance(value, str) else "number", value, "")
