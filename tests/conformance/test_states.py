"""Every registered optimizer and task goes on bit for bit from its state, whenever it is taken."""

import random

import pytest

from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.conformance import results, tasks
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.tasks import TASKS
from tests.helpers import LOCKSTEP, small_case

BACKENDS = sorted({"torch", best_backend("cpu")})


def steps_of(task):
    """Around the end of what a quadratic draws at once; a network, which takes a while, draws anew at every step."""
    return (0, 1, 127, 128, 150) if task in LOCKSTEP else (0, 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_an_optimizer_goes_on_from_its_state(name, backend):
    steps = random.Random(name).randint(1, 60)
    with use_backend(backend):
        results.check_state_round_trip(OPTIMIZERS.load(name), steps, 80 - steps)


@pytest.mark.parametrize(("name", "steps"), [(name, steps) for name in TASKS.names for steps in steps_of(name)])
def test_a_task_goes_on_from_its_state(name, steps):
    tasks.check_state_round_trip(small_case(name), steps, more=200 if name in LOCKSTEP else 3)
