"""The examples run as they stand."""

import shutil
import subprocess
import sys
from pathlib import Path

from lodo_bench.optimizers import OPTIMIZERS
from tests.cli.runner import Place

ROOT = Path(__file__).parent.parent


def test_an_optimizer_outside_the_package_is_tuned_run_and_compared_in_python(tmp_path):
    script = ROOT / "examples" / "my_optimizer.py"
    done = subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == ["adam", "my_optimizer:SignMomentum"]


def test_an_optimizer_outside_the_package_is_tuned_run_and_reported_on_the_command_line(tmp_path):
    place = Place(tmp_path)
    shutil.copy(ROOT / "examples" / "my_optimizer.py", place.work)
    mine = ("my_optimizer:SignMomentum", "--task", "rosenbrock")
    tuned = place.run_here("tune", *mine, "--schedule", place.schedule(10, population=8), "--workers", 0)
    assert tuned.code == 0, tuned.stderr
    run = place.run_here("run", *mine, "--seeds", 1, "--json")
    assert run.document["optimizer"] == "my_optimizer:SignMomentum"
    assert run.document["hyperparameters_source"] == "tuned"
    report = place.run_here("report")
    assert "my_optimizer:SignMomentum" in report.stdout
    assert "my_optimizer:SignMomentum" not in OPTIMIZERS.names


def test_a_task_outside_the_package_is_tuned_run_and_compared_in_python(tmp_path):
    script = ROOT / "examples" / "my_task.py"
    done = subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == ["adam", "momentum"]


def test_a_task_outside_the_package_is_tuned_run_and_reported_on_the_command_line(tmp_path):
    place = Place(tmp_path)
    shutil.copy(ROOT / "examples" / "my_task.py", place.work)
    mine = ("adam", "--task", "./my_task.py:Wave")
    tuned = place.run_here("tune", *mine, "--schedule", "smoke", "--workers", 0)
    assert tuned.code == 0, tuned.stderr
    run = place.run_here("run", *mine, "--seeds", 1, "--steps", 200, "--json")
    assert run.document["task"] == "my_task.py:Wave"
    assert run.document["hyperparameters_source"] == "tuned"
    assert run.document["runs"][0]["steps"] == 200
    assert "my_task.py:Wave" in place.run_here("report").stdout
