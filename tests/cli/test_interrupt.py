"""Ctrl-C keeps what is finished, and the same command resumes."""

import os
import re
import signal
from pathlib import Path

import pytest

from lodo_bench.cli import app
from lodo_bench.compute.interrupts import preserve_signal_handlers
from tests.cli.runner import Place, continuing_command, finish, wait_until

SEEDS = 5
RUN = ("run", "--optimizer", "adam", "--task", "quadratic", "-T", "dimension=12", "--steps", 8000, "--seeds", SEEDS)
SEARCH = ("tune", "--task", "quadratic", "-T", "dimension=12", "--optimizer", "lodo", "--workers", 0)
STEPS = 4000  # of each of 3 generations: enough for an interrupt to come in between


def to_the_process(process):
    os.kill(process.pid, signal.SIGINT)


def to_its_group(process):
    os.killpg(process.pid, signal.SIGINT)


def end_the_process(process):
    os.kill(process.pid, signal.SIGTERM)


def stop(place, arguments, table, rows, interrupt):
    """Start a command and interrupt it once a table has this many rows."""
    process = place.start(*arguments)
    wait_until(lambda: place.count(table) >= rows, process)
    interrupt(process)
    return finish(process)


def assert_interrupted(result):
    assert result.code == 130
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("lodo-bench: interrupted") == 1


@pytest.fixture(scope="module", params=[to_the_process, to_its_group, end_the_process])
def stopped_run(request, tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("run"))
    return place, stop(place, (*RUN, "--json"), "runs", 1, request.param)


@pytest.fixture(scope="module")
def continued_run(stopped_run):
    place, stopped = stopped_run
    rows = "SELECT id, seed, training_seconds FROM runs WHERE status = 'completed' ORDER BY seed"
    before = place.query(rows)
    result = place.run_here(*continuing_command(stopped))
    return before, result, place.query(rows)


def test_an_interrupted_run_says_how_to_go_on(stopped_run):
    _, result = stopped_run
    assert_interrupted(result)
    assert re.search(
        r"interrupted\. \d finished runs? of adam( and seed \d of adam up to step [\d,]+)? (is|are) stored\.",
        result.stderr,
    )
    assert continuing_command(result) == [*map(str, RUN), "--json"]


def test_the_same_command_does_the_rest(continued_run):
    before, result, after = continued_run
    assert 1 <= len(before) < SEEDS
    assert result.code == 0
    assert f"Resuming run set 1: {SEEDS - len(before)} of {SEEDS} runs remaining." in result.stderr
    document = result.document
    assert document["run_set"] == 1
    assert [(run["seed"], run["status"], run["steps"]) for run in document["runs"]] == [
        (seed, "completed", 8000) for seed in range(SEEDS)
    ]
    assert after[: len(before)] == before


@pytest.fixture(scope="module")
def uninterrupted_run(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("whole")).run_here(*RUN, "--untimed", "--json").document


def test_continued_runs_have_the_losses_of_uninterrupted_ones(continued_run, uninterrupted_run):
    assert [run["milestones"] for run in continued_run[1].document["runs"]] == [
        run["milestones"] for run in uninterrupted_run["runs"]
    ]


def test_lockstep_runs_can_be_interrupted(place):
    arguments = ("run", "--optimizer", "adam", "--steps", 10_000_000, "--seeds", 2, "--untimed")
    process = place.start(*arguments)
    first = process.stderr.readline()
    wait_until(lambda: place.count("run_sets"), process)
    to_the_process(process)
    result = finish(process)
    assert first.startswith("adam on quadratic")
    assert result.code == 130
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc here")
def test_an_early_interrupt_shows_no_traceback(place):
    process = place.start(*RUN)
    wait_until(lambda: "torch" in Path(f"/proc/{process.pid}/maps").read_text(), process)
    to_the_process(process)
    result = finish(process)
    assert (result.code, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr


def search_of(place, workers):
    return (*SEARCH[:-1], workers, "--schedule", place.schedule(STEPS, STEPS, STEPS))


@pytest.fixture(scope="module")
def uninterrupted_search(tmp_path_factory):
    """What a search in one process prints, and its values."""
    place = Place(tmp_path_factory.mktemp("whole"))
    return place.run_here(*search_of(place, 0)).stdout, values(place)


@pytest.mark.parametrize(("workers", "interrupt"), [(0, to_its_group), (3, to_its_group), (3, end_the_process)])
def test_a_search_is_interrupted_and_continued(place, uninterrupted_search, workers, interrupt):
    stopped = stop(place, search_of(place, workers), "individuals", 8, interrupt)
    assert_interrupted(stopped)
    before = place.query("SELECT * FROM individuals ORDER BY id")
    assert 8 <= len(before) < 48
    told = re.search(r"interrupted\. (\d+) individuals of study 1 are stored\.", stopped.stderr)
    assert 0 < int(told[1]) <= len(before)  # those that were stored at the very moment may not be counted
    assert place.run_here("list", "studies", "--json").document["studies"][0]["status"] == "unfinished"

    continued = place.run_here(*continuing_command(stopped))
    assert continued.code == 0
    assert place.query("SELECT * FROM individuals ORDER BY id")[: len(before)] == before
    assert (continued.stdout, values(place)) == uninterrupted_search


def test_a_killed_search_with_workers_is_continued(place, uninterrupted_search):
    arguments = search_of(place, 3)
    process = place.start(*arguments)
    wait_until(lambda: place.count("individuals") >= 8, process)
    process.kill()
    assert finish(process).code == -signal.SIGKILL  # which waits for all that hold its output, the workers as well
    before = place.query("SELECT * FROM individuals ORDER BY id")
    assert 8 <= len(before) < 48
    continued = place.run_here(*arguments)
    assert continued.code == 0
    assert place.query("SELECT * FROM individuals ORDER BY id")[: len(before)] == before
    assert (continued.stdout, values(place)) == uninterrupted_search


def values(place):
    query = 'SELECT generation_id, "index", hyperparameters, fitness, status, steps FROM individuals ORDER BY 1, 2'
    found = place.query(query)
    assert len(found) == 48
    return found


def test_an_unfinished_search_has_tuned_nothing(place):
    stop(place, (*SEARCH, "--schedule", place.schedule(400, 400, 400)), "individuals", 8, to_the_process)
    run = ("run", "--optimizer", "lodo", "-T", "dimension=12", "--steps", 5, "--seeds", 1, "--json")
    assert place.run_here(*run).document["hyperparameters_source"] == "default"


def test_a_fresh_search_is_continued_without_starting_afresh(place):
    arguments = (*SEARCH, "--schedule", place.schedule(400, 400), "--fresh")
    stopped = stop(place, arguments, "individuals", 8, to_the_process)
    assert continuing_command(stopped) == [str(argument) for argument in arguments[:-1]]


class _Interrupted:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt


def test_an_interrupt_is_one_even_where_python_wraps_it(monkeypatch, capsys):
    monkeypatch.setattr(app, "app", lambda: type("Imported", (), {"field": _Interrupted()}))
    with preserve_signal_handlers(), pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "lodo-bench: interrupted\n"
