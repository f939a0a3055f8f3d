"""Searches on Ray whose processes are killed or stopped, at moments that nobody chose: the same tuned values.

Ray takes seconds to start, so a tenth of the kills is made here: pytest tests/faults/test_ray.py --kills 100
"""

import itertools
import multiprocessing
import os
import random
import re
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from lodo_bench.spec.training import TaskSpec
from lodo_bench.tuner import durations
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.inline import run_inline
from lodo_bench.tuner.engines.ray.run import run_on_ray
from lodo_bench.tuner.engines.ray.sessions import running_processes
from lodo_bench.tuner.study import Study
from tests.cli.runner import continuing_command, finish, kill_group, wait_until
from tests.integration.ray_nodes import Nodes
from tests.integration.ray_searches import (
    INDIVIDUALS,
    assert_equal,
    begin,
    is_worker,
    processes_of,
    search,
    short_places,
)
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, schedule, study_record, study_spec

SAME = "the search continues, in a Ray that is started again if need be, and finds the same values; no process is left"
RESUMED = "exit code 130 within seconds, no process or file is left, and the same command continues to the same values"
GONE = "no process or file of Ray is left after 10 s, and the same command continues to the same values"
WORKERS = 2


@pytest.fixture(scope="module")
def places():
    with short_places() as place:
        yield place


@pytest.fixture(scope="module")
def reference(places):
    """Searched in one process, without Ray."""
    place = places()
    return place.run_here(*search(place, 0)), place.query(INDIVIDUALS)


