"""Lists of tasks, optimizers, experiments, studies and run sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lodo_bench.analysis.documents import damaged_document
from lodo_bench.analysis.summary_documents import run_set_summary_documents, study_summary_document
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.stored_cells import run_set_cells, study_cells
from lodo_bench.cli.views.table import show_table
from lodo_bench.errors import UnknownNameError
from lodo_bench.report.formatting import NOTHING
from lodo_bench.results.reader import Results
from lodo_bench.spec.options import Option, format_value
from lodo_bench.user_code import is_outside

Entry = Mapping[str, Any]
Opener = Callable[[], Results]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list.

    Attributes:
        singular: what an entry is.
        entries: returns the entries, given a function that opens the stored results; their first value names them.
        cells: the cells of an entry by title, as many as fit a narrow terminal; `--wide` shows all values.
        describe: returns an entry that is not in the list, such as a class outside the package.
        is_stored: whether the entries are stored results, of which some may be left out.
    """

    singular: str
    entries: Callable[[Opener], Sequence[Entry]]
    cells: Callable[[Entry], Mapping[str, str]]
    describe: Callable[[str], Entry] | None = None
    is_stored: bool = False


def print_list(what: str, name: str | None, results: Opener, *, wide: bool, json: bool) -> None:
    """Print a list, or all about the one entry with this name.

    Args:
        what: one of `LISTS`.
        name: of the entry; None for all.
        results: returns the stored results, the same each time; called for lists of these alone.
        wide: show all values of each entry.
        json: print JSON.

    Raises:
        UnknownNameError: if there is no such entry.
    """
    listing = LISTS[what]
    if name is not None and listing.describe is not None and is_outside(name):
        entries: Sequence[Entry] = [listing.describe(name)]
    else:
        entries = listing.entries(results)
        entries = entries if name is None else [_named(name, entries, listing)]
    if json:
        damaged = damaged_document(results().damaged) if listing.is_stored else {}
        print_json({what.replace("-", "_"): entries, **damaged})
    elif name is not None:
        show_table(["", name], [[_title(key), _text(value)] for key, value in entries[0].items()], left=2)
    elif wide:
        _show([{_title(key): _text(value) for key, value in entry.items()} for entry in entries])
    else:
        _show(_without_empty_columns([listing.cells(entry) for entry in entries]))


def _named(name: str, entries: Sequence[Entry], listing: Listing) -> Entry:
    found = {str(next(iter(entry.values()))): entry for entry in entries}
    if name not in found:
        raise UnknownNameError(listing.singular, name, found)
    return found[name]


def _show(rows: Sequence[Mapping[str, str]]) -> None:
    titles = list(rows[0]) if rows else []
    show_table(titles, [list(row.values()) for row in rows], left=len(titles))


def _without_empty_columns(rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    filled = {title for row in rows for title, text in row.items() if text != NOTHING}
    return [{title: text for title, text in row.items() if title in filled} for row in rows]


# PyTorch, and the modules that import it, are imported for the lists that need it: the others answer more quickly.


def _tasks(_results: Opener) -> Sequence[Entry]:
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


def _optimizers(_results: Opener) -> Sequence[Entry]:
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


def _experiments(_results: Opener) -> Sequence[Entry]:
    from lodo_bench.experiments.loading import list_experiments

    return [asdict(experiment) for experiment in list_experiments()]


def _studies(results: Opener) -> Sequence[Entry]:
    ordered = sorted(results().study_summaries(), key=lambda study: study.id)
    return [study_summary_document(summary) for summary in ordered]


def _run_sets(results: Opener) -> Sequence[Entry]:
    return run_set_summary_documents(results().run_sets())


def _columns(*keys: str) -> Callable[[Entry], Mapping[str, str]]:
    return lambda entry: {_title(key): _text(entry[key]) for key in keys}


LISTS: Mapping[str, Listing] = {
    "tasks": Listing("task", _tasks, _columns("name", "description"), _task),
    "optimizers": Listing("optimizer", _optimizers, _columns("name", "description"), _optimizer),
    "experiments": Listing("experiment", _experiments, _columns("name", "title", "availability")),
    "studies": Listing("study", _studies, study_cells, is_stored=True),
    "run-sets": Listing("run set", _run_sets, run_set_cells, is_stored=True),
}


def _summary_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _options(options: Sequence[Option]) -> Sequence[Entry]:
    return [{"name": o.name, "alias": o.alias, "kind": o.kind, "default": o.default} for o in options]


def _title(key: str) -> str:
    return key.replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or NOTHING
    if isinstance(value, list):
        return ", ".join(f"{o['name']} ({o['alias']}) = {format_value(o['default'])}" for o in value) or NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={format_value(each)}" for name, each in value.items()) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None or value == "" else str(value)
