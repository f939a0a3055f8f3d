"""Searches and runs of other processes: a table that is drawn again and again, or a line for each change."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lodo_bench.analysis.documents import damaged_document, optimizer_document, task_document
from lodo_bench.api.watch import ActivitySnapshot, Watcher
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.report.formatting import NOTHING, counted, duration, number

_HEADERS = ("", "optimizer", "task", "state", "gen.", "done", "best loss", "rate", "left", "updated")
_LEFT = 4
_LESS_IMPORTANT = ("updated", "rate", "gen.", "state")  # the first of them first
_GAP = 2
_NOTHING_THERE = "There are no searches and no runs yet."


def print_once(watcher: Watcher, json: bool) -> None:
    """Print the present state: everything that is not finished as a table, the rest in one line."""
    snapshots = watcher.look()
    if json:
        print_json({"activities": [_document(each) for each in snapshots], **damaged_document(watcher.damaged)})
        return
    if unfinished := [each for each in snapshots if each.state != "finished"]:
        show_table(_HEADERS, [_cells(each) for each in unfinished], left=_LEFT)
    print(_summary(snapshots))


def watch_live(watcher: Watcher, interval: float) -> None:
    """Show the state every `interval` seconds, until everything is finished or the user interrupts it."""
    snapshots = watcher.look()  # an interrupt from here on is the usual end
    try:
        if sys.stdout.isatty():
            _watch_on_terminal(watcher, snapshots, interval)
        else:
            _watch_in_lines(watcher, snapshots, interval)
    except KeyboardInterrupt:
        return


def _watch_on_terminal(watcher: Watcher, snapshots: list[ActivitySnapshot], interval: float) -> None:
    console = Console()
    with Live(_view(snapshots, console.width), console=console, auto_refresh=False) as live:
        while not _all_finished(snapshots):
            time.sleep(interval)
            snapshots = watcher.look()
            live.update(_view(snapshots, console.width), refresh=True)


def _watch_in_lines(watcher: Watcher, snapshots: list[ActivitySnapshot], interval: float) -> None:
    seen: dict[tuple[str, int], str] = {}
    while True:
        for each in snapshots:
            key, line = (each.kind, each.number), f"{each.state} {each.done}"
            if each.state != "finished" or key in seen:
                if seen.get(key) != line:
                    print(_line(each), flush=True)
                seen[key] = line
        if _all_finished(snapshots):
            print(_summary(snapshots), flush=True)
            return
        time.sleep(interval)
        snapshots = watcher.look()


def _all_finished(snapshots: Sequence[ActivitySnapshot]) -> bool:
    return all(each.state == "finished" for each in snapshots)


def _view(snapshots: Sequence[ActivitySnapshot], width: int) -> Group:
    """Return the table with the columns that fit, or lines where even the most important ones do not."""
    summary = Text(_summary(snapshots))
    unfinished = [each for each in snapshots if each.state != "finished"]
    if not unfinished:
        return Group(summary)
    rows = [_HEADERS, *map(_cells, unfinished)]
    columns = _fitting(rows, width)
    if columns is None:
        return Group(*(Text(_line(each)) for each in unfinished), summary)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index in columns:
        table.add_column(_HEADERS[index], justify="left" if index < _LEFT else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*(Text(row[index]) for index in columns))
    return Group(table, summary)


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return the columns that fit, without the least important ones if need be; None if those left do not fit."""
    columns = list(range(len(_HEADERS)))
    for header in ("", *_LESS_IMPORTANT):
        columns = [index for index in columns if not header or _HEADERS[index] != header]
        taken = sum(max(cell_len(row[index]) for row in rows) for index in columns) + _GAP * (len(columns) - 1)
        if taken <= width:
            return columns
    return None


def _cells(each: ActivitySnapshot) -> list[str]:
    age = each.seconds_since_update
    return [
        f"{each.kind} {each.number}",
        each.optimizer.label,
        each.task.label,
        each.state,
        f"{each.generation}/{each.generations}" if each.generations else NOTHING,
        f"{each.done}/{each.total}",
        number(each.best_loss),
        _rate(each),
        NOTHING if math.isnan(each.seconds_left) else duration(each.seconds_left),
        NOTHING if math.isnan(age) else f"{duration(float(round(age)))} ago",
    ]


def _rate(each: ActivitySnapshot) -> str:
    """Return individuals or runs per second, or per hour if they are slow."""
    if math.isnan(each.per_second):
        return NOTHING
    if each.per_second < 0.1:
        return f"{number(3600 * each.per_second, 3)}/h"
    return f"{number(each.per_second, 3)}/s"


def _line(each: ActivitySnapshot) -> str:
    what = "individuals" if each.kind == "study" else "runs"
    parts = [f"{each.kind} {each.number}, {each.optimizer.label} on {each.task.label}: {each.state}"]
    parts += [f"generation {each.generation} of {each.generations}"] if each.generations else []
    parts += [f"{each.done} of {each.total} {what}"]
    parts += [f"{count} {name}" for count, name in ((each.diverged, "diverged"), (each.failed, "failed")) if count]
    parts += [] if math.isnan(each.best_loss) else [f"best loss {number(each.best_loss)}"]
    parts += [] if math.isnan(each.per_second) else [_rate(each)]
    parts += [] if math.isnan(each.seconds_left) else [f"{duration(each.seconds_left)} left"]
    return ", ".join(parts)


def _summary(snapshots: Sequence[ActivitySnapshot]) -> str:
    """Return, e.g., `Finished: studies 1-3, run set 1.`"""
    if not snapshots:
        return _NOTHING_THERE
    parts = []
    for kind, plural in (("study", "studies"), ("run set", "run sets")):
        numbers = [each.number for each in snapshots if each.kind == kind and each.state == "finished"]
        if numbers:
            parts.append(f"{kind if len(numbers) == 1 else plural} {_ranges(numbers)}")
    unfinished = sum(each.state != "finished" for each in snapshots)
    end = f" {counted(unfinished, 'is', 'are')} not finished." if unfinished else ""
    return f"Finished: {', '.join(parts) or 'nothing yet'}.{end}"


def _ranges(numbers: Sequence[int]) -> str:
    """Return rising numbers with runs of them drawn together: `1-3, 5`."""
    runs: list[list[int]] = []
    for each in numbers:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _document(each: ActivitySnapshot) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "number": each.number,
        **task_document(each.task),
        **optimizer_document(each.optimizer),
        "state": each.state,
        "generation": each.generation,
        "generations": each.generations,
        "done": each.done,
        "total": each.total,
        "diverged": each.diverged,
        "failed": each.failed,
        "best_loss": each.best_loss,
        "per_second": each.per_second,
        "seconds_left": each.seconds_left,
        "seconds_since_update": each.seconds_since_update,
    }
