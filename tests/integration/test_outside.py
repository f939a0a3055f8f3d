"""Optimizers and tasks outside the package on the command line, from their search to the table."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from tests.cli.runner import Place, kill_group, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"

MINE = '''
import torch

class Mine(torch.optim.Optimizer):
    """Gradient descent with momentum."""

    lodo_bench_space = {
        "tuned": {
            "lr": {"kind": "rate", "default": 0.05, "range": [0.04, 0.05]},
            "momentum": {"kind": "decay", "default": 0.5},
        }
    }

    def __init__(self, params, lr=0.1, momentum=0.9, steps=1):
        if momentum == 0.125:
            raise ValueError("unlucky")
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                buffer = self.state[p].setdefault("buffer", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                p.sub_(group["lr"] * buffer)
'''


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    (place.work / "mine.py").write_text(MINE)
    for name in ("my_optimizer.py", "my_task.py"):
        shutil.copy(EXAMPLES / name, place.work)
    return place


def test_one_table_of_a_torch_class_a_file_and_lodo(place):
    names = ("torch.optim.AdamW", "./my_optimizer.py:SignMomentum", "./mine.py:Mine", "lodo")
    tuned = place.run_here(
        "tune", "--workers", 0, *names, "--task", "quadratic", "--schedule", place.schedule(20, population=4)
    )
    assert tuned.code == 0, tuned.stderr
    assert "tunes lr (rate, 0.001" in tuned.stderr
    assert "(rate, 0.05, range 0.04 to 0.05)" in tuned.stderr or "0.04" in tuned.stderr
    run = place.run_here("run", *names, "--task", "quadratic", "--seeds", 2, "--steps", 30)
    assert run.code == 0, run.stderr
    report = place.run_here("report")
    labels = {line.split("|")[1].strip() for line in report.stdout.splitlines() if line.startswith("| ")}
    assert {"torch.optim.AdamW", "my_optimizer.py:SignMomentum", "mine.py:Mine", "lodo"} <= labels
    assert report.stdout.count("tuned (study") >= 4


def test_a_task_in_a_file(place):
    task = ("--task", "./my_task.py:Wave")
    tuned = place.run_here("tune", "--workers", 0, "torch.optim.SGD", "adam", *task, "--schedule", "smoke")
    assert tuned.code == 0, tuned.stderr
    run = place.run_here("run", "torch.optim.SGD", "adam", *task, "--seeds", 2, "--steps", 40)
    assert run.code == 0, run.stderr
    assert "my_task.py:Wave" in place.run_here("report").stdout


def test_a_space_file_decides_what_is_tuned_and_belongs_to_the_result(place):
    (place.work / "space.yaml").write_text(
        "optimizer: ./mine.py:Mine\ntuned:\n  momentum: {kind: decay, default: 0.3}\nfixed: {lr: 0.02}\n"
    )
    mine = ("./mine.py:Mine", "--task", "rosenbrock")
    tuned = place.run_here(
        "tune", "--workers", 0, *mine, "--space", "space.yaml", "--schedule", place.schedule(10), "--json"
    )
    assert list(tuned.document["studies"][0]["hyperparameters"]) == ["momentum"], tuned.stderr
    run = place.run_here("run", *mine, "--space", "space.yaml", "--seeds", 1, "--steps", 10, "--json")
    assert run.document["hyperparameters_source"] == "tuned"
    other = place.run_here("run", *mine, "--seeds", 1, "--steps", 10, "--json")
    assert other.document["hyperparameters_source"] == "default"


def test_arguments_that_are_not_tuned_are_options(place):
    run = place.run_here(
        "run", "torch.optim.SGD", "-O", "weight_decay=0.1", "--task", "rosenbrock", "--steps", 5, "--json"
    )
    assert run.document["optimizer_options"] == {"weight_decay": 0.1}
    refused = place.run_here("run", "torch.optim.SGD", "-O", "weight_deca=0.1", "--task", "rosenbrock", "--steps", 5)
    assert refused.code == 2
    assert "Did you mean 'weight_decay'?" in refused.stderr


def test_a_killed_run_of_a_file_resumes_exactly_and_not_with_edited_code(place, tmp_path):
    command = ("run", "./mine.py:Mine", "--seeds", 1, "--steps", 4_000, "--json", "--checkpoint-every")
    process = place.start(*command, 0.02)
    kept = place.database.with_name("results.db.checkpoints") / "1-0.pt"
    wait_until(kept.exists, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    content = (place.work / "mine.py").read_text()
    (place.work / "mine.py").write_text(content + "# edited\n")
    refused = place.run_here(*command, 100)
    assert refused.code == 2
    assert refused.stderr.count("sha256:") == 2
    assert "--fresh" in refused.stderr
    (place.work / "mine.py").write_text(content)
    resumed = place.run_here(*command, 100)
    assert "resumed after" in resumed.stderr
    whole = Place(tmp_path / "whole")
    shutil.copy(place.work / "mine.py", whole.work)
    assert whole.run_here(*command, 100).code == 0
    assert losses(whole) == losses(place)


def losses(place):
    database = Database(str(place.database), create=False)
    curve = Store(database).curve(1, 0)
    database.close()
    return curve.losses.tolist()


def test_a_killed_search_of_a_file_finishes_with_the_same_values(place, tmp_path):
    command = ("tune", "./mine.py:Mine", "torch.optim.NAdam", "--task", "quadratic", "--json", "--schedule")
    command += (place.schedule(200, 200, 200, population=6),)
    process = place.start(*command)
    wait_until(lambda: place.count("individuals") >= 4, process)
    kill_group(process)
    process.communicate()
    resumed = place.run_here(*command)
    whole = Place(tmp_path / "whole")
    shutil.copy(place.work / "mine.py", whole.work)
    values = [
        [study["hyperparameters"] for study in each.document["studies"]]
        for each in (resumed, whole.run_here(*command, "--workers", 0))
    ]
    assert values[0] == values[1]


def test_an_experiment_names_them_likewise_and_tries_them_before_anything_is_stored(place):
    (place.work / "steps.py").write_text(FAULTS)
    text = """
