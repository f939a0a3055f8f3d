"""Every command is ended at random moments, from its first millisecond to its last: the same command does the rest.

pytest tests/faults/test_kills.py --kills 100
"""

import gzip
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.cli.runner import Place, finish, wait_until
from tests.cli.test_data import start_patched
from tests.faults.killing import (
    Command,
    check_database,
    contents,
    files,
    kill_again_and_again,
    some,
)
from tests.tasks.data.synthetic import ARCHIVE, archive, serving

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")

PROMISE = (
    "nothing stored is lost, no partial file, exit code 130 (0 for watch and serve) after SIGINT or SIGTERM, identical "
    "results"
)
TASK = ("--task", "quadratic", "-T", "dimension=8")
ASSETS = Path(__file__).parents[1] / "results/assets"
EXPERIMENT = """
title: Which?
task: quadratic
options: {dimension: 6}
optimizers: [adam, momentum]
hyperparameters: tuned
tuning: {schedule: {population: 6, generations: [{sigma: 1, steps: 200}, {sigma: 0.5, steps: 200}]}}
runs:
  - {seeds: 2, steps: 600}
output: [comparison, curves, search]
"""


def with_schedule(place):
    place.schedule(300, 300, 300, population=8)


def with_experiment(place):
    (place.work / "mine.yaml").write_text(EXPERIMENT)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A place with two searches and their runs."""
    place = Place(tmp_path_factory.mktemp("filled"))
    schedule = place.schedule(30, 30, population=4)
    found = place.run_here("tune", "adam", *TASK, "--schedule", schedule, "--workers", 0, "--seeds", 2)
    assert found.code == 0, found.stderr
    assert place.run_here("run", "adam", *TASK, "--steps", 50, "--seeds", 2, "--untimed").code == 0
    return place


@pytest.fixture
def with_results(filled):
    def prepare(place):
        shutil.copytree(filled.database.parent, place.database.parent)

    return prepare


@pytest.fixture
def kill_all(tmp_path_factory, kills, injected):
    directory = tmp_path_factory.mktemp("k")  # short: sockets of workers lie in folders below it

    def kill_all(name, command, wanted=None):
        times = kill_again_and_again(command, name, directory, wanted or kills)
        injected(f"SIGKILL, SIGTERM or SIGINT of `{name}` or its group, at a random moment", PROMISE, times)

    return kill_all


TUNE = ("tune", "lodo", "adam", *TASK, "--schedule", "../schedule.yaml")
RUN = ("run", "adam", "momentum", *TASK, "--seeds", 2, "--steps", 3000, "--checkpoint-every", 0)
LONG = {
    "tune": Command((*TUNE, "--workers", 2), with_schedule),
    "run": Command(RUN),
    "reproduce": Command(
        ("reproduce", "mine.yaml", "--workers", 2, "-o", "page"),
        with_experiment,
        ["page/README.md", "page/curves.png", "page/invocations.json"],
    ),
}


@pytest.mark.parametrize("name", some(LONG, "tune"))
def test_a_long_command(name, kill_all):
    kill_all(name, LONG[name])


OTHERS = {
    "tune --workers 0": Command((*TUNE, "--workers", 0), with_schedule),
    "run --untimed": Command(("run", "adam", "lodo", *TASK, "--seeds", 3, "--steps", 4000, "--untimed")),
}


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_another_form_of_it(name, kill_all, kills):
    kill_all(name, OTHERS[name], -(-kills // 4))


@pytest.mark.long
def test_runs_at_the_results_of_several_searches(with_results, kill_all, kills):
    arguments = ("run", "adam", *TASK, "--seeds", 2, "--steps", 3000, "--checkpoint-every", 0)
    kill_all("run of several searches", Command(arguments, with_results), -(-kills // 4))


SHORT = {
    "export": (("export", "curves", "-o", "curves.csv"), {"outputs": ["curves.csv"]}),
    "report": (("report", "-o", "report.html"), {"outputs": ["report.html"]}),
    "plot": (("plot", "curves", "-o", "curves.png"), {"outputs": ["curves.png"]}),
    "delete": (("delete", "run-set", 1, "--yes"), {"refusal": "unknown run set"}),
    "note": (("note", "run-set", 1, "on battery"), {}),
    "tag": (("tag", "run-set", 1, "good"), {}),
    "watch": (("watch",), {}),
    "serve": (("serve", "--port", 0), {"is_endless": True}),
}


@pytest.mark.parametrize("name", some(SHORT, "report"))
def test_a_short_command(name, with_results, kill_all, kills):
    arguments, more = SHORT[name]
    kill_all(name, Command(arguments, with_results, **more), -(-kills // 4))


@pytest.mark.long
def test_a_new_experiment_file(kill_all, kills):
    kill_all("init", Command(("init", "new.yaml"), outputs=["new.yaml"], refusal="exists"), -(-kills // 4))


@pytest.mark.long
def test_a_migration(kill_all, kills):
    def prepare(place):
        place.database.parent.mkdir()
        place.database.write_bytes(gzip.decompress((ASSETS / "version3.db.gz").read_bytes()))

    kill_all("list studies with an upgrade", Command(("list", "studies"), prepare), -(-kills // 4))


@pytest.mark.long
def test_a_download(kill_all, kills):
    def slowly(handler):
        content = archive()
        begun = int((handler.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if begun else 200)
        handler.send_header("Content-Length", str(len(content) - begun))
        handler.end_headers()
        for first in range(begun, len(content), 30_000):
            handler.wfile.write(content[first : min(first + 30_000, len(content))])
            time.sleep(0.05)

    with serving() as server:
        url = server.at(f"/{ARCHIVE}", slowly)
        outputs = ["data/cifar10/first.bin", "data/cifar10/second.bin"]
        command = Command(
            ("data", "fetch", "cifar10", "--data-dir", "data"),
            outputs=outputs,
            start=lambda place, arguments: start_patched(place, *arguments, url),
        )
        kill_all("data fetch", command, -(-kills // 4))


@pytest.mark.long
def test_a_worker(tmp_path, kills, injected):
    command = Command((*TUNE, "--workers", 2), with_schedule)
    whole = command.place(tmp_path / "whole")
    process = with_workers(command, whole)
    started = time.monotonic()
    wait_until(lambda: not children(process))
    duration = time.monotonic() - started
    assert finish(process).code == 0
    chance, killed, wanted = Random("worker"), 0, -(-kills // 2)
    for number in range(3 * wanted):
        place = command.place(tmp_path / str(number))
        process = with_workers(command, place)
        time.sleep(chance.uniform(0, duration))
        workers = children(process)
        if workers:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed += 1
        result = finish(process)
        assert result.code == 0, result
        assert "Traceback" not in result.stderr
        check_database(place)
        assert contents(place) == contents(whole)
        assert files(place) == files(whole)
        if killed == wanted:
            break
    injected("SIGKILL of a worker process of `tune` at a random moment", "the same result", killed)
    assert killed == wanted


def with_workers(command, place):
    """Start a command; returns its process as soon as that has worker processes."""
    process = command.start(place, command.arguments)
    wait_until(lambda: children(process), process)
    return process


def children(process):
    """The worker processes that a process has forked and that have not ended."""
    folder = Path("/proc")
    try:
        own = (folder / str(process.pid) / "cmdline").read_bytes()
        found = (folder / f"{process.pid}/task/{process.pid}/children").read_text().split()
        # One that has ended has no command line; `git`, which tells the version, has another.
        return [int(pid) for pid in found if (folder / pid / "cmdline").read_bytes() == own]
    except OSError:
        return []
