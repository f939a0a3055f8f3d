"""Searches on a real Ray cluster: the result depends on the seed alone, whatever happens on the way."""

import os
import platform
import re
import signal
import time

import pytest

from tests.cli.runner import finish, kill_group, wait_until
from tests.integration.ray_searches import (
    EACH,
    GENERATIONS,
    INDIVIDUALS,
    WHOLE,
    assert_equal,
    begin,
    processes_of,
    search,
    short_places,
    workers_of,
)


@pytest.fixture(scope="module")
def places():
    with short_places() as place:
        yield place


@pytest.fixture(scope="module")
def reference(places):
    """Searched in one process, without Ray."""
    place = places()
    return place.run_here(*search(place, 0)), place.query(INDIVIDUALS)


@pytest.fixture(scope="module")
def with_two_workers(places):
    """A search with two workers, and the processes of all workers that there ever were."""
    place, workers = places(), set()
    process = place.start(*search(place, 2))
    while process.poll() is None:
        workers.update(workers_of(place))
        time.sleep(0.2)
    return place, finish(process), workers


def test_two_workers_find_the_same(with_two_workers, reference):
    place, result, workers = with_two_workers
    assert_equal(place, result, reference)
    assert len(workers) == 2


def test_ray_is_silent_and_leaves_nothing_behind(with_two_workers):
    place, result, _ = with_two_workers
    first, second, *lines = result.stderr.splitlines()
    assert (first, second) == ("Searching with Ray (as requested).", "Starting 2 workers ...")
    assert sum(" diverged" in line for line in lines) == 2 * GENERATIONS
    assert all(": generation " in line for line in lines)
    assert list(place.work.iterdir()) == []
    assert not (place.home / "ray_results").exists()
    assert [path for path in place.temporary.iterdir() if path.name.startswith("lodo-")] == []
    wait_until(lambda: not processes_of(place))


def test_a_finished_search_is_not_searched_again(with_two_workers):
    place, first, _ = with_two_workers
    again = place.run_here(*search(place, 2))
    assert again.stdout == first.stdout
    assert "already finished" in again.stderr
    assert place.count("individuals") == WHOLE


def test_a_killed_search_goes_on_where_it_was(places, reference):
    place = places()
    process = begin(place)
    kill_group(process)
    assert finish(process).code == -signal.SIGKILL
    for orphan in processes_of(place):
        os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not processes_of(place))
    before = place.query("SELECT * FROM individuals ORDER BY id")
    assert EACH <= len(before) < WHOLE
    assert_equal(place, place.run_here(*search(place, 0)), reference)  # Ray takes long to start once more
    assert place.query("SELECT * FROM individuals ORDER BY id")[: len(before)] == before


def test_a_lost_worker_is_replaced_where_the_home_is_read_only_and_temporary_paths_are_long(places, reference):
    place = places()
    long = place.temporary / ("x" * 90)
    long.mkdir()
    process = begin(place, 1, HOME="/proc", TMPDIR=long)
    (worker,) = wait_until(lambda: workers_of(place), process)
    os.kill(worker, signal.SIGKILL)
    result = finish(process)
    assert_equal(place, result, reference)
    name = rf"worker 1 \(process {worker} on {re.escape(platform.node())}\)"
    assert re.search(f"{name} was lost; its individuals are trained again", result.stderr)
    assert "Traceback" not in result.stderr
    assert list(long.iterdir()) == []
