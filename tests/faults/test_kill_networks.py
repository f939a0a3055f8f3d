"""`kill -9`, again and again, at moments that nobody chose: the run continues to the curve that it would have had.

pytest tests/faults/test_kill_networks.py --kills 20
"""

import os
import random
import signal
import time

import numpy as np
import pytest

from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.tasks import TASKS
from tests.cli.runner import Place, wait_until
from tests.stand_in_data import write_cifar10, write_mnist

# Slow enough to be caught at work: what to train, and the steps for each time that it is killed.
RUNS = {
    "mnist": (("--optimizer", "adam", "-T", "batch_size=8", "-T", "test_samples=64"), 12),
    "cifar10": (("--optimizer", "adam", "-T", "batch_size=16", "-T", "width=4"), 25),
    "quadratic": (("--optimizer", "lodo", "-T", "dimension=300"), 1000),
    "rosenbrock": (("--optimizer", "lodo-residuals"), 330),
}
EVERY = 0.05


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    write_mnist(directory)
    return write_cifar10(directory)


def run_command(task, kills):
    arguments, steps = RUNS[task]
    return ("run", "--task", task, *arguments, "--seeds", 1, "--steps", steps * (kills + 2), "--json")


def result(place):
    database = Database(str(place.database), create=False)
    store = Store(database)
    (run,) = store.run_set(1).runs
    curve = store.curve(1, 0)
    database.close()
    return run, curve


def kill_once(place, command, data, moment):
    """Start the command, and kill it some time after it has kept its run; returns what it said."""
    kept = place.database.with_name("results.db.checkpoints") / "1-0.pt"
    before = kept.stat().st_mtime_ns if kept.exists() else 0
    process = place.start(*command, LODO_BENCH_DATA=data, OMP_NUM_THREADS=1)
    wait_until(lambda: kept.exists() and kept.stat().st_mtime_ns != before, process)
    time.sleep(moment)
    assert process.poll() is None, "the run has ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    return process.communicate()[1]


@pytest.mark.long
@pytest.mark.parametrize("task", RUNS)
def test_a_run_that_is_killed_again_and_again_has_the_same_curve(task, data, tmp_path, kills, injected):
    command = run_command(task, kills)
    place, whole = Place(tmp_path / "killed"), Place(tmp_path / "whole")
    chance = random.Random(task)
    often = (*command, "--checkpoint-every", EVERY)
    said = [kill_once(place, often, data, chance.uniform(0, 0.15)) for _ in range(kills)]
    assert all("resumed after" in text for text in said[1:])
    last = place.run_here(*command, LODO_BENCH_DATA=data)
    assert last.code == 0
    assert "resumed after" in last.stderr
    assert whole.run_here(*command, LODO_BENCH_DATA=data).code == 0
    (run, curve), (expected_run, expected_curve) = result(place), result(whole)
    assert (run.status, run.steps, run.evaluations) == ("completed", expected_run.steps, expected_run.evaluations)
    assert (run.milestones, run.scores) == (expected_run.milestones, expected_run.scores)
    np.testing.assert_array_equal(curve.losses, expected_curve.losses)
    assert curve.metrics.keys() == expected_curve.metrics.keys()
    for name, series in curve.metrics.items():
        np.testing.assert_array_equal(series.steps, expected_curve.metrics[name].steps)
        np.testing.assert_array_equal(series.values, expected_curve.metrics[name].values)
    left = [path.name for path in place.database.parent.glob("*.checkpoints/*")]
    assert left == (["1-0.parameters.pt"] if TASKS.load(task).is_network else [])
    injected(f"SIGKILL of `run --task {task}` shortly after a checkpoint", "it continues to the same curve", kills)
