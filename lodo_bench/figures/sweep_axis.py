"""The option or hyperparameter that a sweep varies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.errors import UnknownNameError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.tasks import TASKS


class SweepAxis:
    """A task option, optimizer option or hyperparameter that differs between runs.

    Args:
        name: its name or alias.
        run_sets: the runs of the sweep.

    Raises:
        UnknownNameError: if none of the runs has an option or hyperparameter of this name.
    """

    def __init__(self, name: str, run_sets: Iterable[RunSetRecord]) -> None:
        tables = {id(table): table for r in run_sets for table in _tables(r.spec)}
        options = [option for table in tables.values() for option in table]
        matching = [option.name for option in options if name in (option.name, option.alias)]
        if not matching:
            raise UnknownNameError("option or hyperparameter", name, {o.name for o in options}, of="these runs")
        self.name = name if name in matching else matching[0]

    def value_of(self, spec: RunSetSpec) -> Value | None:
        """Return the value in runs of this specification, or None if they have no such option."""
        task, optimizer, hyperparameters = _tables(spec)
        for table, given in ((task, spec.task.options), (optimizer, spec.optimizer.options)):
            for option in table:
                if option.name == self.name:
                    return given.get(self.name, option.default)
        return spec.hyperparameters.values.get(self.name) if any(o.name == self.name for o in hyperparameters) else None


def _tables(spec: RunSetSpec) -> tuple[Sequence[Option], Sequence[Option], Sequence[Option]]:
    optimizer = load_optimizer(spec.optimizer)
    return TASKS.load(spec.task.name).options_table, optimizer.options_table, optimizer.hyperparameters