@pytest.fixture
def times(kills):
    return max(1, kills // 10)


# Ray's processes


def specs(times):
    """Searches that are long enough to be disturbed this often."""
    generations = 3 + times // 2
    plan = schedule(population=8, sigmas=(1.0,) * generations, steps=(600,) * generations)
    task = TaskSpec("quadratic", {"dimension": 12})
    return {number: study_spec(name, schedule=plan, task=task) for number, name in enumerate(("lodo", "adam"), 1)}


def found_by(run, specs, callback):
    writer = MemoryWriter()
    run(Coordinator([Study(study_record(spec, number=number)) for number, spec in specs.items()], writer, callback))
    records = {number: plain(writer.record(number, spec).individuals) for number, spec in specs.items()}
    found = [(n, r.generation, r.index, r.hyperparameters, r.fitness, r.status) for n in records for r in records[n]]
    return writer.results, writer.generations, found


def of_session():
    """The processes of the Ray that this process has started, but for their guard."""
    guards = [child.pid for child in multiprocessing.active_children()]
    return [each for each in running_processes() if each.session in guards and each.pid not in guards]


def driver():
    guards = [child.pid for child in multiprocessing.active_children()]
    return [each.pid for each in of_session() if each.parent in guards]


def workers():
    return [each.pid for each in of_session() if is_worker(each.pid)]


def server(name):
    return lambda: [each.pid for each in of_session() if each.name == name]


FAULTS = {
    "SIGKILL of Ray's server (GCS)": (server("gcs_server"), signal.SIGKILL),
    "SIGSTOP of a worker of Ray": (workers, signal.SIGSTOP),
    "SIGKILL of a raylet": (server("raylet"), signal.SIGKILL),
    "SIGKILL of a worker of Ray": (workers, signal.SIGKILL),
    "SIGKILL of Ray's driver": (driver, signal.SIGKILL),
    "SIGSEGV of a raylet": (server("raylet"), signal.SIGSEGV),
}


class Disturbing(threading.Thread):
    """Disturbs a search, one time after the other: always when there were results and the last time was told."""

    def __init__(self, faults, callback, chance):
        super().__init__(daemon=True)
        self._faults, self._callback, self._chance = faults, callback, chance
        self.over, self.injected = threading.Event(), Counter()

    def run(self):
        for fault in self._faults:
            results, notices = self._num_results, len(self._callback.notices)
            self._wait(lambda results=results: self._num_results > results)
            self.over.wait(self._chance.uniform(0, 0.5))
            find, number = FAULTS[fault]
            self._wait(find)
            processes = find()
            if self.over.is_set() or not processes:
                return
            os.kill(self._chance.choice(processes), number)
            self.injected[fault] += 1
            self._wait(lambda notices=notices: len(self._callback.notices) > notices)

    @property
    def _num_results(self):
        return sum(progress.evaluated for progress in self._callback.reports)

    def _wait(self, condition):
        while not condition() and not self.over.wait(0.02):
            pass


@pytest.mark.long
def test_ray_processes_that_end_or_hang_change_nothing(times, injected, monkeypatch, tmp_path):
    monkeypatch.setattr(durations, "_PATIENCE_SECONDS", 8.0)  # half a minute otherwise
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    faults = list(itertools.islice(itertools.cycle(FAULTS), 2 * times))
    expected = found_by(run_inline, specs(times), RecordingCallback())
    callback = RecordingCallback()
    disturbing = Disturbing(faults, callback, random.Random(0))
    disturbing.start()
    try:
        found = found_by(lambda coordinator: run_on_ray(coordinator, Cluster(WORKERS)), specs(times), callback)
    finally:
        disturbing.over.set()
        disturbing.join()
    assert found == expected
    assert of_session() == []
    for notice in callback.notices:
        if (log := re.search(r"What Ray said of it is in (\S+)\.", notice)) is not None:
            assert Path(log[1]).exists()
    assert disturbing.injected.total() > 0
    for fault, count in disturbing.injected.items():
        injected(f"{fault}, at a random moment", SAME, count)


# The program


def assert_gone(place):
    wait_until(lambda: not processes_of(place), patience=10)
    wait_until(lambda: not list(place.temporary.iterdir()), patience=10)


def test_a_request_to_end_is_answered_wherever_it_goes(places, reference, times, injected):
    """In surroundings that Ray does not like: a home that is read-only, temporary paths too long for its sockets."""
    chance = random.Random(1)
    ways = itertools.cycle(itertools.product((os.killpg, os.kill), (signal.SIGTERM, signal.SIGINT)))
    for send, number in itertools.islice(ways, times):
        place = places()
        long = place.directory / ("x" * 120)
        long.mkdir()
        process = begin(place, WORKERS, HOME="/proc", RAY_TMPDIR=long)
        time.sleep(chance.uniform(0, 1))
        began = time.monotonic()
        send(process.pid, number)
        result = finish(process)
        assert time.monotonic() - began < 30
        assert result.code == 130, result.stderr
        assert result.stdout == ""
        assert re.search(r"lodo-bench: interrupted\. \d+ individuals? of study \d.* stored\.", result.stderr)
        assert not re.search(r"Traceback|state-dump|\(raylet\)|rpc_client|ray\.exceptions", result.stderr)
        assert_gone(place)
        assert list(long.iterdir()) == []
        whole = "the process group" if send is os.killpg else "the program"
        injected(f"{number.name} to {whole} while Ray runs, at a random moment", RESUMED)
        assert continuing_command(result) == [*map(str, search(place, WORKERS))]
        assert_equal(place, place.run_here(*search(place, 0)), reference)  # Ray takes long to start once more


@pytest.mark.long
def test_nothing_outlives_a_program_that_is_killed(places, reference, times, injected):
    chance = random.Random(2)
    for kill in itertools.islice(itertools.cycle((lambda process: process.kill(), kill_group)), times):
        place = places()
        process = begin(place, WORKERS)
        time.sleep(chance.uniform(0, 1))
        kill(process)
        assert finish(process).code == -signal.SIGKILL
        assert_gone(place)
        whole = "the process group" if kill is kill_group else "the program"
        injected(f"SIGKILL of {whole} while Ray runs, at a random moment", GONE)
        assert_equal(place, place.run_here(*search(place, 0)), reference)


# Clusters of others


@pytest.fixture
def nodes(kills):
    if kills < 10:
        pytest.skip("starts a cluster, which takes long: with --kills 10 or more")
    nodes = Nodes(cpus=1)
    yield nodes
    nodes.close()


@pytest.mark.long
def test_a_cluster_that_loses_and_gains_nodes_and_asks_for_no_token(nodes, places, reference, injected):
    """The home has a token, as Ray writes it there by itself, and the cluster has been started without."""
    place = places()
    (place.home / ".ray").mkdir()
    (place.home / ".ray" / "auth_token").write_text("0" * 64)
    first = nodes.add(cpus=1)
    process = begin(place, None, "--address", nodes.address)
    nodes.add(cpus=1)
    nodes.kill(first)
    assert_equal(place, finish(process), reference)
    injected("a node of a Ray cluster is lost, and another joins", SAME)
    injected("a token of another cluster in the home directory, with --address", "the search connects without it")


@pytest.mark.long
def test_a_cluster_that_is_gone_ends_the_search_with_what_is_stored(nodes, places, reference, injected):
    place = places()
    process = begin(place, None, "--address", nodes.address)
    began = time.monotonic()
    nodes.kill(0)
    result = finish(process)
    assert time.monotonic() - began < 60
    assert result.code == 3, result.stderr
    assert re.search(r"no longer responds|has ended", result.stderr)
    assert re.search(r"\d+ individuals? of study \d.* stored\. Rerun to resume:", result.stderr)
    assert "Traceback" not in result.stderr
    wait_until(lambda: not processes_of(place), patience=10)
    injected("a Ray cluster of several machines is gone", "exit code 3 within a minute, with what is stored")
    assert_equal(place, place.run_here(*search(place, 0)), reference)
