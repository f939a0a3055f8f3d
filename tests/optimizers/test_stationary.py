"""At an exact minimum, and next to one, nothing is divided by zero: an optimizer that is there stays there."""

import numpy as np
import pytest
import torch

from lodo_bench.compute.selection import best_backend
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import MetaTrained
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.training.loop import trace, train
from tests.helpers import build_optimizer, defaults, training_spec

BACKENDS = sorted({"torch", best_backend("cpu")})
# A network moves a point wherever it is.
NAMES = [name for name in OPTIMIZERS.names if not issubclass(OPTIMIZERS.load(name), MetaTrained)]
# Without noise the bowl's minimum is its start.
STILL = TaskSpec("quadratic", {"dimension": 5, "noise_variance": 0.0})


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_an_exact_minimum_is_kept(name, dtype, backend):
    spec = training_spec(name, STILL, steps=20, compute=ComputeSpec("cpu", dtype, backend))
    outcome = train(spec)[0]
    assert (outcome.status, outcome.steps) == (Status.COMPLETED, 20)
    assert not trace(spec).any()


@pytest.mark.parametrize("name", ["bfgs", "l-bfgs", "o-lbfgs"])
@pytest.mark.parametrize("start", [1e-160, 1e-200, 1e-300])
def test_next_to_a_minimum_products_may_underflow(name, start):
    x = torch.full((2, 3), start, dtype=torch.float64)
    x[1] = 1.0  # the other individual has curvature to learn from, all the time
    optimizer = build_optimizer(name, x, [defaults(name)] * 2, (0, 1))
    for _ in range(20):
        optimizer.step(2 * x, Parabola())
    assert x.isfinite().all()
    assert (x[0].abs() <= start).all()
    alone = torch.ones(1, 3, dtype=torch.float64)
    single = build_optimizer(name, alone, [defaults(name)], (1,))
    for _ in range(20):
        single.step(2 * alone, Parabola())
    assert np.array_equal(alone[0], x[1])


class Parabola:
    def gradient(self, x):
        return 2 * x


def test_the_step_of_a_divergence_is_the_last_one_that_is_recorded():
    individual = Individual((0,), {"learning_rate": 1e60, "momentum": 0.5})
    outcome = train(training_spec("momentum", TaskSpec("quadratic", {"dimension": 5}), individuals=(individual,)))[0]
    assert outcome.status is Status.DIVERGED
    assert not np.isfinite(outcome.curve.losses[-1])
    assert np.isfinite(outcome.curve.losses[:-1]).all()
    assert outcome.reason.endswith(f" at step {outcome.steps}")
    assert outcome.steps == len(outcome.curve.losses)
