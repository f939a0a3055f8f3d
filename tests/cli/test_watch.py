"""`lodo-bench watch`: the state of searches and runs that others carry out, from the database alone."""

import io
import math
import re
import signal
from datetime import datetime, timedelta

import pytest
from rich.console import Console

from lodo_bench.api.watch import ActivitySnapshot, Watcher
from lodo_bench.cli.views.watch import _ranges, _view
from lodo_bench.errors import UnknownNameError
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec
from tests.cli.runner import Place, kill_group, wait_until

START = "2024-05-06T07:00:00+00:00"


@pytest.fixture
def place(tmp_path, location):
    place = Place(tmp_path, database=location)
    database = Database(location, create=True)
    place.store = Store(database, provenance(started=START))
    yield place
    database.close()


@pytest.fixture
def ended(monkeypatch):
    """Sets the time of the next writes, in seconds after the start of the process."""

    def set_time(seconds):
        at = datetime.fromisoformat(START) + timedelta(seconds=seconds)
        for module in ("store_base", "study_store", "run_set_store"):
            monkeypatch.setattr(f"lodo_bench.results.{module}.now", lambda: at.isoformat(timespec="seconds"))
        return at

    set_time(0)
    return set_time


def begin(store, **changes):
    """A study of 2 generations of 4 individuals, of 100 and 200 steps, with its first generation open."""
    study = store.open_study(study_spec(**changes), fresh=True)
    store.add_generation(study.id, generation(0, sigma=3.0, steps=100))
    return study


def finish(store, study):
    store.add_generation(study.id, generation(1, sigma=0.5, steps=200))
    store.add_individuals({study.id: [individual(index, generation=1, steps=200) for index in range(4)]})
    store.finish_study(study.id, Tuned({"learning_rate": 0.1}))


def test_nothing_is_there_yet(place):
    result = place.run_here("watch")
    assert (result.code, result.stdout) == (0, "There are no searches and no runs yet.\n")
    assert place.run_here("watch", "--once", "--json").document == {"schema": 1, "activities": [], "damaged": []}


def test_a_study_that_runs(place, ended):
    study = begin(place.store)
    now = ended(20)
    members = [individual(0, fitness=3.0), individual(1, fitness=math.inf, status=Status.DIVERGED)]
    place.store.add_individuals({study.id: members})
    (found,) = Watcher(str(place.database)).look(now + timedelta(seconds=5))
    assert (found.kind, found.number, found.state) == ("study", 1, "running")
    assert (found.done, found.total, found.generation, found.generations) == (2, 8, 1, 2)
    assert (found.diverged, found.failed, found.best_loss) == (1, 0, 3.0)
    assert found.per_second == 0.1
    # 200 planned steps took 20 s, and 2 × 100 + 4 × 200 are left.
    assert (found.seconds_left, found.seconds_since_update) == (100.0, 5.0)


def test_the_best_loss_is_that_of_the_last_generation(place, ended):
    study = begin(place.store)
    place.store.add_individuals({study.id: [individual(index, fitness=1.0) for index in range(4)]})
    place.store.add_generation(study.id, generation(1, sigma=0.5, steps=200))
    assert Watcher(str(place.database)).look(ended(1))[0].best_loss == 1.0
    place.store.add_individuals({study.id: [individual(0, generation=1, fitness=2.0)]})
    found = Watcher(str(place.database)).look(ended(1))[0]
    assert (found.best_loss, found.generation, found.done) == (2.0, 2, 5)


def test_the_speed_is_that_since_the_first_look(place, ended):
    study = begin(place.store)
    now = ended(100)
    place.store.add_individuals({study.id: [individual(0)]})
    moments = iter((0.0, 20.0))
    watcher = Watcher(str(place.database), clock=lambda: next(moments))
    assert watcher.look(now)[0].per_second == 0.01
    now = ended(120)
    place.store.add_individuals({study.id: [individual(1), individual(2)]})
    found = watcher.look(now)[0]
    assert (found.per_second, found.seconds_left) == (0.1, 90.0)


def test_a_process_that_has_ended_is_waited_for(place, ended):
    study = begin(place.store)
    now = ended(20)
    assert Watcher(str(place.database)).look(now)[0].state == "waiting"
    place.store.add_individuals({study.id: [individual(0), individual(1)]})
    states = [Watcher(str(place.database)).look(now + timedelta(seconds=age))[0].state for age in (99, 101)]
    assert states == ["running", "waiting"]
    assert math.isnan(Watcher(str(place.database)).look(now + timedelta(seconds=101))[0].seconds_left)


