"""A report section in no particular format: the table, verdicts and footnotes that the renderers are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ComparisonRow
from lodo_bench.analysis.targets import Targets
from lodo_bench.analysis.verdict import Mark, Verdict
from lodo_bench.report.costs import cost_columns
from lodo_bench.report.formatting import (
    COMPILED_MARK,
    NOTHING,
    TOLD_MARK,
    diverged_count,
    effect_text,
    mean_and_spread,
    mean_speed,
    median_and_range,
    number,
    published_text,
    searched_text,
    solved_count,
    speed,
    target_text,
)
from lodo_bench.report.prose import Footnote, footnotes, has_both_clocks, machine_letter, runs_text
from lodo_bench.report.verdicts import verdict_sentences
from lodo_bench.spec.provenance import Machine

# Evaluations per step above 1, whatever the rounding.
_ONE_EVALUATION = 1.005


@dataclass(frozen=True, slots=True)
class ColumnHead:
    """The title of a column; `numeric` columns are right-aligned."""

    title: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table.

    Attributes:
        text: content without markup.
        value: sort key; None sorts last.
        mark: mark of the best row of the column, or of one that may be.
    """

    text: str
    value: float | None = None
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table; `is_bound` marks the row of a loss bound, which is not an optimizer."""

    cells: tuple[TableCell, ...]
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Column heads, and rows with as many cells as there are heads."""

    heads: tuple[ColumnHead, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class ReportSection:
    """The report on one task.

    Attributes:
        title: label of the task.
        table: the comparison.
        verdicts: conclusions, in sentences.
        costs: the cost of searches and final runs, by row; None if none is known.
        hyperparameters: one line for each row of the table.
        footnotes: measures, tests, cost and provenance.
    """

    title: str
    table: Table
    verdicts: tuple[str, ...]
    costs: Table | None
    hyperparameters: tuple[str, ...]
    footnotes: tuple[Footnote, ...]


def build_section(comparison: Comparison, targets: Targets | None = None) -> ReportSection:
    """Build the report on one task.

    Args:
        comparison: the comparison of the task's runs.
        targets: steps and seconds to a target loss, or to the task's criterion, for additional columns.
    """
    machines = list(dict.fromkeys(machine for row in comparison.rows for machine in row.machines))
    columns = _name_columns(comparison)
    for column in comparison.columns:
        columns += _score_columns(comparison, column)
    columns += [*_target_columns(targets), *_cost_columns(comparison, machines)]
    return ReportSection(
        title=comparison.task.label,
        table=_table(comparison, columns),
        verdicts=tuple(verdict_sentences(comparison)),
        costs=_cost_table(comparison),
        hyperparameters=tuple(
            f"{_with_source(label, row)}: {searched_text(row.searches.values(), row.edges)}"
            for label, row in zip(comparison.labels, comparison.rows, strict=True)
        ),
        footnotes=tuple(footnotes(comparison, machines, targets)),
    )


@dataclass(frozen=True, slots=True)
class _TableColumn:
    """A column under construction: its head, its cell by the index of a row, and the cell of the bound."""

    head: ColumnHead
    cell: Callable[[int], TableCell]
    bound: TableCell = TableCell(NOTHING)


def _with_source(label: str, row: ComparisonRow) -> str:
    """Return the label with the source of the hyperparameters, unless it already contains that."""
    source = row.hyperparameters.label
    return label if f", {source}" in label else f"{label}, {source}"


def _table(comparison: Comparison, columns: Sequence[_TableColumn]) -> Table:
    rows = [TableRow(tuple(column.cell(index) for column in columns)) for index in range(len(comparison.rows))]
    if comparison.bound is not None:
        rows.insert(0, TableRow(tuple(column.bound for column in columns), is_bound=True))
    return Table(tuple(column.head for column in columns), tuple(rows))


def _name_columns(comparison: Comparison) -> list[_TableColumn]:
    rows, bound = comparison.rows, comparison.bound
    return [
        _TableColumn(
            ColumnHead("optimizer", numeric=False),
            lambda i: TableCell(comparison.labels[i] + (f" {TOLD_MARK}" if rows[i].facts.told else "")),
            TableCell(f"{bound.name} (bound)" if bound else NOTHING),
        ),
        _TableColumn(ColumnHead("hyperparameters", numeric=False), lambda i: TableCell(rows[i].hyperparameters.source)),
        _TableColumn(ColumnHead("runs", numeric=False), lambda i: TableCell(runs_text(rows[i]))),
    ]


def _score_columns(comparison: Comparison, column: ScoreColumn) -> list[_TableColumn]:
    results = [row.results.get(column) for row in comparison.rows]
    verdict = comparison.verdicts[column]

    def score(index: int) -> TableCell:
        result = results[index]
        if result is None:
            return TableCell(NOTHING)
        text = median_and_range(result.ranked) if result.has_searches else mean_and_spread(result.summary)
        return TableCell(text, result.center, verdict.mark(index))

    def effect(index: int) -> TableCell:
        standing = verdict.standings.get(index)
        found = standing.effect if standing else None
        return TableCell(effect_text(found), found.estimate if found else None)

    def diverged(index: int) -> TableCell:
        result = results[index]
        if result is None:
            return TableCell(NOTHING)
        return TableCell(diverged_count(result.diverged, result.num_runs), result.diverged)

    def published(index: int) -> TableCell:
        result = results[index]
        score = result.published if result else None
        return TableCell(published_text(score), score.mean if score else None)

    bound = comparison.bound if column.is_loss else None
    bound_cell = TableCell(number(bound.loss), bound.loss) if bound else TableCell(NOTHING)
    columns = [_TableColumn(ColumnHead(column.title), score, bound_cell)]
    if verdict.reference is not None and len(verdict.standings) > 1:
        columns.append(_TableColumn(ColumnHead(_effect_title(comparison, verdict)), effect))
    if column.is_loss:
        columns.append(_TableColumn(ColumnHead("diverged"), diverged))
    if any(result and result.published for result in results):
        columns.append(_TableColumn(ColumnHead("published"), published))
    return columns


def _effect_title(comparison: Comparison, verdict: Verdict) -> str:
    reference = (
        comparison.labels[verdict.reference] if verdict.has_baseline and verdict.reference is not None else "best"
    )
    return f"ratio to {reference}" if verdict.kind == "ratio" else f"difference from {reference}"


def _target_columns(targets: Targets | None) -> list[_TableColumn]:
    if targets is None:
        return []
    if targets.is_criterion:
        return _solved_columns(targets)
    steps, seconds, title = targets.steps, targets.seconds, f"to loss ≤ {number(targets.loss)}"

    def step_cell(index: int) -> TableCell:
        return TableCell(target_text(steps[index], whole=True), steps[index].reached.mean)

    def time_cell(index: int) -> TableCell:
        summary = seconds[index]
        return TableCell(target_text(summary, whole=False), summary.reached.mean if summary else None)

    columns = [_TableColumn(ColumnHead(f"steps {title}"), step_cell)]
    return [*columns, _TableColumn(ColumnHead(f"s {title}"), time_cell)] if any(seconds) else columns


def _solved_columns(targets: Targets) -> list[_TableColumn]:
    def solved(index: int) -> TableCell:
        return TableCell(solved_count(targets.steps[index]), targets.steps[index].reached.count)

    def steps(index: int) -> TableCell:
        middle = targets.steps[index].median
        return TableCell(speed(middle), middle) if math.isfinite(middle) else TableCell(NOTHING)

    return [_TableColumn(ColumnHead("solved"), solved), _TableColumn(ColumnHead("steps (median)"), steps)]


def _cost_columns(comparison: Comparison, machines: Sequence[Machine]) -> list[_TableColumn]:
    rows, columns = comparison.rows, []
    if any(row.evaluations > _ONE_EVALUATION for row in rows):
        columns.append(
            _TableColumn(
                ColumnHead("evaluations/step"), lambda i: TableCell(number(rows[i].evaluations, 3), rows[i].evaluations)
            )
        )
    if any(row.facts.complexity for row in rows):
        columns.append(_TableColumn(ColumnHead("time/step"), lambda i: TableCell(rows[i].facts.complexity or NOTHING)))
    mixed = has_both_clocks(comparison)
    columns.append(_TableColumn(ColumnHead("steps/s"), lambda i: _speed(rows[i], machines, is_marked=mixed)))
    return columns


def _speed(row: ComparisonRow, machines: Sequence[Machine], *, is_marked: bool) -> TableCell:
    letters = ", ".join(machine_letter(machines.index(machine)) for machine in row.machines)
    text = mean_speed(row.speed) + (f" [{letters}]" if letters and len(machines) > 1 else "")
    mark = f" {COMPILED_MARK}" if is_marked and row.speed is not None and row.facts.is_compiled else ""
    return TableCell(text + mark, row.speed.mean if row.speed else None)


def _cost_table(comparison: Comparison) -> Table | None:
    columns = cost_columns(comparison)
    if not columns:
        return None
    heads = (ColumnHead("optimizer", numeric=False), *(ColumnHead(column.title) for column in columns))
    rows = [
        TableRow((TableCell(label), *(TableCell(*column.cells[index]) for column in columns)))
        for index, label in enumerate(comparison.labels)
    ]
    return Table(heads, tuple(rows))
