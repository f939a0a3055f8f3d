"""What recipes do to every registered optimizer."""

import pytest
import torch

from lodo_bench.backends.compiled_loop import has_compiled_loop
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.conformance.cases import vary
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer, optimizer_spec
from lodo_bench.optimizers.base import MetaTrained, Preconditioned
from lodo_bench.optimizers.recipe import with_recipe
from lodo_bench.tasks import TASKS
from tests.optimizers.recipe.helpers import BowlOracle, advance, build, noisy_gradient, start

GRADIENTS = {"weight_decay": 0.05, "decay": "l2", "clip_norm": 2.0}
WITH_RATE = [n for n in OPTIMIZERS.names if any(p.is_learning_rate for p in OPTIMIZERS.load(n).hyperparameters)]
BACKENDS = sorted({"torch", best_backend("cpu")})
DTYPES = {"torch": torch.float64, "numba": torch.float32}


def recipe_for(name):
    """A recipe with everything that the optimizer can have."""
    if name not in WITH_RATE:
        return GRADIENTS
    return {"weight_decay": 0.05, "clip_norm": 2.0, "schedule": "cosine", "warmup": 0.2, "final_factor": 0.1}


def tuned_for(name):
    if issubclass(OPTIMIZERS.load(name), MetaTrained):
        return GRADIENTS
    recipe = {entry: "tune" if isinstance(value, float) else value for entry, value in recipe_for(name).items()}
    own = {p.name for p in OPTIMIZERS.load(name).hyperparameters}
    return {entry: 0.05 if entry in own else value for entry, value in recipe.items()}


def slow(name, recipe, index):
    """Hyperparameters at which little diverges."""
    kind = load_optimizer(optimizer_spec(name, {}, recipe))
    values = {p.name: vary(p, index) for p in kind.hyperparameters}
    return {key: value * 0.02 if "rate" in key else value for key, value in values.items()}


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_the_class_is_that_of_the_optimizer_but_for_compiled_loops(name):
    plain = OPTIMIZERS.load(name)
    kind = load_optimizer(optimizer_spec(name, {}, recipe_for(name)))
    assert kind is load_optimizer(optimizer_spec(name, {}, recipe_for(name)))
    assert issubclass(kind, plain)
    assert kind is not plain
    assert issubclass(kind, Preconditioned) == issubclass(plain, Preconditioned)
    for attribute in ("hyperparameters", "options_table", "needs", "search", "complexity", "reference", "__doc__"):
        assert getattr(kind, attribute) == getattr(plain, attribute)
    assert not has_compiled_loop(TASKS.load("quadratic"), kind, "numba")
    assert with_recipe(plain, {}) is plain
    assert load_optimizer(optimizer_spec(name, {})) is plain


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_individuals_do_not_depend_on_the_population(name, backend):
    recipe, dtype = tuned_for(name), DTYPES[backend]
    individuals = [slow(name, recipe, index) for index in range(5)]

    def points(*indices):
        chosen, x = [individuals[index] for index in indices], start(len(indices), dtype)
        with use_backend(backend):
            return advance(build(name, recipe, chosen, x=x, seeds=indices), range(20))

    together = points(*range(5))
    assert torch.equal(torch.cat([points(index) for index in range(5)], dim=1), together)
    assert torch.equal(points(3, 1), together[:, [3, 1]])
    assert together.isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS.names)
