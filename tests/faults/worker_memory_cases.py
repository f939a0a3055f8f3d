"""Workers whose memory is limited, as in a batch job: real allocations fail in them; see test_worker_memory.py."""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.rosenbrock import Rosenbrock
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines import processes
from lodo_bench.tuner.engines.inline import run_inline
from lodo_bench.tuner.engines.processes import run_in_processes
from lodo_bench.tuner.study import Study
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, schedule, study_record, study_spec

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")

MIB = 2**20
NEED = 256 * MIB  # of an individual, of which nothing is used, so that no machine is too small
SPEC = study_spec(schedule=schedule(population=6, sigmas=(1.0, 0.5), steps=(3, 3)), task=TaskSpec("rosenbrock"))


class LargeTensors(Rosenbrock):
    """A task that takes memory for each individual, from PyTorch."""

    def initial_point(self):
        self._kept = torch.empty(self.population * NEED, dtype=torch.uint8)
        return super().initial_point()


class LargeArrays(Rosenbrock):
    """A task that takes memory for each individual, from NumPy."""

    def initial_point(self):
        self._kept = np.empty(self.population * NEED, dtype=np.uint8)
        return super().initial_point()


def search(run, task):
    writer, callback = MemoryWriter(), RecordingCallback()
    with TASKS.registered("rosenbrock", task):
        run(Coordinator([Study(study_record(SPEC, number=1))], writer, callback))
    records = plain(writer.record(1, SPEC).individuals)
    found = [(r.generation, r.index, r.hyperparameters, r.fitness, r.status) for r in records]
    return writer.results, found, {record.reason for record in records}, callback


@contextmanager
def limited_workers(monkeypatch, more):
    """Let the worker processes take only so many bytes more than they have at their start."""
    work = processes._work

    def limited(*arguments):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + more, taken + more))
        work(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(processes, "_work", limited)
        yield


def in_workers(coordinator):
    run_in_processes(coordinator, 2)


@pytest.mark.parametrize("task", [LargeTensors, LargeArrays])
def test_memory_for_one_individual_at_a_time(task, monkeypatch):
    expected = search(run_inline, Rosenbrock)[:2]
    with limited_workers(monkeypatch, 2 * NEED - MIB):
        *found, reasons, callback = search(in_workers, task)
    assert tuple(found) == expected
    assert reasons == {""}
    assert callback.notices == []


@pytest.mark.parametrize("task", [LargeTensors, LargeArrays])
def test_memory_for_no_individual(task, monkeypatch):
    with limited_workers(monkeypatch, NEED - MIB):
        result, found, reasons, callback = search(in_workers, task)
    assert callback.notices[0].startswith("Failed on ")
    assert {status for *_, status in found} == {Status.FAILED}
    assert len(reasons) == 1
    assert re.search(r"allocate .*(268435456 bytes|256\. MiB)", reasons.pop())
    assert result[1].values  # the search has come to its end


@pytest.mark.parametrize("more", [0, MIB])
def test_memory_for_no_worker(more, monkeypatch, capfd):
    with (
        limited_workers(monkeypatch, more),
        pytest.raises(UsageError, match=r"a worker process cannot start: can't start new thread. It has .* of memory"),
    ):
        search(in_workers, LargeTensors)
    assert capfd.readouterr() == ("", "")
