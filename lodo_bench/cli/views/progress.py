"""Progress on standard error: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from typing_extensions import override

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.cli.output import echo_err
from lodo_bench.cli.remedies import explain
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.report.formatting import number, speed
from lodo_bench.runs.execute import RunCallback
from lodo_bench.spec.run_set import RunRecord, RunSetSpec
from lodo_bench.training.session import Progress as TrainingProgress
from lodo_bench.tuner.coordinator import ProgressCallback, SearchActivity
from lodo_bench.tuner.study import StudyProgress

_REDRAW_SECONDS = 0.25


@contextmanager
def tuning_progress() -> Iterator[ProgressCallback]:
    """Show the progress of searches inside the block."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainTuning(console)
        return
    # Without a thread that redraws: the processes of the workers are copies of this one.
    with Live(console=console, auto_refresh=False) as live:
        yield _LiveTuning(console, live)


@dataclass
class _PlainTuning:
    """A line for each finished generation."""

    console: Console
    seen: dict[int, int] = field(default_factory=dict)
    studies: dict[int, StudyProgress] = field(default_factory=dict)

    def progress(self, progress: StudyProgress) -> None:
        done = progress.generations if progress.finished else progress.generation - 1
        self.studies[progress.study] = progress
        if done > self.seen.setdefault(progress.study, done):
            self.seen[progress.study] = done
            name = _study_label(progress, self.studies.values())
            self.notice(
                f"{name}: generation {done} of {progress.generations}, {progress.evaluated} evaluated, "
                f"{progress.diverged} diverged{_failed(progress)}, best loss {number(progress.best_fitness)}"
                + (f"; mean {_mean(progress)}" if progress.mean else "")
            )

    def activity(self, activity: SearchActivity) -> None:
        """Print nothing: lines tell of finished generations."""

    def notice(self, message: str) -> None:
        self.console.print(message, soft_wrap=True, highlight=False, markup=False)


class _LiveTuning:
    """A table with a row for each optimizer, and a line about the workers."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console, self._live = console, live
        self._drawn = 0.0
        self._latest: dict[int, StudyProgress] = {}
        self._activity = ""

    def progress(self, progress: StudyProgress) -> None:
        self._latest[progress.study] = progress
        all_finished = all(each.finished for each in self._latest.values())
        if all_finished:
            self._activity = ""
        self._draw(at_once=all_finished)

    def activity(self, activity: SearchActivity) -> None:
        self._activity = _activity_text(activity)
        self._draw()

    def notice(self, message: str) -> None:
        self._console.print(message, highlight=False, markup=False)

    def _draw(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(box=None, header_style="bold", pad_edge=False, caption=self._activity, caption_justify="left")
        for title in ("optimizer", "gen.", "evaluated", "diverged", "best loss"):
            table.add_column(title, justify="left" if title == "optimizer" else "right", no_wrap=True)
        table.add_column("mean hyperparameters", overflow="fold")
        for progress in self._latest.values():
            table.add_row(
                _study_label(progress, self._latest.values()),
                f"{progress.generation}/{progress.generations}",
                str(progress.evaluated),
                str(progress.diverged) + _failed(progress),
                number(progress.best_fitness),
                _mean(progress),
            )
        return table


def _study_label(progress: StudyProgress, studies: Iterable[StudyProgress]) -> str:
    """Return the optimizer, with the search seed if other studies of it are shown, too."""
    label = progress.optimizer.label
    is_alone = sum(other.optimizer == progress.optimizer for other in studies) == 1
    return label if is_alone else f"{label}, seed {progress.seed}"


def _activity_text(activity: SearchActivity) -> str:
    """Return, e.g., `2 of 2 workers busy, 12 individuals in training, 35 individuals/s, 0:12 left`."""
    workers = "worker" if activity.num_workers == 1 else "workers"
    individuals = "individual" if activity.num_individuals == 1 else "individuals"
    parts = [f"{activity.num_busy} of {activity.num_workers} {workers} busy"]
    parts.append(f"{activity.num_individuals} {individuals} in training")
    if not math.isnan(activity.individuals_per_second):
        parts.append(f"{activity.individuals_per_second:.3g} individuals/s")
    if not math.isnan(activity.seconds_left):
        parts.append(f"{_clock(activity.seconds_left)} left")
    return ", ".join(parts)


def _failed(progress: StudyProgress) -> str:
    return f", {progress.failed} failed" if progress.failed else ""


def _mean(progress: StudyProgress) -> str:
    shorts = {p.name: p.alias for p in load_optimizer(progress.optimizer).hyperparameters}
    return " ".join(f"{shorts[name]}={number(value)}" for name, value in progress.mean.items())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class RunProgress:
    """A progress bar for the current run, with its speed.

    It draws only when it is called, which is while the training clock is paused: a thread that redraws by itself would
    take time from the run that is being timed.

    Args:
        label: of the optimizer, e.g. `lodo`.
        steps: the step milestone.
        seconds: the time milestone, if any.
    """

    def __init__(self, label: str, steps: int, seconds: float | None) -> None:
        self._label, self._steps, self._seconds = label, steps, seconds
        self._console = Console(stderr=True)
        self._drawn = 0.0
        self._run = label
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self._console,
            auto_refresh=False,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task(label, total=1.0, speed="")

    def __enter__(self) -> RunProgress:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def start(self, run: str) -> None:
        """Start the bar for a run, e.g. `seed 3 of 8`."""
        self._run = f"{self._label}, {run}"
        self._bar.reset(self._task, description=self._run, speed="")

    def progress(self, progress: TrainingProgress) -> None:
        """Update the progress bar."""
        now = time.monotonic()
        if not self._console.is_terminal or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        done = progress.steps / self._steps
        if self._seconds is not None:
            done = min(done, progress.seconds / self._seconds)
        pace = f"{speed(progress.steps / progress.seconds)} steps/s" if progress.seconds else ""
        self._bar.update(self._task, completed=min(done, 1.0), speed=pace, refresh=True)

    def notice(self, message: str) -> None:
        """Print a line above the bar."""
        self._console.print(f"{self._run}: {message}", soft_wrap=True, highlight=False, markup=False)

    def ended(self, run: RunRecord) -> None:
        """Print a line with the outcome of a finished run."""
        reason = f" ({run.reason})" if run.reason else ""
        losses = ", ".join(f"loss {number(loss)} at {milestone.title}" for milestone, loss in run.milestones.items())
        pace = "" if run.steps_per_second is None else f", {speed(run.steps_per_second)} steps/s"
        text = f"{self._label}, seed {run.seed}: {run.status}{reason}, {losses or f'{run.steps:,} steps'}{pace}"
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


class TerminalReporter(ProgressReporter):
    """Progress of tuning and running on standard error.

    Attributes:
        has_tuned: True as soon as a search has been started.
    """

    def __init__(self) -> None:
        self.has_tuned = False

    @override
    def tuning(self) -> AbstractContextManager[ProgressCallback]:
        self.has_tuned = True
        return tuning_progress()

    @override
    def running(self, spec: RunSetSpec) -> AbstractContextManager[RunCallback]:
        return RunProgress(spec.optimizer.label, spec.steps, spec.seconds)

    @override
    def notice(self, message: str) -> None:
        echo_err(message)

    @override
    def advise(self, message: str, remedy: Remedy, **details: object) -> None:
        echo_err(explain(UsageError(message, remedy=remedy, **details)))
