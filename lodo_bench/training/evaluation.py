"""How long the evaluation of a run takes: measured with its first batches before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Callable

from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tasks.build import build_task

# The first batch is slower than the others. As many are measured as take this long.
_MEASURE_SECONDS = 0.3


class _Stopped(Exception):
    """The end of a measurement, long before that of the evaluation."""


class _Probe:
    """A listener to an evaluation that stops it as soon as its duration is known."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._second = clock, 0.0
        self.seconds = 0.0

    def __call__(self, done: int, total: int) -> None:
        if done == 1:
            self._second = self._clock()
        elapsed = self._clock() - self._second
        if done > 1 and done < total and elapsed > _MEASURE_SECONDS:
            self.seconds = elapsed / (done - 1) * total
            raise _Stopped


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