title: mine
output: [comparison]
task: ./my_task.py:Wave
optimizers:
  - {name: torch.optim.SGD, space: sgd-nesterov, recipe: {schedule: linear}}
  - NAME
tuning: {schedule: {population: 2, generations: [{sigma: 1, steps: 5}]}}
runs: [{seeds: 2, steps: 6}]
"""
    (place.work / "wrong.yaml").write_text(text.replace("NAME", "./steps.py:Constructor"))
    refused = place.run_here("reproduce", "wrong.yaml", "--workers", 0)
    assert refused.code == 2
    assert "steps.py, line 6: ValueError: too small" in refused.stderr
    assert not place.database.exists()
    (place.work / "mine.yaml").write_text(text.replace("NAME", "./mine.py:Mine"))
    done = place.run_here("reproduce", "mine.yaml", "--workers", 0, "--output", "out")
    assert done.code == 0, done.stderr
    page = (place.work / "out" / "README.md").read_text()
    assert "torch.optim.SGD (schedule=linear)" in page
    assert "mine.py:Mine" in page


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("torch.optim.AdmW", ["Did you mean 'AdamW'?"]),
        ("nothing.here:X", ["no module 'nothing'"]),
        ("collections.OrderedDict", ["not a subclass of lodo_bench.Optimizer or torch.optim.Optimizer"]),
        ("mine.py:Min", ["Did you mean 'Mine'?"]),
        ("mine.py", ["mine.py:CLASS"]),
        ("absent.py:X", ["cannot read 'absent.py'"]),
        ("wrong.py:X", ["wrong.py, line 2", "SyntaxError"]),
        ("raises.py:X", ["raises.py, line 3", "ZeroDivisionError"]),
        ("steps.py:Constructor", ["steps.py, line 6", "ValueError: too small"]),
        ("steps.py:Step", ["steps.py, line 10", "RuntimeError"]),
        ("steps.py:Forgetful", ["does not resume exactly"]),
        ("torch.optim.Muon", ["updates matrices", "quadratic"]),
    ],
)
def test_a_fault_is_one_message_with_the_line_of_the_user(place, name, parts):
    (place.work / "wrong.py").write_text("import torch\ndef f(:\n")
    (place.work / "raises.py").write_text("def f():\n\n    return 1 / 0\nf()\n")
    (place.work / "steps.py").write_text(FAULTS)
    result = place.run_here("tune", name, "--task", "quadratic", "--schedule", "smoke")
    assert result.code == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert all(part in result.stderr for part in parts), result.stderr
    assert not place.database.exists()


FAULTS = """import torch
class Constructor(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))
        if lr < 1:
            raise ValueError("too small")
class Step(torch.optim.SGD):
    def step(self, closure=None):
        (p,) = self.param_groups[0]["params"]
        return p + torch.zeros(3)
class Forgetful(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)
        self.counts = [1]
    def step(self, closure=None):
        self.counts[0] *= 2
        (p,) = self.param_groups[0]["params"]
        p.data.sub_(p.grad / self.counts[0])
"""


def test_a_file_travels_to_the_workers_of_ray(place):
    command = ("tune", "./mine.py:Mine", "--task", "./my_task.py:Wave", "--schedule", "smoke", "--json")
    on_ray = place.run(*command, "--engine", "ray", "--workers", 1, "--db", place.directory / "ray.db")
    assert on_ray.code == 0, on_ray.stderr
    here = place.run_here(*command, "--workers", 0, "--db", place.directory / "here.db")
    first, second = (each.document["studies"][0]["hyperparameters"] for each in (on_ray, here))
    assert first == second


def test_an_installed_package_declares_names(place):
    """Its version, not its content, is that of the optimizer."""
    packages = place.directory / "packages"
    (packages / "nice-2.5.dist-info").mkdir(parents=True)
    shutil.copy(place.work / "mine.py", packages / "nice.py")
    information = packages / "nice-2.5.dist-info"
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: nice\nVersion: 2.5\n")
    (information / "entry_points.txt").write_text("[lodo_bench.optimizers]\nnicest = nice:Mine\n")
    (information / "RECORD").write_text("nice.py,,\n")
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
    run = place.run("run", "nicest", "--task", "rosenbrock", "--steps", 5, "--seeds", 1, "--json", PYTHONPATH=path)
    assert (run.document["optimizer"], run.document["optimizer_version"]) == ("nicest", "nice 2.5"), run.stderr


def test_a_constructor_that_needs_the_number_of_steps_gets_it_from_its_space(place):
    (place.work / "timed.py").write_text(
        "import torch\n"
        "class Timed(torch.optim.SGD):\n"
        "    def __init__(self, params, total, lr=0.01):\n"
        "        assert total == 7\n"
        "        super().__init__(params, lr=lr)\n"
    )
    (place.work / "timed.yaml").write_text("optimizer: ./timed.py:Timed\nhorizon: total\ntuned:\n  lr: {kind: rate}\n")
    command = ("run", "./timed.py:Timed", "--task", "rosenbrock", "--steps", 7, "--seeds", 1)
    refused = place.run_here(*command)
    assert refused.code == 2
    assert "requires total" in refused.stderr
    run = place.run_here(*command, "--space", "timed.yaml")
    assert run.code == 0, run.stderr
