"""What runs differ in: an option of the task or of the optimizer, or a hyperparameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.errors import UnknownNameError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.tasks import TASKS


class SweepAxis:
    """What runs differ in: a task's option, an optimizer's option or a hyperparameter, by its name or short form.

    Args:
        name: what the user calls it.
        run_sets: those that may be swept over.

    Raises:
        UnknownNameError: if nothing of these runs is called so.
    """

    def __init__(self, name: str, run_sets: Iterable[RunSetRecord]) -> None:
        tables = {id(table): table for r in run_sets for table in _tables(r.spec)}
        everything = [parameter for table in tables.values() for parameter in table]
        matching = [parameter.name for parameter in everything if name in (parameter.name, parameter.alias)]
        if not matching:
            raise UnknownNameError("option or hyperparameter", name, {p.name for p in everything}, of="these runs")
        self.name = name if name in matching else matching[0]

    def value_of(self, spec: RunSetSpec) -> Value | None:
        """What it was in runs of this specification; None where there is no such thing."""
        task, optimizer, hyperparameters = _tables(spec)
        for table, given in ((task, spec.task.options), (optimizer, spec.optimizer.options)):
            for parameter in table:
                if parameter.name == self.name:
                    return given.get(self.name, parameter.default)
        return spec.hyperparameters.values.get(self.name) if any(p.name == self.name for p in hyperparameters) else None


def _tables(spec: RunSetSpec) -> tuple[Sequence[Option], Sequence[Option], Sequence[Option]]:
    optimizer = OPTIMIZERS.load(spec.optimizer.name)
    return TASKS.load(spec.task.name).options_table, optimizer.options_table, optimizer.hyperparameters
