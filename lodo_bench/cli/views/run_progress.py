"""Progress of final runs on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.views.clock_text import clock_text
from lodo_bench.cli.views.console import has_styles, shown, terminal
from lodo_bench.cli.views.time_left import TimeLeft
from lodo_bench.report.formatting import counted, number, speed
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunRecord, RunSetSpec
from lodo_bench.training.session import Evaluation
from lodo_bench.training.session import Progress as TrainingProgress

_REDRAW_SECONDS = 0.25
_LINE_SECONDS = 60.0
# The columns that the bar takes with its texts, except for the label of the optimizer.
_BAR_COLUMNS = 90


class RunProgress:
    """A progress bar for the current run, with its speed and the time left for it and for all runs of the command.

    It draws only when it is called, which is while the training clock is paused: a thread that redraws by itself would
    take time from the run that is being timed. An evaluation has a bar of its own.

    Args:
        spec: the run set.
        time_left: the estimate for all run sets of the command.
        kept: records the runs that are stored.
    """

    def __init__(self, spec: RunSetSpec, time_left: TimeLeft, kept: Kept) -> None:
        self._spec, self._time_left, self._kept = spec, time_left, kept
        self._console = terminal(stderr=True)
        self._is_live = has_styles(self._console)
        self._drawn = time.monotonic()
        self._run = self._short = spec.optimizer.label
        self._evaluation_started = math.nan
        # A narrow terminal has room for what matters most: the run, and the time left.
        self._is_narrow = self._console.width < _BAR_COLUMNS + len(spec.optimizer.label)
        texts = [TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[notes]}")]
        self._bar = Progress(
            texts[0],
            *([] if self._is_narrow else [BarColumn(bar_width=20)]),
            texts[1],
            console=self._console,
            auto_refresh=False,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task("", total=1.0, notes="")
        time_left.begin(spec)

    def __enter__(self) -> RunProgress:
        if self._is_live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def start(self, run: str, count: int, left: int) -> None:
        """Start the bar for a run, e.g. `seed 2 (3 of 8)`."""
        self._run = f"{self._spec.optimizer.label}, {run}"
        self._evaluation_started = math.nan
        self._time_left.start(count, left)
        self._short = run if self._is_narrow else self._run
        self._bar.reset(self._task, description=self._short, notes="")

    def progress(self, progress: TrainingProgress) -> None:
        """Update the bar of the run or of its evaluation."""
        if progress.evaluation is not None:
            self._evaluate(progress.evaluation)
            return
        self._evaluation_started = math.nan
        done = progress.steps / self._spec.steps
        if self._spec.seconds is not None:
            done = min(done, progress.seconds / self._spec.seconds)
        done = min(done, 1.0)
        self._time_left.reach(done)
        if self._is_due(_REDRAW_SECONDS) and self._is_live:
            pace = f"{speed(progress.steps / progress.seconds)} steps/s" if progress.seconds else ""
            self._draw(self._short, done, [*([] if self._is_narrow else [pace]), self._left(self._time_left.current)])

    def notice(self, message: str) -> None:
        """Print a line above the bar."""
        self._print(f"{self._run}: {message}")

    def ended(self, run: RunRecord) -> None:
        """Print a line with the outcome of a finished run, and the time left for the others."""
        self._time_left.end()
        label = self._spec.optimizer.label
        if run.status is not Status.INTERRUPTED:
            self._kept.add_runs(label)
        elif run.steps:
            self._kept.partial = (f"seed {run.seed} of {label}", run.steps)
        reason = f" ({run.reason})" if run.reason else ""
        losses = ", ".join(f"loss {number(loss)} at {milestone.title}" for milestone, loss in run.milestones.items())
        pace = "" if run.steps_per_second is None else f", {speed(run.steps_per_second)} steps/s"
        text = f"{label}, seed {run.seed}: {run.status}{reason}, {losses or f'{run.steps:,} steps'}{pace}"
        self._print(text + ("" if run.status is Status.INTERRUPTED else self._others()))

    def _others(self) -> str:
        """Return, e.g., `; 7 runs left, about 5:10`."""
        count, seconds = self._time_left.num_left, self._time_left.between_runs
        if not count or math.isnan(seconds):
            return ""
        return f"; {counted(count, 'run')} left, about {clock_text(seconds)}"

    def _evaluate(self, evaluation: Evaluation) -> None:
        """Show an evaluation that takes longer than a moment."""
        now = time.monotonic()
        if math.isnan(self._evaluation_started) or evaluation.done == 0:
            self._evaluation_started = now
        if evaluation.done == 0 or not self._is_due(_REDRAW_SECONDS if self._is_live else _LINE_SECONDS):
            return
        seconds = (now - self._evaluation_started) * (evaluation.total - evaluation.done) / evaluation.done
        done = evaluation.done / evaluation.total
        if self._is_live:
            self._draw(f"{self._short}, evaluation", done, [f"{100 * done:.0f} %", self._left(seconds)])
        else:
            self._print(f"{self._run}: evaluation {100 * done:.0f} %, {clock_text(seconds)} left")

    def _left(self, seconds: float) -> str:
        """Return, e.g., `0:40 left, in total 5:10`."""
        if math.isnan(seconds):
            return ""
        total = seconds + self._time_left.later
        is_last = math.isnan(total) or total == seconds
        return f"{clock_text(seconds)} left" + ("" if is_last else f", in total {clock_text(total)}")

    def _is_due(self, interval: float) -> bool:
        """Return whether something may be shown again."""
        now = time.monotonic()
        if now - self._drawn < interval:
            return False
        self._drawn = now
        return True

    def _draw(self, description: str, done: float, notes: list[str]) -> None:
        text = shown(", ".join(filter(None, notes)), self._console)
        self._bar.update(self._task, description=description, completed=done, notes=text, refresh=True)

    def _print(self, message: str) -> None:
        self._console.print(message, soft_wrap=not self._is_live)