def test_run_sets_are_watched_too(place, ended):
    record = place.store.open_run_set(run_set_spec(num_seeds=3))
    now = ended(30)
    place.store.add_run(record.id, run(0), curve())
    place.store.add_run(record.id, run(1, status=Status.INTERRUPTED), curve())
    (found,) = Watcher(str(place.database)).look(now)
    assert (found.kind, found.number, found.state, found.done, found.total) == ("run set", 1, "running", 1, 3)
    assert (found.generations, found.seconds_left) == (0, 60.0)


def test_finished_ones_are_listed_briefly(place, ended):
    for number in range(3):
        study = begin(place.store, seed=number)
        place.store.add_individuals({study.id: [individual(index) for index in range(4)]})
        finish(place.store, study)
    begin(place.store, seed=9)
    result = place.run_here("watch", "--once")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "Finished: studies 1-3. 1 is not finished."
    assert len([line for line in result.stdout.splitlines() if line.startswith("| study")]) == 1
    (waiting,) = place.run_here("watch", "--study", 4, "--once", "--json").document["activities"]
    assert (waiting["number"], waiting["state"], waiting["best_loss"]) == (4, "waiting", None)
    done = place.run_here("watch", "--study", 2)
    assert done.stdout == "Finished: study 2.\n"


def test_numbers_are_drawn_together():
    assert _ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8"


def test_lines_tell_of_changes_until_everything_is_finished(place, ended, monkeypatch):
    study = begin(place.store)
    ended(10)
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            place.store.add_individuals({study.id: [individual(index) for index in range(4)]})
        if len(naps) == 3:
            finish(place.store, study)

    monkeypatch.setattr("lodo_bench.cli.views.watch.time.sleep", nap)
    result = place.run_here("watch", "--interval", 0.5)
    assert (result.code, result.stderr, naps) == (0, "", [0.5, 0.5, 0.5])
    first, second, third, last = result.stdout.splitlines()
    assert first == "study 1, adam on quadratic: waiting, generation 1 of 2, 0 of 8 individuals"
    assert "generation 1 of 2, 4 of 8 individuals" in second
    assert third.startswith("study 1, adam on quadratic: finished, generation 2 of 2, 8 of 8 individuals, best loss ")
    assert last == "Finished: study 1."


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (120, ["optimizer", "task", "state", "gen.", "done", "best loss", "rate", "left", "updated"]),
        (70, ["optimizer", "task", "state", "gen.", "done", "best loss", "left"]),
        (54, ["optimizer", "task", "done", "best loss", "left"]),
    ],
)
def test_narrow_terminals_get_fewer_columns_and_whole_names(width, headers):
    snapshot = ActivitySnapshot("study", 3, TaskSpec("quadratic"), OptimizerSpec("adam"), "running", 2, 8, 1, 2)
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(_view([snapshot], width))
    header, row, summary = console.file.getvalue().splitlines()
    assert re.split(r" {2,}", header.strip()) == headers
    assert row.startswith("study 3  adam       quadratic")
    assert summary.strip() == "Finished: nothing yet. 1 is not finished."


def test_very_narrow_terminals_get_lines():
    snapshot = ActivitySnapshot("study", 3, TaskSpec("quadratic"), OptimizerSpec("adam"), "running", 2, 8, 1, 2)
    console = Console(width=40, file=io.StringIO(), color_system=None)
    console.print(_view([snapshot], 40))
    assert console.file.getvalue().split("\n")[0].startswith("study 3, adam on quadratic: running")


def test_an_interrupt_is_the_usual_end(place, ended, monkeypatch):
    begin(place.store)

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("lodo_bench.cli.views.watch.time.sleep", interrupted)
    result = place.run_here("watch")
    assert (result.code, result.stderr) == (0, "")
    monkeypatch.setattr(Watcher, "look", lambda self: interrupted(0))
    assert place.run_here("watch").code == 130


def test_a_search_of_another_process_is_seen(tmp_path):
    place = Place(tmp_path)
    schedule = place.schedule(2000, 2000, 2000, population=8)
    search = place.start("tune", "adam", "--task", "quadratic", "--workers", 0, "--schedule", schedule)
    try:
        wait_until(lambda: place.count("individuals"), search)
        assert Watcher(str(place.database)).look()[0].done > 0
    finally:
        search.send_signal(signal.SIGINT)
        search.communicate(timeout=60)
        kill_group(search)


def test_mistakes(place):
    result = place.run_here("watch", "--json")
    assert (result.code, "Add --once." in result.message) == (2, True)
    begin(place.store)
    with pytest.raises(UnknownNameError, match=r"unknown study '7'\. Known: 1"):
        Watcher(str(place.database), 7).look()
    assert place.run_here("watch", "--study", 7, "--once").code == 2
    missing = place.run_here("watch", "--db", "missing.db")
    assert (missing.code, "there is no database at 'missing.db'" in missing.message) == (2, True)
    assert not (place.work / "missing.db").exists()
