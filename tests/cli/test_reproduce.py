"""`lodo-bench reproduce`, as a person uses it."""

import os
import signal

import pytest

from lodo_bench.experiments.loading import BUILT_IN
from tests.cli.runner import continuing_command, finish, wait_until

MINE = """
title: Which of three?
task: quadratic
options: {dimension: 12}
optimizers: [momentum, adam, lodo]
tuning: {schedule: {population: 2, generations: [{sigma: 0.1, steps: 20}]}}
runs:
  - {seeds: 4, steps: 10000}
output: [comparison]
"""


@pytest.fixture
def mine(place):
    (place.work / "mine.yaml").write_text(MINE)
    return "reproduce", "mine.yaml"


def test_every_experiment_is_listed(place):
    result = place.run_here("list", "experiments", "--json")
    assert [entry["name"] for entry in result.document["experiments"]] == list(BUILT_IN)


def test_what_computes_nothing_needs_no_data(place):
    result = place.run_here("reproduce", "table5")
    assert result.code == 0, result.stderr
    assert "| generation  |" in (place.work / "results" / "table5-laptop" / "README.md").read_text()


def test_a_dry_run_leaves_nothing(place, mine):
    result = place.run_here(*mine, "--dry-run")
    assert result.code == 0
    assert "4 runs in lockstep of 10,000 steps" in result.stdout
    assert [path.name for path in place.work.iterdir()] == ["mine.yaml"]
    assert not place.database.exists()


@pytest.mark.parametrize(("workers", "send", "number"), [(2, os.killpg, signal.SIGINT), (0, os.kill, signal.SIGTERM)])
def test_an_interrupted_experiment_is_continued(place, mine, workers, send, number):
    process = place.start(*mine, "--workers", workers)
    wait_until(lambda: place.count("runs") >= 4, process)
    send(process.pid, number)
    stopped = finish(process)
    assert stopped.code == 130, stopped.stderr
    assert "Traceback" not in stopped.stderr
    before = place.query("SELECT id, seed FROM runs WHERE status = 'completed'")
    assert 4 <= len(before) < 12
    result = place.run_here(*continuing_command(stopped))
    assert result.code == 0, result.stderr
    after = place.query("SELECT id, seed FROM runs WHERE status = 'completed'")
    assert len(after) == 12
    assert set(before) <= set(after)
    page = (place.work / "results" / "mine-paper" / "README.md").read_text()
    assert "in 2 invocations, 1 interrupted and resumed" in page
