"""L2 decay is the penalty λ/2 ‖x‖², whatever an optimizer asks of its oracle; clipping holds for every gradient."""

import pytest
import torch

from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers import OPTIMIZERS
from tests.optimizers.recipe.helpers import BowlOracle, N, advance, build, noisy_gradient

PENALTY = 0.7


class PenalizedOracle(BowlOracle):
    def gradient(self, x):
        return super().gradient(x) + PENALTY * x

    def hessian(self, x):
        return super().hessian(x) + PENALTY * torch.eye(N, dtype=x.dtype)


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_l2_decay_is_a_penalty(name):
    with_decay = build(name, {"weight_decay": PENALTY, "decay": "l2"}, planned=15)
    plain = build(name, {}, planned=15)
    points = advance(with_decay, range(15), planned=15)
    for step, point in enumerate(points):
        plain.step(noisy_gradient(plain.x, step) + PENALTY * plain.x, PenalizedOracle(step, 15))
        # The first pairs of L-BFGS are differences over steps of 1e-10, in which rounding counts for much.
        torch.testing.assert_close(point, plain.x, rtol=1e-5 if "bfgs" in name else 1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["l-bfgs", "o-lbfgs"])
def test_second_gradients_are_clipped_as_the_first(name):
    def clipped(gradient):
        return gradient * min(1.0, 0.5 / (gradient.norm().item() + 1e-6))

    class ClippedOracle(BowlOracle):
        def gradient(self, x):
            return clipped(super().gradient(x))

    found, plain = build(name, {"clip_norm": 0.5}), build(name, {})
    for step, point in enumerate(advance(found, range(12))):
        plain.step(clipped(noisy_gradient(plain.x, step)), ClippedOracle(step, 20))
        torch.testing.assert_close(point, plain.x, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["lodo", "lodo-no-momentum", "o-lbfgs"])
def test_backends_agree(name):
    recipe = {"schedule": "cosine", "warmup": "tune", "weight_decay": 0.05, "clip_norm": 2.0}
    found = []
    for backend in ("torch", best_backend("cpu")):
        with use_backend(backend):
            optimizer = build(name, recipe, [{"warmup": 0.1}, {"warmup": 0.33}, {"warmup": 0.7}])
        found.append(advance(optimizer, range(20)))
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-8)
