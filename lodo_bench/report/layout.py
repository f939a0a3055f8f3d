"""From a comparison to the table, sentences and notes of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.columns import Column
from lodo_bench.analysis.comparison import Comparison, Row
from lodo_bench.analysis.targets import Targets
from lodo_bench.report.formatting import (
    NOTHING,
    diverged_count,
    hyperparameter_text,
    mean_and_spread,
    mean_speed,
    number,
    published_text,
    reaching_text,
)
from lodo_bench.report.notes import letter, notes
from lodo_bench.report.sentences import sentences
from lodo_bench.report.table import Cell, Head, ReportSection, Table, TableRow
from lodo_bench.spec.provenance import Machine

# Shows more than one evaluation for each step, whatever the rounding.
_ONE_EVALUATION = 1.005


@dataclass(frozen=True, slots=True)
class _Part:
    """One column of the table: its title, and its cell of a row by the row's index."""

    head: Head
    cell: Callable[[int], Cell]
    bound: Cell = Cell(NOTHING)  # noqa: RUF009 - frozen


def build_section(comparison: Comparison, targets: Targets | None = None) -> ReportSection:
    """The report on one task, without a format.

    Args:
        comparison: what it is about.
        targets: adds columns of the steps and seconds to a target.
    """
    machines = list(dict.fromkeys(machine for row in comparison.rows for machine in row.machines))
    parts = [*_first_parts(comparison)]
    for column in comparison.columns:
        parts += _column_parts(comparison, column)
    parts += [*_target_parts(targets), *_cost_parts(comparison, machines)]
    return ReportSection(
        title=comparison.task.label,
        table=_table(comparison, parts),
        verdicts=tuple(sentences(comparison)),
        hyperparameters=tuple(
            f"{_with_source(label, row)}: {hyperparameter_text(row.hyperparameters)}"
            for label, row in zip(comparison.labels, comparison.rows, strict=True)
        ),
        notes=tuple(notes(comparison, machines, targets)),
    )


def _with_source(label: str, row: Row) -> str:
    """The label and where the hyperparameters are from, unless the label tells that already."""
    source = row.hyperparameters.label
    return label if f", {source}" in label else f"{label}, {source}"


def _table(comparison: Comparison, parts: Sequence[_Part]) -> Table:
    lines = [TableRow(tuple(part.cell(index) for part in parts)) for index in range(len(comparison.rows))]
    if comparison.bound is not None:
        lines.insert(0, TableRow(tuple(part.bound for part in parts), aside=True))
    return Table(tuple(part.head for part in parts), tuple(lines))


def _first_parts(comparison: Comparison) -> list[_Part]:
    rows, bound = comparison.rows, comparison.bound
    return [
        _Part(
            Head("optimizer", numeric=False),
            lambda i: Cell(comparison.labels[i]),
            Cell(f"{bound.name} (bound)" if bound else NOTHING),
        ),
        _Part(Head("hyperparameters", numeric=False), lambda i: Cell(rows[i].hyperparameters.label)),
    ]


def _column_parts(comparison: Comparison, column: Column) -> list[_Part]:
    found = [row.results.get(column) for row in comparison.rows]
    verdict = comparison.verdicts[column]

    def score(index: int) -> Cell:
        result = found[index]
        if result is None:
            return Cell(NOTHING)
        return Cell(mean_and_spread(result.summary), result.summary.mean, verdict.mark(index))

    def diverged(index: int) -> Cell:
        result = found[index]
        return Cell(NOTHING) if result is None else Cell(diverged_count(result.summary), result.summary.diverged)

    def published(index: int) -> Cell:
        result = found[index]
        score = result.published if result else None
        return Cell(published_text(score), score.mean if score else None)

    bound = comparison.bound if column.is_loss else None
    parts = [_Part(Head(column.title), score, Cell(number(bound.loss), bound.loss) if bound else Cell(NOTHING))]
    if column.is_loss:
        parts.append(_Part(Head("diverged"), diverged))
    if any(result and result.published for result in found):
        parts.append(_Part(Head("published"), published))
    return parts


def _target_parts(targets: Targets | None) -> list[_Part]:
    if targets is None:
        return []
    steps, seconds, title = targets.steps, targets.seconds, f"to loss ≤ {number(targets.loss)}"

    def time(index: int) -> Cell:
        found = seconds[index]
        return Cell(reaching_text(found, whole=False), found.reached.mean if found else None)

    parts = [
        _Part(Head(f"steps {title}"), lambda i: Cell(reaching_text(steps[i], whole=True), steps[i].reached.mean)),
    ]
    return [*parts, _Part(Head(f"s {title}"), time)] if any(seconds) else parts


def _cost_parts(comparison: Comparison, machines: Sequence[Machine]) -> list[_Part]:
    rows, parts = comparison.rows, []
    if any(row.evaluations > _ONE_EVALUATION for row in rows):
        parts.append(
            _Part(Head("evaluations/step"), lambda i: Cell(number(rows[i].evaluations, 3), rows[i].evaluations))
        )
    if any(row.complexity for row in rows):
        parts.append(_Part(Head("time/step"), lambda i: Cell(rows[i].complexity or NOTHING)))
    parts.append(_Part(Head("steps/s"), lambda i: _speed(rows[i], machines)))
    return parts


def _speed(row: Row, machines: Sequence[Machine]) -> Cell:
    where = ", ".join(letter(machines.index(machine)) for machine in row.machines)
    text = mean_speed(row.speed) + (f" [{where}]" if where and len(machines) > 1 else "")
    return Cell(text, row.speed.mean if row.speed else None)
