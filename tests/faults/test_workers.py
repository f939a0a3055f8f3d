"""Worker processes of a search that end or hang, at moments that nobody chose: the same tuned values.

pytest tests/faults/test_workers.py --kills 100
"""

import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import threading
import time

import pytest

from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.tuner import durations
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.inline import run_inline
from lodo_bench.tuner.engines.processes import run_in_processes
from lodo_bench.tuner.study import Study
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, schedule, study_record, study_spec

SCHEDULE = schedule(population=8, sigmas=(1.0, 0.5), steps=(10, 20))
SPECS = {
    1: study_spec("momentum", schedule=SCHEDULE, task=TaskSpec("quadratic", {"dimension": 12})),
    2: study_spec("lodo", schedule=SCHEDULE, task=TaskSpec("quadratic", {"dimension": 12})),
}
SAME = "the search continues with other workers, and finds the same values; no process is left"
WORKERS = 3


class Slow(Quadratic):
    """A task that takes its time, so that there is a time to disturb it."""

    def next_batch(self):
        time.sleep(0.005)
        super().next_batch()


class Greedy(Slow):
    """A task that has memory for two individuals."""

    def __init__(self, generators, dtype, options):
        if len(generators) > 2:
            raise MemoryError("2 TB")
        super().__init__(generators, dtype, options)


def search(run, task=Slow):
    writer, callback = MemoryWriter(), RecordingCallback()
    studies = [Study(study_record(spec, number=number)) for number, spec in SPECS.items()]
    with TASKS.registered("quadratic", task):
        run(Coordinator(studies, writer, callback))
    return outcomes(writer), callback


def outcomes(writer):
    """Everything but the times and the places."""
    records = {number: plain(writer.record(number, spec).individuals) for number, spec in SPECS.items()}
    found = [(n, r.generation, r.index, r.hyperparameters, r.fitness, r.status) for n in records for r in records[n]]
    return writer.results, writer.generations, found


@pytest.fixture(scope="module")
def undisturbed():
    found, _ = search(run_inline)
    return found


class Disturbing:
    """Sends a signal to one worker process of this one at a random moment, when there is one, and notes which."""

    def __init__(self, number, chance):
        self._number, self._chance, self._over = number, chance, threading.Event()
        self.disturbed = []
        self._thread = threading.Thread(target=self._disturb)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _disturb(self):
        moment = self._chance.uniform(0, 0.3)
        while not (workers := multiprocessing.active_children()):
            if self._over.wait(0.001):
                return
        if not self._over.wait(moment):
            worker = self._chance.choice(workers)
            os.kill(worker.pid, self._number)
            self.disturbed.append(worker.pid)


FAULTS = {
    "SIGKILL of a worker process, as when memory runs out": signal.SIGKILL,
    "SIGSEGV of a worker process": signal.SIGSEGV,
    "SIGTERM of a worker process": signal.SIGTERM,
    "SIGSTOP of a worker process": signal.SIGSTOP,
}


@pytest.fixture
def no_reports():
    """Python's own report of a segmentation fault, which pytest asks for, is left out."""
    faulthandler.disable()
    yield
    faulthandler.enable(sys.__stderr__)


@pytest.mark.usefixtures("no_reports")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_that_ends_or_hangs_changes_nothing(fault, undisturbed, kills, injected, monkeypatch):
    monkeypatch.setattr(durations, "_PATIENCE_SECONDS", 2.0)  # half a minute otherwise
    monkeypatch.setattr(durations, "_FIRST_PATIENCE_SECONDS", 2.0)
    chance, times = random.Random(fault), 0
    for _ in range(kills):
        with Disturbing(FAULTS[fault], chance) as disturbing:
            found, callback = search(lambda coordinator: run_in_processes(coordinator, WORKERS))
        assert found == undisturbed
        assert multiprocessing.active_children() == []
        told = [notice for notice in callback.notices if "its individuals are trained again" in notice]
        assert all(any(f"process {pid} " in notice for pid in disturbing.disturbed) for notice in told)
        times += len(disturbing.disturbed)
    injected(f"{fault}, at a random moment", SAME, times)


def test_memory_for_fewer_individuals_than_are_trained_together_changes_nothing(undisturbed, injected):
    found, callback = search(lambda coordinator: run_in_processes(coordinator, WORKERS), Greedy)
    assert found == undisturbed
    assert callback.notices == []
    injected("memory that is enough for fewer individuals than a worker trains together", "they are trained one by one")
