"""Recipes agree with PyTorch's own optimizers, schedulers and clipping, in loops written out here."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR

from lodo_bench import LODO
from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.tensors import Problem, TensorSpec
from tests.optimizers.recipe.helpers import N, advance, build, noisy_gradient, start

PLANNED = 20


def points_of_torch(optimizer, parameter, scheduler=None, clip=None, l2=0.0, steps=PLANNED):
    """The points (steps, n) of a loop around one of PyTorch's optimizers."""
    points = []
    for step in range(steps):
        parameter.grad = noisy_gradient(parameter.detach()[None], step)[0]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([parameter], clip)
        parameter.grad += l2 * parameter.detach()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        points.append(parameter.detach().clone())
    return torch.stack(points)


def assert_close(found, expected):
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-10, atol=1e-10)


def parameter():
    return torch.nn.Parameter(start()[0])


def sgd(point, lr=0.05, momentum=0.8, **arguments):
    return torch.optim.SGD([point], lr=lr, momentum=momentum, **arguments)


def warm(optimizer, steps, then):
    """A rise over so many steps, then another schedule."""
    rise = LinearLR(optimizer, 1 / steps, total_iters=steps - 1)
    return SequentialLR(optimizer, [rise, then], [steps])


def late_decay(optimizer, steps):
    return LambdaLR(optimizer, lambda t: min(1.0, (PLANNED - t) / steps))


SCHEDULES = {
    "linear": ({}, lambda o: LinearLR(o, 1.0, 0.0, total_iters=PLANNED)),
    "linear to 0.3": ({"final_factor": 0.3}, lambda o: LinearLR(o, 1.0, 0.3, total_iters=PLANNED)),
    "cosine": ({}, lambda o: CosineAnnealingLR(o, PLANNED)),
    "cosine to 0.1": ({"final_factor": 0.1}, lambda o: CosineAnnealingLR(o, PLANNED, eta_min=0.005)),
    "constant, warm-up": ({"warmup": 0.25}, lambda o: LinearLR(o, 1 / 5, total_iters=4)),
    "linear, warm-up": (
        {"warmup": 0.25, "final_factor": 0.5},
        lambda o: warm(o, 5, LinearLR(o, 1.0, 0.5, total_iters=15)),
    ),
    "cosine, warm-up": ({"warmup": 0.2}, lambda o: warm(o, 4, CosineAnnealingLR(o, 16))),
    "wsd": ({"cooldown": 0.5}, lambda o: late_decay(o, 10)),
    "wsd by default": ({}, lambda o: late_decay(o, 4)),
    "wsd, warm-up": (
        {"warmup": 0.1, "cooldown": 0.25},
        lambda o: warm(o, 2, LambdaLR(o, lambda t: min(1, (18 - t) / 5))),
    ),
}


# PyTorch's velocity is not scaled by the learning rate, so that only without momentum both agree under a schedule.
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    entries, schedule = SCHEDULES[name]
    recipe = {"schedule": name.split()[0].rstrip(","), **entries}
    point = parameter()
    optimizer = sgd(point, momentum=0.0)
    expected = points_of_torch(optimizer, point, schedule(optimizer))
    assert_close(
        advance(build("momentum", recipe, [{"learning_rate": 0.05, "momentum": 0.0}]), range(PLANNED)), expected
    )


@pytest.mark.parametrize("max_norm", [0.1, 3.0, 1e3])
def test_clipping(max_norm):
    point = parameter()
    expected = points_of_torch(sgd(point), point, clip=max_norm)
    found = build("momentum", {"clip_norm": max_norm}, [{"learning_rate": 0.05, "momentum": 0.8}])
    assert_close(advance(found, range(PLANNED)), expected)


def test_l2_decay_comes_after_clipping():
    point = parameter()
    expected = points_of_torch(sgd(point, weight_decay=0.2), point, clip=1.0)
    recipe = {"clip_norm": 1.0, "weight_decay": 0.2, "decay": "l2"}
    assert_close(
        advance(build("momentum", recipe, [{"learning_rate": 0.05, "momentum": 0.8}]), range(PLANNED)), expected
    )


@pytest.mark.parametrize(("decay", "method"), [("decoupled", torch.optim.AdamW), ("l2", torch.optim.Adam)])
def test_both_kinds_of_decay_of_adam(decay, method):
    """Our Adam has its ε before the bias correction, which is the same as another ε at each step."""

    class SameAdam(method):
        taken = 0

        def step(self):
            self.taken += 1
            self.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.99**self.taken)
            super().step()

    point = parameter()
    optimizer = SameAdam([point], lr=0.03, betas=(0.9, 0.99), weight_decay=0.1)
    expected = points_of_torch(optimizer, point, CosineAnnealingLR(optimizer, PLANNED), clip=2.0)
    recipe = {"weight_decay": 0.1, "decay": decay, "clip_norm": 2.0, "schedule": "cosine"}
    found = build("adam", recipe, [{"learning_rate": 0.03, "beta2": 0.99}])
    assert_close(advance(found, range(PLANNED)), expected)


def test_lodo_under_a_schedule_is_its_drop_in_under_the_same():
    """There the hypergradient of a step is with the learning rate of that step, too."""
    point = parameter()
    optimizer = LODO([point], lr=0.3, meta_lr=0.01, beta=0.7, preset="paper")
    expected = points_of_torch(optimizer, point, CosineAnnealingLR(optimizer, PLANNED))
    kind = load_optimizer(optimizer_spec("lodo", {}, {"schedule": "cosine"}))
    values = {"meta_learning_rate": 0.01, "momentum": 0.7, "initial_learning_rate": 0.3}
    rates = {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}
    generator = torch.Generator().manual_seed(derive_seed("drop-in", 0, 0))
    found = kind(start(), rates, [generator], {}, Problem((TensorSpec("x", (N,)),), PLANNED))
    assert_close(advance(found, range(PLANNED)), expected)


def test_decoupled_decay_by_its_formula():
    """x <- (1 − lr_t λ) x, then momentum's update with the gradient at x before."""
    x, velocity = start(), torch.zeros_like(start())
    optimizer = build("momentum", {"wd": 0.3, "schedule": "cosine"}, [{"learning_rate": 0.05, "momentum": 0.8}])
    points = advance(optimizer, range(PLANNED))
    for step, point in enumerate(points):
        rate = 0.05 * (1 + math.cos(math.pi * step / PLANNED)) / 2
        gradient = noisy_gradient(x, step)
        x = x * (1 - rate * 0.3)
        velocity = 0.8 * velocity - rate * gradient
        x = x + velocity
        torch.testing.assert_close(point, x, rtol=1e-10, atol=1e-12)


def test_constant_schedules_change_nothing():
    point = parameter()
    optimizer = sgd(point)
    expected = points_of_torch(optimizer, point, ConstantLR(optimizer, 1.0))
    assert_close(advance(build("momentum", {}, [{"learning_rate": 0.05, "momentum": 0.8}]), range(PLANNED)), expected)


def test_the_final_rate_is_kept_after_the_planned_steps():
    optimizer = build("momentum", {"schedule": "linear", "final": 0.25}, [{"learning_rate": 0.4, "momentum": 0.0}])
    advance(optimizer, range(25))
    before = optimizer.x.clone()
    after = advance(optimizer, [25])[0]
    torch.testing.assert_close(after, before - 0.1 * noisy_gradient(before, 25), rtol=1e-10, atol=1e-12)
