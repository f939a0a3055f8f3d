"""Progress of searches on standard error: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.views.clock_text import clock_text
from lodo_bench.cli.views.console import has_styles, shown, terminal
from lodo_bench.cli.views.layout import Cell, Grid, table_lines
from lodo_bench.cli.views.table import fitting
from lodo_bench.optimizers import load_optimizer
from lodo_bench.report.formatting import counted, number
from lodo_bench.tuner.coordinator import ProgressCallback, SearchActivity
from lodo_bench.tuner.study import StudyProgress

_REDRAW_SECONDS = 0.25
_LINE_SECONDS = 10.0
# More searches than this are summed up in one plain line.
_MAX_NAMED = 3


@contextmanager
def tuning_progress(kept: Kept) -> Iterator[ProgressCallback]:
    """Show the progress of searches inside the block.

    Args:
        kept: records the individuals that are stored.
    """
    console = terminal(stderr=True)
    if not has_styles(console):
        yield PlainTuning(console, kept)
        return
    # Without a thread that redraws: the processes of the workers are copies of this one.
    with Live(console=console, auto_refresh=False) as live:
        yield LiveTuning(console, live, kept)


@dataclass
class PlainTuning:
    """A line at the start, for each finished generation, and for the individuals every ten seconds."""

    console: Console
    kept: Kept
    clock: Callable[[], float] = time.monotonic
    latest: dict[int, StudyProgress] = field(default_factory=dict)
    printed: float = -math.inf

    def progress(self, progress: StudyProgress) -> None:
        """Print a line if a generation has been finished."""
        self.kept.individuals[progress.study] = progress.evaluated
        before = self.latest.get(progress.study)
        self.latest[progress.study] = progress
        done = _finished_generations(progress)
        if before is not None and done > _finished_generations(before):
            self._print(
                f"{_names(self.latest)[progress.study]}: generation {done} of {progress.generations}, "
                f"{progress.evaluated} evaluated, {progress.diverged} diverged{_failed(progress)}, "
                f"best loss {number(progress.best_fitness)}" + (f"; mean {_mean(progress)}" if progress.mean else "")
            )

    def activity(self, activity: SearchActivity) -> None:
        """Print what is evaluated so far, unless a line was printed lately."""
        if self.printed == -math.inf and not activity.num_started:
            self._print(f"{_activity_text(activity).capitalize()}")
        elif self.clock() - self.printed >= _LINE_SECONDS and activity.num_started:
            self._print("; ".join(filter(None, (self._individuals(), _left(activity)))))

    def notice(self, message: str) -> None:
        """Print a line."""
        self.console.print(message, soft_wrap=not has_styles(self.console))

    def _print(self, message: str) -> None:
        self.printed = self.clock()
        self.notice(message)

    def _individuals(self) -> str:
        """Return, e.g., `adam: generation 3 of 20, 12 of 32 individuals evaluated`, or the sum over many searches."""
        names = _names(self.latest)
        running = [each for each in self.latest.values() if not each.finished]
        if len(running) > _MAX_NAMED:
            evaluated = sum(each.evaluated for each in running)
            total = sum(each.population * each.generations for each in running)
            return f"{counted(len(running), 'search', 'searches')}: {evaluated:,} of {total:,} individuals evaluated"
        return "; ".join(
            f"{names[each.study]}: generation {each.generation} of {each.generations}, "
            f"{each.evaluated_of_generation} of {each.population} individuals evaluated"
            for each in running
        )


class LiveTuning:
    """A table with a row for each search, and a line about the workers."""

    def __init__(self, console: Console, live: Live, kept: Kept) -> None:
        self._console, self._live, self._kept = console, live, kept
        self._drawn = 0.0
        self._latest: dict[int, StudyProgress] = {}
        self._activity = ""

    def progress(self, progress: StudyProgress) -> None:
        """Update the row of a search."""
        self._kept.individuals[progress.study] = progress.evaluated
        self._latest[progress.study] = progress
        all_finished = all(each.finished for each in self._latest.values())
        if all_finished:
            self._activity = ""
        self._draw(at_once=all_finished)

    def activity(self, activity: SearchActivity) -> None:
        """Update the line about the workers."""
        self._activity = _activity_text(activity)
        self._draw(at_once=not activity.num_started)

    def notice(self, message: str) -> None:
        """Print a line above the table."""
        self._console.print(message)

    def _draw(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            lines = table_lines(self._grid(), self._console.width, shown("─", self._console))
            lines += [Text(), Text(self._activity)] if self._activity else []
            self._live.update(Group(*lines), refresh=True)

    def _grid(self) -> Grid:
        titles = ("optimizer", "generation", "evaluated", "diverged", "best loss", "mean hyperparameters")
        names = _names(self._latest)
        rows = [
            (
                names[number_of_study],
                f"{each.generation}/{each.generations}",
                f"{each.evaluated_of_generation} of {each.population}",
                str(each.diverged) + _failed(each),
                number(each.best_fitness),
                _mean(each),
            )
            for number_of_study, each in self._latest.items()
        ]
        numeric = [title not in (titles[0], titles[-1]) for title in titles]
        return fitting(Grid(titles, numeric, [[Cell(text) for text in row] for row in rows]), self._console)


def _names(latest: Mapping[int, StudyProgress]) -> dict[int, str]:
    """Return the name of each search: its optimizer, with the seed where there are several searches of it."""
    labels = Counter(each.optimizer.label for each in latest.values())
    return {
        study: each.optimizer.label + (f", search seed {each.seed}" if labels[each.optimizer.label] > 1 else "")
        for study, each in latest.items()
    }


def _finished_generations(progress: StudyProgress) -> int:
    return progress.generations if progress.finished else progress.generation - 1


def _activity_text(activity: SearchActivity) -> str:
    """Return, e.g., `2 of 2 workers busy, 12 individuals in training, 35 individuals/s, 0:12 left`."""
    workers = "worker" if activity.num_workers == 1 else "workers"
    if not activity.num_started:
        return f"starting {activity.num_workers} {workers} ..."
    parts = [f"{activity.num_busy} of {activity.num_workers} {workers} busy"]
    parts.append(f"{counted(activity.num_individuals, 'individual')} in training")
    if not math.isnan(activity.individuals_per_second):
        parts.append(f"{number(activity.individuals_per_second, 3)} individuals/s")
    return ", ".join(filter(None, (*parts, _left(activity))))


def _left(activity: SearchActivity) -> str:
    return "" if math.isnan(activity.seconds_left) else f"{clock_text(activity.seconds_left)} left"


def _failed(progress: StudyProgress) -> str:
    return f", {progress.failed} failed" if progress.failed else ""


def _mean(progress: StudyProgress) -> str:
    shorts = {p.name: p.alias for p in load_optimizer(progress.optimizer).hyperparameters}
    return " ".join(f"{shorts[name]}={number(value)}" for name, value in progress.mean.items())
