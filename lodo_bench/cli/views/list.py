"""Lists of tasks, optimizers, experiments, studies and run sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lodo_bench.analysis.documents import run_set_summary_document, study_summary_document
from lodo_bench.cli.options import open_store
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.errors import UnknownNameError
from lodo_bench.report.formatting import NOTHING
from lodo_bench.spec.options import Option, format_value
from lodo_bench.spec.training import TaskSpec
from lodo_bench.user_code import is_outside

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its singular, its entries by database, and the columns that fit a narrow terminal.

    `describe` returns an entry that is not in the list, such as a class outside the package.
    """

    singular: str
    entries: Callable[[str], Sequence[Entry]]
    columns: tuple[str, ...]
    describe: Callable[[str], Entry] | None = None


def print_list(what: str, name: str | None, *, wide: bool, db: str, json: bool) -> None:
    """Print a list, or all about the one entry with this name.

    Raises:
        UnknownNameError: if there is no such entry.
    """
    listing = _LISTINGS[what]
    if name is not None and listing.describe is not None and is_outside(name):
        entries: Sequence[Entry] = [listing.describe(name)]
    else:
        entries = listing.entries(db)
        entries = entries if name is None else [_named(name, entries, listing)]
    if json:
        print_json({what.replace("-", "_"): entries})
    elif name is not None:
        show_table(["", name], [[_title(key), _text(value)] for key, value in entries[0].items()], left=2)
    else:
        columns = tuple(entries[0]) if wide and entries else listing.columns
        rows = [[_cell(entry, column, columns) for column in columns] for entry in entries]
        show_table([_title(column) for column in columns], rows, left=len(columns))


def _named(name: str, entries: Sequence[Entry], listing: Listing) -> Entry:
    key = listing.columns[0]
    found = next((entry for entry in entries if str(entry[key]) == name), None)
    if found is None:
        raise UnknownNameError(listing.singular, name, [str(entry[key]) for entry in entries])
    return found


# PyTorch, and the modules that import it, are imported for the lists that need it: the others answer more quickly.


def _tasks(_db: str) -> Sequence[Entry]:
    from lodo_bench.tasks import TASKS

    return [_task(name) for name in TASKS.names]


def _task(name: str) -> Entry:
    from lodo_bench.tasks import TASKS

    kind = TASKS.load(name)
    return {
        "name": name,
        "description": _summary_line(kind),
        "options": _options(kind.options_table),
        "step_milestone": kind.step_milestone,
        "dtype": kind.default_dtype,
    }


def _optimizers(_db: str) -> Sequence[Entry]:
    from lodo_bench.optimizers import OPTIMIZERS

    return [_optimizer(name) for name in OPTIMIZERS.names]


def _optimizer(name: str) -> Entry:
    from lodo_bench.optimizers import OPTIMIZERS

    kind = OPTIMIZERS.load(name)
    return {
        "name": name,
        "description": _summary_line(kind),
        "hyperparameters": _options(kind.hyperparameters),
        "options": _options(kind.options_table),
        "complexity": kind.complexity,
        "reference": kind.reference,
    }


def _experiments(_db: str) -> Sequence[Entry]:
    from lodo_bench.experiments.loading import list_experiments

    return [asdict(experiment) for experiment in list_experiments()]


def _studies(db: str) -> Sequence[Entry]:
    return [study_summary_document(summary) for summary in open_store(db).study_summaries()]


def _run_sets(db: str) -> Sequence[Entry]:
    return [run_set_summary_document(record) for record in open_store(db).run_sets()]


_LISTINGS: Mapping[str, Listing] = {
    "tasks": Listing("task", _tasks, ("name", "description"), _task),
    "optimizers": Listing("optimizer", _optimizers, ("name", "description"), _optimizer),
    "experiments": Listing("experiment", _experiments, ("name", "title", "availability")),
    "studies": Listing("study", _studies, ("study", "task", "optimizer", "seed", "status", "individuals")),
    "run-sets": Listing("run set", _run_sets, ("run_set", "task", "optimizer", "steps", "seeds", "missing")),
}


def _summary_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _options(options: Sequence[Option]) -> Sequence[Entry]:
    return [{"name": o.name, "alias": o.alias, "kind": o.kind, "default": o.default} for o in options]


def _title(key: str) -> str:
    return key.replace("_", " ")


def _cell(entry: Entry, column: str, columns: Sequence[str]) -> str:
    """Return the text of a column, with the options and the recipe of a name that have no column of their own."""
    details = [f"{column}_{kind}" for kind in ("options", "recipe")]
    shown = {name: value for key in details if key not in columns for name, value in entry.get(key, {}).items()}
    return TaskSpec(entry[column], shown).label if shown else _text(entry[column])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{o['name']} ({o['alias']}) = {format_value(o['default'])}" for o in value) or NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={format_value(each)}" for name, each in value.items()) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None else str(value)
