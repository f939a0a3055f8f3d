"""The results of an individual depend on it alone, bit for bit, however many are trained together."""

import importlib.util

import pytest

from lodo_bench.compute.selection import use_backend
from lodo_bench.conformance.results import check_lockstep_independence
from lodo_bench.optimizers import OPTIMIZERS
from tests.helpers import small_case

TASKS = [small_case("quadratic", dimension=12), small_case("rosenbrock")]
WITHOUT_NUMBA = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")


@pytest.mark.parametrize("backend", ["torch", pytest.param("numba", marks=WITHOUT_NUMBA)])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.label)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS.names if OPTIMIZERS.load(name).search == "genetic"])
def test_losses_do_not_depend_on_how_many_are_trained_together(name, task, backend):
    with use_backend(backend):
        check_lockstep_independence(OPTIMIZERS.load(name), population=8, sizes=(1, 3), cases=[task])
