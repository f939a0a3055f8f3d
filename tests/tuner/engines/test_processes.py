"""The embedded engine: any number of processes gives the results of one, whatever happens to them."""

import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.rosenbrock import Rosenbrock
from lodo_bench.tuner import durations
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines import processes
from lodo_bench.tuner.engines.inline import run_inline
from lodo_bench.tuner.engines.processes import run_in_processes
from lodo_bench.tuner.study import Study
from tests.cli.runner import wait_until
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, schedule, study_record, study_spec

SCHEDULE = schedule(population=7, sigmas=(1.0, 0.5), steps=(20, 40))
SPECS = {
    1: study_spec("momentum", schedule=SCHEDULE),
    2: study_spec("lodo", schedule=SCHEDULE, task=TaskSpec("quadratic", {"dimension": 12})),
    3: study_spec("adam", schedule=SCHEDULE, task=TaskSpec("quadratic", {"dimension": 12})),
}


def search(run, specs=SPECS, callback=None):
    writer, callback = MemoryWriter(), callback or RecordingCallback()
    run(Coordinator([Study(study_record(spec, number=number)) for number, spec in specs.items()], writer, callback))
    return writer, callback


def results(writer, specs=SPECS):
    """Everything but the time that it took."""
    records = {number: plain(writer.record(number, spec).individuals) for number, spec in specs.items()}
    outcomes = [(n, r.generation, r.index, r.hyperparameters, r.fitness, r.status) for n in records for r in records[n]]
    return writer.results, writer.generations, outcomes


@pytest.fixture(scope="module")
def reference():
    return results(search(run_inline)[0])


@pytest.mark.parametrize("workers", [1, 2, 5, 20])
def test_any_number_of_processes_finds_the_same(reference, workers):
    writer, callback = search(lambda coordinator: run_in_processes(coordinator, workers))
    assert results(writer) == reference
    assert callback.activities[-1].num_workers == workers
    assert callback.activities[-1].num_started <= workers
    assert callback.notices == []
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_import_everything_anew_find_the_same(reference, monkeypatch, method):
    monkeypatch.setattr(processes, "process_context", lambda: multiprocessing.get_context(method))
    writer, _ = search(lambda coordinator: run_in_processes(coordinator, 1))
    assert results(writer) == reference


