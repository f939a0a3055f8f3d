"""Temporary directories whose paths are longer than a socket's can be: nothing depends on them."""

import subprocess
import sys

import pytest

from tests.cli.runner import PATIENCE, Place

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")

FAULT = "a path of TMPDIR that is too long for sockets"
PROMISE = "another directory is used, with the same results"
EXPERIMENT = """
title: Two optimizers
task: quadratic
options: {dimension: 10}
optimizers: [adam, momentum]
hyperparameters: tuned
tuning: {schedule: {population: 4, generations: [{sigma: 1, steps: 5}]}}
runs:
  - {seeds: 2, steps: 10}
output: [comparison]
"""
VALUES = "SELECT hyperparameters, fitness FROM individuals ORDER BY 1"
RUNS = "SELECT run_set_id, seed, loss FROM runs JOIN milestones ON run_id = runs.id ORDER BY 1, 2"
TASK = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from lodo_bench import ModuleTask


class Regression(ModuleTask):
    step_milestone = 5

    @classmethod
    def build_module(cls, options):
        return nn.Linear(3, 1)

    def setup(self):
        inputs = torch.arange(60.0, dtype=self.dtype).reshape(20, 3) / 60
        self.data = TensorDataset(inputs, inputs.sum(1, keepdim=True))

    def epoch(self, generator):
        return DataLoader(self.data, batch_size=5, shuffle=True, generator=generator, num_workers=1)

    def loss(self, module, batch):
        inputs, targets = batch
        return nn.functional.mse_loss(module(inputs), targets)
"""
SCRIPT = """
import lodo_bench

if __name__ == "__main__":
    options = {"dimension": 10}
    found = lodo_bench.tune("quadratic", ["adam"], task_options=options, schedule="schedule.yaml", workers=WORKERS)
    print(found[0].result)
"""


@pytest.fixture
def places(tmp_path):
    """Two of them, of which one has a long path for temporary files."""
    return Place(tmp_path / "short"), Place(tmp_path / "long", tmp_path / ("x" * 120))


def test_an_experiment(places, injected):
    for place in places:
        (place.work / "mine.yaml").write_text(EXPERIMENT)
    reference, place = places
    assert reference.run_here("reproduce", "mine.yaml", "--workers", 0).code == 0
    result = place.run("reproduce", "mine.yaml", "--workers", 2)
    assert result.code == 0, result.stderr
    assert place.count("individuals") == 8
    assert place.count("runs") == 4
    assert place.query(VALUES) == reference.query(VALUES)
    assert place.query(RUNS) == reference.query(RUNS)
    assert list(place.temporary.iterdir()) == []
    injected(FAULT, PROMISE)


def test_a_search_of_a_program(places, injected):
    found = []
    for workers, place in enumerate(places):
        place.schedule(3, population=4)
        (place.directory / "script.py").write_text(SCRIPT.replace("WORKERS", str(2 * workers)))
        process = subprocess.run(
            [sys.executable, "script.py"],
            cwd=place.directory,
            env=place.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert process.returncode == 0, process.stderr
        found.append(process.stdout)
    assert found[0] == found[1]
    injected(FAULT, PROMISE)


@pytest.mark.long
def test_workers_of_a_data_loader(places, injected):
    for place in places:
        (place.work / "mine.py").write_text(TASK)
        result = place.run("run", "adam", "--task", "./mine.py:Regression", "--steps", 5, "--seeds", 1)
        assert result.code == 0, result.stderr
    assert places[0].query(RUNS) == places[1].query(RUNS)
    assert places[0].count("runs") > 0
    injected(FAULT, PROMISE)