@pytest.mark.parametrize("steps", [1, 11])
def test_it_goes_on_from_its_state_in_mid_schedule(name, steps, backend):
    recipe = tuned_for(name)
    individuals = [slow(name, recipe, index) for index in range(2)]
    with use_backend(backend):
        whole, first, other, used = (build(name, recipe, individuals) for _ in range(4))
    expected = advance(whole, range(20))[steps:]
    advance(first, range(steps))
    advance(used, range(17))
    for resumed in (other, used):
        resumed.x.copy_(first.x)
        resumed.load_state_dict(first.state_dict(), torch.device("cpu"))
        assert torch.equal(advance(resumed, range(steps, 20)), expected)


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_the_gradient_and_the_given_hyperparameters_remain(name):
    optimizer = build(name, recipe_for(name))
    for step in range(3):
        gradient = noisy_gradient(optimizer.x, step)
        given = gradient.clone()
        optimizer.step(gradient, BowlOracle(step, 20))
        assert torch.equal(gradient, given)
    kind = type(optimizer)
    values = {p.name: torch.full((1,), p.initial, dtype=torch.float64) for p in kind.hyperparameters}
    other = kind(start(), values, [torch.Generator().manual_seed(0)], {}, optimizer.problem)
    advance(other, range(3))
    assert all(values[p.name].item() == p.initial for p in kind.hyperparameters)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", WITH_RATE)
def test_every_method_reads_its_learning_rate_at_each_step(name, backend):
    """Without momentum or memory of former rates, the first step is proportional to the rate."""
    with use_backend(backend):
        plain, halved, doubled = (build(name, {}) for _ in range(3))
    for optimizer in (plain, halved, doubled):
        advance(optimizer, range(3))
    assert torch.equal(plain.x, halved.x)
    halved.scale_learning_rate(0.5)
    doubled.scale_learning_rate(torch.full((1, 1), 2.0, dtype=torch.float64))
    before = plain.x.clone()
    moves = [advance(optimizer, [3])[0] - before for optimizer in (plain, halved, doubled)]
    assert not torch.equal(moves[0], moves[1])
    # The velocity of momentum, RMSprop and LARS is already in units of x; its part of the move stays.
    torch.testing.assert_close(moves[2] - moves[0], 2 * (moves[0] - moves[1]), rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("name", WITH_RATE)
def test_a_factor_of_one_changes_nothing(name):
    plain, scaled = build(name, {}), build(name, {})
    for step in range(10):
        scaled.scale_learning_rate(1.0)
        assert torch.equal(advance(plain, [step]), advance(scaled, [step]))


@pytest.mark.parametrize("name", WITH_RATE)
def test_rates_are_scaled_one_individual_at_a_time(name):
    optimizer = build(name, {}, [{}, {}])
    optimizer.scale_learning_rate(torch.tensor([[1.0], [0.5]], dtype=torch.float64))
    other = build(name, {})
    together = advance(optimizer, range(4))
    assert torch.equal(together[:, :1], advance(other, range(4)))
    assert not torch.equal(together[:, 0], together[:, 1])


def test_meta_training_learns_through_the_recipe():
    """The update is that of the changed gradient, and differentiable with respect to the weights."""
    optimizer, plain = build("l2lbgdbgd", GRADIENTS), build("l2lbgdbgd", {})
    weights = plain.weights.clone().requires_grad_()
    optimizer.set_weights(weights)
    gradient = noisy_gradient(optimizer.x, 0)
    update = optimizer.compute_update(gradient)
    changed = gradient * min(1.0, 2.0 / (gradient.norm().item() + 1e-6)) + 0.05 * optimizer.x
    torch.testing.assert_close(update, plain.compute_update(changed), rtol=1e-10, atol=1e-12)
    update.sum().backward()
    assert weights.grad.abs().sum() > 0


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_single_precision_stays_single(name):
    optimizer = build(name, recipe_for(name), x=start(dtype=torch.float32))
    advance(optimizer, range(3))
    assert optimizer.x.dtype == torch.float32


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS.names if issubclass(OPTIMIZERS.load(n), Preconditioned)])
def test_a_resumed_preconditioner_is_that_of_the_last_step(name):
    whole, resumed = (build(name, recipe_for(name)) for _ in range(2))
    advance(whole, range(12))
    resumed.x.copy_(whole.x)
    resumed.load_state_dict(whole.state_dict(), torch.device("cpu"))
    assert torch.equal(resumed.precondition(start()), whole.precondition(start()))
