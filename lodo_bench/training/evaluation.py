"""Duration of the evaluation of a run, measured with its first batches before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Callable

from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tasks.build import build_task

# The first batch is slower than the others, which are measured for this long, unless it alone takes much longer.
_MEASURE_SECONDS = 0.3
_MAX_FIRST_SECONDS = 1.0


class _Stopped(Exception):
    """The end of a measurement, long before that of the evaluation."""


class _Probe:
    """A listener to an evaluation that stops it as soon as its duration is known."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._started, self._skipped = clock, 0.0, 0
        self.seconds = 0.0

    def __call__(self, done: int, total: int) -> None:
        now, limit = self._clock(), _MAX_FIRST_SECONDS if self._skipped == 0 else _MEASURE_SECONDS
        if done == 0:
            self._started = now
        elif done < total and now - self._started > limit:
            self.seconds = (now - self._started) / (done - self._skipped) * total
            raise _Stopped
        elif done == 1:
            self._started, self._skipped = now, 1


def evaluation_seconds(spec: TrainingSpec, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the expected seconds of the test metrics of one run.

    Args:
        spec: the training, of which only the task and the compute settings matter.
        clock: the time in seconds.

    Raises:
        UsageError: if the task cannot be built.
    """
    task, probe = build_task(spec), _Probe(clock)
    task.on_evaluation = probe
    started = clock()
    try:
        task.test_metrics(task.initial_point())
    except _Stopped:
        return probe.seconds
    return clock() - started
