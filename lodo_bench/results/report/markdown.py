"""Reports as markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lodo_bench.records import Hyperparameters, Machine, Provenance
from lodo_bench.results.report.comparison import Comparison, Row
from lodo_bench.results.statistics import Summary

NOTHING = "–"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A markdown table with aligned columns; the first `left` columns to the left, numbers to the right."""
    lines = [[cell.replace("|", r"\|") for cell in line] for line in (headers, *rows)]
    widths = [max(2, *(len(line[column]) for line in lines)) for column in range(len(headers))]

    def cells(line: Sequence[str]) -> str:
        pads = [
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(pads)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([cells(lines[0]), cells(rule), *(cells(line) for line in lines[1:])])


def number(value: float | None, digits: int = 4) -> str:
    """A number in few digits, or a dash for one that is not there."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}g}"


def mean_and_spread(summary: Summary | None) -> str:
    """`16.83 ± 0.12`."""
    if summary is None or not summary.count:
        return NOTHING
    spread = "" if math.isnan(summary.std) else f" ± {number(summary.std, 2)}"
    return number(summary.mean) + spread


def speed(value: float | None) -> str:
    """Steps per second: `12,345`."""
    return NOTHING if value is None or math.isnan(value) else f"{value:,.0f}"


def mean_speed(summary: Summary | None) -> str:
    """Steps per second with their spread: `12,345 ± 67`."""
    if summary is None or not summary.count:
        return NOTHING
    return speed(summary.mean) + ("" if math.isnan(summary.std) else f" ± {speed(summary.std)}")


def hyperparameter_list(values: Iterable[tuple[str, float]]) -> str:
    """`learning_rate = 0.001, beta1 = 0.9`."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in values)


def hyperparameter_text(hyperparameters: Hyperparameters) -> str:
    """The values in one line, or what there is in their place."""
    if hyperparameters.learned_in is not None:
        return "learned weights"
    return hyperparameter_list(hyperparameters.values.items()) or "none"


def milestone_title(key: str) -> str:
    """`steps:20000` -> `20,000 steps`; `seconds:300` -> `300 s`."""
    unit, _, value = key.partition(":")
    return f"{float(value):,.15g} {'s' if unit == 'seconds' else unit}"


def hyperparameter_source(hyperparameters: Hyperparameters) -> str:
    """`tuned (study 3)`."""
    return f"{hyperparameters.source} ({hyperparameters.origin})" if hyperparameters.origin else hyperparameters.source


def render(comparison: Comparison) -> str:
    """The whole report on one task."""
    machines = list(dict.fromkeys(machine for row in comparison.rows for machine in row.machines))
    parts = [
        f"## {comparison.task.label}",
        _main_table(comparison, machines),
        "Hyperparameters:",
        "\n".join(_hyperparameter_line(row, comparison.rows) for row in comparison.rows),
        _footer(comparison, machines),
    ]
    return "\n\n".join(parts) + "\n"


def _main_table(comparison: Comparison, machines: Sequence[Machine]) -> str:
    headers = ["optimizer", "hyperparameters"]
    for key in comparison.milestones:
        headers += [f"loss at {milestone_title(key)}", "diverged"]
        if _is_published(comparison, key):
            headers.append("published")
    headers.append("steps/s")
    rows = [_cells(row, comparison, machines) for row in comparison.rows]
    if comparison.bound is not None:
        rows.insert(0, _bound_cells(comparison))
    return table(headers, rows, left=2)


def _cells(row: Row, comparison: Comparison, machines: Sequence[Machine]) -> list[str]:
    cells = [_label(row, comparison.rows), hyperparameter_source(row.hyperparameters)]
    for key in comparison.milestones:
        summary = row.losses.get(key)
        total = summary.count + summary.diverged if summary else 0
        cells += [mean_and_spread(summary), f"{summary.diverged} of {total}" if summary else NOTHING]
        if _is_published(comparison, key):
            cells.append(_published(row, key))
    return [*cells, _speed(row, machines)]


def _bound_cells(comparison: Comparison) -> list[str]:
    assert comparison.bound is not None
    cells = [f"*{comparison.bound.name} (bound)*", NOTHING]
    for key in comparison.milestones:
        cells += [number(comparison.bound.loss), NOTHING]
        if _is_published(comparison, key):
            cells.append(NOTHING)
    return [*cells, NOTHING]


def _is_published(comparison: Comparison, key: str) -> bool:
    return any(key in row.published for row in comparison.rows)


def _published(row: Row, key: str) -> str:
    score = row.published.get(key)
    if score is None:
        return NOTHING
    return number(score.loss) + (f" ± {number(score.std, 3)}" if score.std is not None else "")


def _speed(row: Row, machines: Sequence[Machine]) -> str:
    where = ", ".join(_letter(machines.index(machine)) for machine in row.machines)
    return mean_speed(row.speed) + (f" [{where}]" if where and len(machines) > 1 else "")


def _label(row: Row, rows: Sequence[Row]) -> str:
    """The optimizer's name, with device and dtype where the rows differ in them."""
    name = row.optimizer.label
    return f"{name} ({row.arithmetic})" if len({r.arithmetic for r in rows}) > 1 else name


def _hyperparameter_line(row: Row, rows: Sequence[Row]) -> str:
    source = hyperparameter_source(row.hyperparameters)
    return f"- {_label(row, rows)}, {source}: {hyperparameter_text(row.hyperparameters)}"


def _footer(comparison: Comparison, machines: Sequence[Machine]) -> str:
    lines = [
        "Loss: mean training loss over the last tenth before the milestone; mean ± sample standard deviation over the "
        "seeds, those that diverged left out.",
        "Steps/s: gradient steps on fresh batches by the clock of training alone.",
    ]
    if len(machines) > 1:
        lines.append("**Steps/s were measured on different machines and cannot be compared between letters.**")
        lines += [f"Machine {_letter(i)}: {_machine(machine)}." for i, machine in enumerate(machines)]
    elif machines:
        lines.append(f"Machine: {_machine(machines[0])}.")
    unfinished = [f"{_label(row, comparison.rows)} {row.unfinished}" for row in comparison.rows if row.unfinished]
    if unfinished:
        lines.append(f"Runs without a score, interrupted or failed: {', '.join(unfinished)}.")
    lines.append(f"Versions: {_versions(comparison.provenances)}.")
    return "\n".join(f"- {line}" for line in lines)


def _letter(index: int) -> str:
    return chr(ord("a") + index) if index < 26 else f"m{index + 1}"


def _machine(machine: Machine) -> str:
    device = "" if machine.device == "cpu" else f"{machine.device}, "
    return f"{device}{machine.cpu}, {machine.cores} cores, {machine.threads} threads used by PyTorch"


def _versions(provenances: Iterable[Provenance]) -> str:
    """Each different set of versions once."""
    found = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in p.versions.items())
        + (f", commit {p.commit[:12]}{'-dirty' if p.commit.endswith('-dirty') else ''}" if p.commit else "")
        for p in provenances
    )
    return "; ".join(found)
