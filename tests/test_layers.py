"""The rooms and what they may import (the contracts are in pyproject.toml)."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_layers_are_kept():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_training_needs_nothing_but_torch_and_numpy():
    # An import of anything else than these and the standard library fails, as on a machine without it.
    script = """
import sys
allowed = {"torch", "numpy", "lodo_bench"}
import torch, numpy
before = set(sys.modules)

class Nothing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names and top not in before:
            raise ModuleNotFoundError(f"{name} is not there")

sys.meta_path.insert(0, Nothing())
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.tasks import TASKS
import lodo_bench.tasks.data
import lodo_bench.training.loop
[OPTIMIZERS.load(name) for name in OPTIMIZERS.names], [TASKS.load(name) for name in TASKS.names]
brought = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
assert brought <= allowed, brought
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