def test_a_program_is_forked_only_if_it_asks_for_it():
    before = multiprocessing.get_start_method()
    try:
        multiprocessing.set_start_method(None, force=True)
        assert processes.process_context().get_start_method() != "fork"
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_processes_of_a_program_that_has_computed_on_several_threads(reference):
    """A fork has none of the threads of its parent, and must not wait for them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        matrix = torch.randn(500, 500, requires_grad=True)
        torch.nn.functional.conv2d(torch.randn(8, 3, 64, 64), torch.randn(16, 3, 5, 5)).sum()
        (matrix @ matrix).sum().backward()
        writer, callback = search(lambda coordinator: run_in_processes(coordinator, 2))
    finally:
        torch.set_num_threads(threads)
    assert results(writer) == reference
    assert callback.notices == []


class Slow(Rosenbrock):
    """A task that takes its time."""

    seconds = 0.05

    def loss_and_gradient(self, x):
        time.sleep(self.seconds)
        return super().loss_and_gradient(x)


SLOW = {1: study_spec("momentum", schedule=schedule(4, (1.0, 0.5), (5, 5)))}


@pytest.fixture(scope="module")
def slow_reference():
    return results(search(run_inline, SLOW)[0], SLOW)


def search_and_disturb(disturb):
    """Search slowly with two workers, and disturb one of them as soon as it trains."""

    callback = RecordingCallback()

    def disturb_one():
        wait_until(lambda: callback.activities and callback.activities[-1].num_busy == 2)
        disturb(multiprocessing.active_children()[0].pid)

    def run(coordinator):
        thread = threading.Thread(target=disturb_one)
        thread.start()
        run_in_processes(coordinator, 2)
        thread.join()

    with TASKS.registered("rosenbrock", Slow):
        return search(run, SLOW, callback)


def test_a_killed_process_is_replaced(slow_reference):
    killed = []
    writer, callback = search_and_disturb(lambda pid: (killed.append(pid), os.kill(pid, signal.SIGKILL)))
    assert results(writer, SLOW) == slow_reference
    assert len(callback.notices) == 1
    assert f"process {killed[0]} on {platform.node()}" in callback.notices[0]
    assert "was lost; its individuals are trained again" in callback.notices[0]
    assert callback.activities[-1].num_started == 3


def test_a_stopped_process_is_replaced(slow_reference, monkeypatch):
    monkeypatch.setattr(durations, "_FIRST_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(durations, "_PATIENCE_SECONDS", 1.0)
    writer, callback = search_and_disturb(lambda pid: os.kill(pid, signal.SIGSTOP))
    assert results(writer, SLOW) == slow_reference
    assert len(callback.notices) == 1
    assert "did not respond and was replaced" in callback.notices[0]
    assert multiprocessing.active_children() == []


class Deadly(Rosenbrock):
    """A task on which one individual ends its process, as exhausted memory does."""

    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        seeds = {generator.initial_seed() for generator in generators}
        if seeds & FATAL:
            os._exit(9)


FATAL = set()


class Spying(Rosenbrock):
    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        FATAL.add(generators[-1].initial_seed())


def test_an_individual_that_ends_its_process_fails_alone(monkeypatch):
    study = Study(study_record(SLOW[1]))
    with TASKS.registered("rosenbrock", Spying):
        Spying([torch.Generator().manual_seed(1)], torch.float64, {})
        FATAL.clear()
        from lodo_bench.tasks.build import build_task

        build_task(study.training([2]))
    with TASKS.registered("rosenbrock", Deadly):
        writer, callback = search(lambda coordinator: run_in_processes(coordinator, 2), SLOW)
    statuses = {key[1:]: record.status for key, record in writer.individuals.items()}
    assert [key for key, status in statuses.items() if status is Status.FAILED] == [(0, 2)]
    assert "was lost" in writer.individuals[1, 0, 2].reason
    assert sum("was lost" in notice for notice in callback.notices) == 3


def test_a_fault_of_the_program_is_raised_with_its_traceback(monkeypatch):
    def broken(shard):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(processes, "evaluate", broken)
    with pytest.raises(RuntimeError, match=r"(?s)worker \d .*in broken.*ZeroDivisionError: a fault"):
        search(lambda coordinator: run_in_processes(coordinator, 2))
    assert multiprocessing.active_children() == []


class Bare(Rosenbrock):
    """A task whose data has disappeared."""

    def initial_point(self):
        raise UsageError("the data is gone", remedy=Remedy.FETCH_DATA, data_set="mnist")


@pytest.mark.parametrize("engine", [run_inline, lambda coordinator: run_in_processes(coordinator, 2)])
def test_what_this_machine_cannot_train_ends_the_search_and_fails_nobody(engine):
    writer = MemoryWriter()
    with TASKS.registered("rosenbrock", Bare), pytest.raises(UsageError, match="the data is gone") as caught:
        engine(Coordinator([Study(study_record(SLOW[1]))], writer, RecordingCallback()))
    assert caught.value.remedy is Remedy.FETCH_DATA
    assert caught.value.details == {"data_set": "mnist"}
    assert writer.individuals == {}


def test_processes_that_never_get_ready_end_the_search(monkeypatch):
    monkeypatch.setattr(processes, "_work", lambda connection, inherited: os._exit(1))
    with pytest.raises(UsageError, match="end before they are ready"):
        search(lambda coordinator: run_in_processes(coordinator, 2))


class Talkative(Rosenbrock):
    def next_batch(self):
        print("a user's print")
        os.write(1, b"a library's print\n")


def test_what_workers_print_does_not_mix_with_the_results(capfd):
    with TASKS.registered("rosenbrock", Talkative):
        search(lambda coordinator: run_in_processes(coordinator, 1), SLOW)
    out, err = capfd.readouterr()
    assert out == ""
    assert "a library's print" in err


ORPHANS = """
import os, signal, sys, threading
from tests.tuner.engines.test_processes import *
Slow.seconds = 30
def kill():
    wait_until(lambda: len(multiprocessing.active_children()) == 2)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill).start()
with TASKS.registered("rosenbrock", Slow):
    search(lambda coordinator: run_in_processes(coordinator, 2), SLOW)
"""


def test_no_process_outlives_a_killed_search():
    done = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), patience=10)


def test_a_thread_that_ends_while_it_starts_is_no_reason_to_wait(monkeypatch):
    monkeypatch.setattr("lodo_bench.tuner.engines.processes._thread.start_new_thread", lambda *_: 0)
    monkeypatch.setattr(processes, "_START_SECONDS", 0.01)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        processes._start_thread(lambda: None)
