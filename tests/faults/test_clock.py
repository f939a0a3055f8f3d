"""Clocks that go backward or forward: nothing depends on the order of their times."""

import math
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lodo_bench.api.watch import Watcher
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from tests.builders import generation, individual, provenance, study_spec
from tests.cli.runner import Place

NOW = datetime(2024, 5, 6, 7, tzinfo=UTC)
JUMPS = ("a clock that goes backward and forward by days", "nothing is lost, and the same numbers are computed")
WATCHED = ("a clock that is changed while a search is watched", "a search that writes runs, and one that ended waits")


class JumpingClock(datetime):
    """A clock of which every reading is up to 1000 days off."""

    random = np.random.default_rng(0)

    @classmethod
    def now(cls, tz=None):
        return NOW + timedelta(days=float(cls.random.uniform(-1000, 1000)))


@pytest.fixture
def jumping(monkeypatch):
    def jump():
        for module in ("lodo_bench.results.schema", "lodo_bench.runs.provenance"):
            monkeypatch.setattr(f"{module}.datetime", JumpingClock)
        monkeypatch.setattr("time.time", lambda: JumpingClock.now().timestamp())

    return jump


def results(place):
    """What is stored of a search and of runs, without times."""
    individuals = place.query('SELECT generation_id, "index", fitness, hyperparameters, status, steps FROM individuals')
    runs = place.query("SELECT seed, status, steps, losses FROM runs JOIN curves ON curves.run_id = runs.id")
    return sorted(individuals), sorted(runs)


def test_searches_and_runs_are_those_of_a_steady_clock(tmp_path, jumping, injected):
    found = []
    for name in ("steady", "jumping"):
        place = Place(tmp_path / name)
        if name == "jumping":
            jumping()
        schedule = place.schedule(20, 20, population=4)
        tune = ("tune", "adam", "--task", "quadratic", "-T", "n=5", "--workers", 0, "--schedule", schedule)
        run = ("run", "adam", "--task", "quadratic", "-T", "n=5", "--seeds", 2, "--steps", 30, "--untimed")
        for command in (tune, run, run, ("list", "run-sets"), ("watch", "--once")):
            result = place.run_here(*command)
            assert result.code == 0, result.stderr
        assert place.count("run_sets") == 1
        found.append(results(place))
    assert found[0] == found[1]
    injected(*JUMPS, 5)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    path = tmp_path / "results.db"
    with closing(Database(str(path), create=True)) as database:
        store = Store(database, provenance(started=NOW.isoformat()))
        study = store.open_study(study_spec(), fresh=True).id
        store.add_generation(study, generation())

        def write(index, seconds):
            at = NOW + timedelta(seconds=seconds)
            for module in ("store_base", "study_store", "run_set_store"):
                monkeypatch.setattr(f"lodo_bench.results.{module}.now", lambda: at.isoformat(timespec="seconds"))
            store.add_individuals({study: [individual(index)]})

        moments = iter(np.arange(100) * 2.0)
        yield Watcher(str(path), clock=lambda: next(moments)), write


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_search_that_writes_runs_whatever_the_clock_says(watched, jump, injected):
    watcher, write = watched
    write(0, 10)
    assert watcher.look(NOW + timedelta(seconds=12))[0].state == "running"
    for index in (1, 2, 3):
        write(index, 10 + index)
        (found,) = watcher.look(NOW + timedelta(seconds=12 + jump))
        assert (found.state, found.seconds_since_update <= 2) == ("running", True)
    injected(*WATCHED, 3)


def test_a_search_that_has_ended_waits_whatever_the_clock_says(watched, injected):
    watcher, write = watched
    write(0, 10)
    ages = [watcher.look(NOW + timedelta(seconds=12 - 86_400 * n))[0].seconds_since_update for n in range(40)]
    assert ages == [2.0 + 2.0 * n for n in range(40)]
    assert watcher.look(NOW)[0].state == "running"  # as slow as it has been, it may well go on
    assert [watcher.look(NOW)[0].state for _ in range(40)][-1] == "waiting"
    injected(*WATCHED, 40)


def test_an_update_in_the_future_does_not_count_as_running(watched, injected):
    watcher, write = watched
    write(0, 86_400)
    (found,) = watcher.look(NOW)
    assert (found.state, math.isnan(found.seconds_since_update)) == ("waiting", True)
    injected(*WATCHED)


def test_a_search_that_ended_before_it_started_has_no_speed(watched, injected):
    watcher, write = watched
    write(0, -86_400)
    (found,) = watcher.look(NOW)
    assert math.isnan(found.per_second)
    injected(*WATCHED)


def test_the_last_process_is_the_one_that_wrote_last(tmp_path, monkeypatch, injected):
    path = tmp_path / "results.db"
    with closing(Database(str(path), create=True)) as database:
        for index, started in enumerate((NOW, NOW - timedelta(days=1))):
            store = Store(database, provenance(started=started.isoformat()))
            study = store.open_study(study_spec(), fresh=False).id
            store.add_generation(study, generation())
            ended = (started + timedelta(seconds=10)).isoformat()
            for module in ("store_base", "study_store", "run_set_store"):
                monkeypatch.setattr(f"lodo_bench.results.{module}.now", lambda ended=ended: ended)
            store.add_individuals({study: [individual(index)]})
    (found,) = Watcher(str(path)).look(NOW - timedelta(days=1) + timedelta(seconds=12))
    assert (found.state, found.seconds_since_update) == ("running", pytest.approx(2.0, abs=1.0))
    injected("a process whose clock is behind that of the process before it", WATCHED[1])
