"""Searches on a Ray cluster of several nodes."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import Counter

import pytest
from ray import cloudpickle

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.engines.ray.run import run_on_ray
from tests.cli.runner import Place, command, finish, wait_until
from tests.integration.ray_nodes import Network, Nodes
from tests.tuner.engines import ray_workers
from tests.tuner.engines.counting import Counting

MINE = '''
from helper_of_mine import RATE
from lodo_bench.optimizers.momentum import Momentum

class Mine(Momentum):
    """An optimizer beside a module that it needs."""

    rate = RATE
'''
SEARCH = ("tune", "--task", "quadratic", "-T", "dimension=12", "--optimizer", "mine:Mine", "--optimizer", "adam")
INDIVIDUALS = "SELECT hyperparameters, fitness, fitness_kind, status FROM individuals ORDER BY generation_id, 'index'"


@pytest.fixture(scope="module")
def nodes():
    nodes = Nodes(cpus=2, gpus=1)
    nodes.add(cpus=2, gpus=1, prefix=nodes.elsewhere)
    yield nodes
    nodes.close()


@pytest.fixture
def place(nodes):
    """A place with an optimizer in its working directory, which is on the driver's machine only."""
    directory = tempfile.mkdtemp(dir=nodes.private)
    yield with_mine(Place(directory))
    shutil.rmtree(directory, ignore_errors=True)


def with_mine(place):
    (place.work / "mine.py").write_text(MINE)
    (place.work / "helper_of_mine.py").write_text("RATE = 1.0\n")
    return place


def search(place, *more):
    return (*SEARCH, "--schedule", place.schedule(300, 300, population=16), "--json", *more)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The studies of the same search in one process."""
    place = with_mine(Place(tmp_path_factory.mktemp("reference")))
    result = place.run(*search(place, "--workers", 0))
    assert result.code == 0, result.stderr
    return studies(result)


def studies(result):
    """The studies, but for the time at which they were begun and the place of the schedule."""
    return [{**study, "created": "", "schedule": ""} for study in result.document["studies"]]


class Searching:
    """A search without training, in a thread."""

    def __init__(self, coordinator, cluster):
        self.coordinator, self.error = coordinator, None
        self._thread = threading.Thread(target=self._run, args=(cluster,), daemon=True)
        self._thread.start()

    def _run(self, cluster):
        try:
            run_on_ray(self.coordinator, cluster)
        except BaseException as error:
            self.error = error

    def wait_for(self, condition, patience=60):
        wait_until(lambda: self.error or condition(), patience=patience)
        if self.error is not None:
            raise self.error

    def finish(self):
        """Have no more shards than there are now."""
        self.coordinator.left.clear()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


@pytest.fixture(scope="module", autouse=True)
def workers_of_tests():
    """The nodes have not got the tests: their workers' classes are sent to them."""
    cloudpickle.register_pickle_by_value(ray_workers)
    yield
    cloudpickle.unregister_pickle_by_value(ray_workers)


@pytest.fixture
def working(monkeypatch):
    """Workers that tell where they are instead of training."""
    monkeypatch.setattr("lodo_bench.tuner.engines.ray.engine.SearchWorker", ray_workers.DescribingWorker)


def test_two_nodes_find_the_same_with_code_that_only_the_driver_has(nodes, place, reference):
    result = place.run(*search(place, "--address", nodes.address))
    assert result.code == 0, result.stderr
    assert studies(result) == reference
    assert "trained again" not in result.stderr, "some worker lacks the code"
    assert "Traceback" not in result.stderr


def test_workers_share_the_gpus_of_all_nodes_and_one_that_hangs_is_replaced(nodes, working):
    coordinator = Counting(10_000, patience=2)
    searching = Searching(coordinator, Cluster(address=nodes.address, gpus_per_worker=0.5))
    searching.wait_for(lambda: len({result["process"] for result in coordinator.results}) == 4)
    assert coordinator.num_workers == 4
    found = {result["process"]: result for result in coordinator.results}
    placed = Counter((result["node"], *result["gpus"]) for result in found.values())
    assert sorted(placed.values()) == [2, 2]
    stopped = coordinator.results[-1]
    os.kill(stopped["process"], signal.SIGSTOP)
    searching.wait_for(lambda: len({result["process"] for result in coordinator.results}) == 5)
    searching.finish()
    assert coordinator.losses == [(stopped["worker"], "did not respond and was replaced", True)]
    assert not os.path.exists(f"/proc/{stopped['process']}")


def test_workers_that_end_at_every_start_are_given_up(nodes, monkeypatch):
    monkeypatch.setattr("lodo_bench.tuner.engines.ray.engine.SearchWorker", ray_workers.CrashingWorker)
    with pytest.raises(UsageError, match="worker 1 has ended at each of 3 starts"):
        run_on_ray(Counting(10), Cluster(address=nodes.address, workers=1))


def test_gpus_that_the_cluster_lacks_are_named(nodes):
    with pytest.raises(UsageError, match=r"3 GPUs per worker were requested, but the cluster has 2") as caught:
        run_on_ray(Counting(1), Cluster(address=nodes.address, gpus_per_worker=3))
    assert caught.value.remedy is Remedy.FEWER_GPUS


def test_nodes_join_and_are_lost_while_a_search_runs(working, monkeypatch):
    monkeypatch.setattr("lodo_bench.tuner.engines.ray.pool._PATIENCE_SECONDS", 1)
    nodes = Nodes(cpus=0)
    try:
        coordinator = Counting(100_000)
        searching = Searching(coordinator, Cluster(address=nodes.address))
        searching.wait_for(lambda: coordinator.notices)
        assert coordinator.notices == [
            "1 of 1 workers wait for room: the cluster has room for 0, without other programs."
        ]
        first = nodes.add(cpus=1)
        searching.wait_for(lambda: coordinator.results)
        nodes.add(cpus=1)
        searching.wait_for(lambda: len({result["node"] for result in coordinator.results}) == 2)
        assert coordinator.num_workers == 2
        nodes.kill(first)
        searching.wait_for(lambda: coordinator.losses)
        before = len(coordinator.results)
        searching.wait_for(lambda: len(coordinator.results) > before + 20 and coordinator.num_workers == 1)
        searching.finish()
        assert len(coordinator.losses) == 1
    finally:
        nodes.close()


@pytest.fixture
def network():
    try:
        network = Network()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to make network namespaces")
    yield network
    network.close()


def test_two_machines_with_a_network_between_them_find_the_same(network, reference):
    nodes = Nodes(cpus=0, network=network.address, prefix=network.inside(0))
    try:
        nodes.add(cpus=2, prefix=network.inside(1))
        place = with_mine(Place(nodes.private))
        arguments = search(place, "--address", nodes.address)
        process = subprocess.Popen(
            [*network.inside(0), *command(*arguments)],
            cwd=place.work,
            env=place.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        result = finish(process)
        assert result.code == 0, result.stderr
        assert studies(result) == reference
    finally:
        nodes.close()
