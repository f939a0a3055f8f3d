"""`lodo_bench.LODO` as PyTorch's own optimizers are used."""

import copy
import ctypes
import gc
import io
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

import lodo_bench
from lodo_bench.compute.selection import use_backend
from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.seeding import derive_seed

STATM = Path("/proc/self/statm")
ARGUMENTS = {"lr": 0.1, "meta_lr": 1e-3, "beta": 0.8, "preset": "paper"}


def network(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).to(dtype)


def batch(step, dtype=torch.float64):
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return inputs.to(dtype), torch.sin(2 * inputs[:, :2]).to(dtype)


def backward(model, step, scale=1.0):
    dtype = next(model.parameters()).dtype
    inputs, targets = batch(step, dtype)
    loss = (model(inputs) - targets).square().mean() * scale
    model.zero_grad()
    loss.backward()
    return float(loss.detach())


def train(model, optimizer, steps, first=0):
    losses = []
    for step in range(first, first + steps):
        losses.append(backward(model, step))
        optimizer.step()
    return losses


def flat(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def preconditioners(optimizer):
    """The states that have a preconditioner's weights, copied."""
    states = optimizer.state_dict()["state"].values()
    return [copy.deepcopy(state) for state in states if "weights" in state]


def momentum(optimizer):
    return torch.cat([state["momentum"].flatten() for state in optimizer.state_dict()["state"].values()])


def equal(first, second):
    return torch.equal(flat(first), flat(second))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_steps_are_lodo_benchs_own_bit_for_bit(backend, dtype):
    model = network(dtype=dtype)
    x = flat(model).unsqueeze(0).clone()
    values = {
        name: x.new_tensor([ARGUMENTS[short]])
        for name, short in (
            ("initial_learning_rate", "lr"),
            ("meta_learning_rate", "meta_lr"),
            ("momentum", "beta"),
        )
    }
    generator = torch.Generator().manual_seed(derive_seed("drop-in", 0, 0))
    with use_backend(backend):
        ours = Lodo(x, values, [generator], {})
        optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
        for step in range(60):
            backward(model, step)
            gradient = torch.cat([p.grad.flatten() for p in model.parameters()]).unsqueeze(0)
            optimizer.step()
            ours.step(gradient, GradientOnly())
            assert torch.equal(flat(model), x[0])


def test_it_learns():
    model = network()
    losses = train(model, lodo_bench.LODO(model.parameters(), **ARGUMENTS), 400)
    assert sum(losses[-50:]) < 0.5 * sum(losses[:50])


def test_the_seed_decides_about_the_preconditioner():
    models = [network() for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        train(model, lodo_bench.LODO(model.parameters(), **ARGUMENTS, seed=seed), 10)
    assert equal(models[0], models[1])
    assert not equal(models[0], models[2])


def without_layers(model, **changes):
    return lodo_bench.LODO(model.parameters(), **{**ARGUMENTS, **changes}, layers=0)


def test_without_layers_it_is_sgd_with_momentum():
    first, second = network(), network()
    train(first, without_layers(first), 30)
    sgd = torch.optim.SGD(second.parameters(), lr=0.1, momentum=0.8, dampening=0.8)
    # SGD starts its average at the first gradient, not at 0.
    backward(second, 0)
    for parameter in second.parameters():
        sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    train(second, sgd, 30)
    torch.testing.assert_close(flat(first), flat(second), rtol=1e-10, atol=1e-12)


# State


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True, map_location="cpu")


@pytest.mark.parametrize("per_tensor", [False, True])
def test_a_state_dict_continues_bit_for_bit(per_tensor):
    straight, stopped = network(), network()
    arguments = {**ARGUMENTS, "per_tensor": per_tensor}
    optimizer = lodo_bench.LODO(straight.parameters(), **arguments)
    train(straight, optimizer, 12)
    stopped.load_state_dict(through_a_file(straight.state_dict()))
    state = through_a_file(optimizer.state_dict())
    train(straight, optimizer, 12, first=12)
    fresh = lodo_bench.LODO(stopped.parameters(), lr=0.7, seed=9)
    fresh.load_state_dict(state)
    train(stopped, fresh, 12, first=12)
    assert equal(straight, stopped)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copy_continues_bit_for_bit_and_apart(again):
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 7)
    other, copied = again((model, optimizer))
    train(other, copied, 5, first=7)
    assert not equal(model, other)
    train(model, optimizer, 5, first=7)
    assert equal(model, other)


def test_a_state_dict_is_not_changed_by_loading_it():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 3)
    state = copy.deepcopy(optimizer.state_dict())
    keys = set(state)
    other = lodo_bench.LODO(network().parameters(), **ARGUMENTS)
    other.load_state_dict(state)
    assert set(state) == keys


def test_anothers_state_dict_is_refused():
    model = network()
    adam = torch.optim.Adam(model.parameters())
    train(model, adam, 1)
    with pytest.raises(ValueError, match="not a state_dict of LODO: its group 0 lacks"):
        lodo_bench.LODO(model.parameters()).load_state_dict(adam.state_dict())


def test_the_state_of_another_size_is_refused():
    model, other = network(), nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    optimizer = lodo_bench.LODO(model.parameters())
    train(model, optimizer, 1)
    with pytest.raises(ValueError, match="state belongs to a different LODO"):
        lodo_bench.LODO(other.parameters()).load_state_dict(optimizer.state_dict())


# Groups


def test_groups_have_arguments_of_their_own():
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 1e-12, "layers": 2}, {"params": model[2].parameters()}]
    before = flat(model[0]).clone(), flat(model[2]).clone()
    train(model, lodo_bench.LODO(groups, **ARGUMENTS), 5)
    assert (flat(model[0]) - before[0]).abs().max() < 1e-10
    assert (flat(model[2]) - before[1]).abs().max() > 1e-3


def test_groups_are_preconditioned_apart():
    """The steps of a group do not depend on the gradients of the other."""
    first, second = network(), network()
    optimizers = []
    for model in (first, second):
        groups = [{"params": model[0].parameters()}, {"params": model[2].parameters()}]
        optimizers.append(lodo_bench.LODO(groups, **ARGUMENTS))
    for step in range(5):
        backward(first, step)
        for mine, theirs in zip(second.parameters(), first.parameters(), strict=True):
            mine.grad = theirs.grad.clone()
        for parameter in second[2].parameters():
            parameter.grad *= 3
        for optimizer in optimizers:
            optimizer.step()
    assert equal(first[0], second[0])
    assert not equal(first[2], second[2])


def test_a_group_can_be_added_later():
    model = network()
    optimizer = lodo_bench.LODO(model[0].parameters(), **ARGUMENTS)
    train(model, optimizer, 3)
    before = flat(model[2]).clone()
    optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.2})
    train(model, optimizer, 3, first=3)
    assert not torch.equal(before, flat(model[2]))


def test_one_preconditioner_per_tensor_moves_each_by_its_own_gradients_alone():
    model, other = network(), network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS, per_tensor=True)
    alone = lodo_bench.LODO([next(other.parameters())], **ARGUMENTS, per_tensor=True)
    for step in range(5):
        backward(model, step)
        next(other.parameters()).grad = next(model.parameters()).grad.clone()
        optimizer.step()
        alone.step()
    assert torch.equal(next(model.parameters()), next(other.parameters()))


# Gradients that are missing


def test_frozen_and_unused_parameters_cost_nothing_and_stay():
    model, spare = network(), nn.Linear(50, 50).double()
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    frozen, unused = flat(model[0]).clone(), flat(spare).clone()
    optimizer = lodo_bench.LODO([*model.parameters(), *spare.parameters()], **ARGUMENTS)
    train(model, optimizer, 5)
    assert torch.equal(frozen, flat(model[0]))
    assert torch.equal(unused, flat(spare))
    assert len(preconditioners(optimizer)) == 1
    assert momentum(optimizer).numel() == sum(p.numel() for p in model[2].parameters())


def test_a_parameter_without_a_gradient_at_some_step_stays_and_keeps_its_momentum():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 5)
    backward(model, 5)
    kept, moved = flat(model[0]).clone(), flat(model[2]).clone()
    average = momentum(optimizer)
    for parameter in model[0].parameters():
        parameter.grad = None
    optimizer.step()
    after = momentum(optimizer)
    assert torch.equal(kept, flat(model[0]))
    assert not torch.equal(moved, flat(model[2]))
    assert torch.equal(average[: len(kept)], after[: len(kept)])
    assert not torch.equal(average[len(kept) :], after[len(kept) :])


def test_a_parameter_that_is_thawed_gets_a_preconditioner_then():
    model = network()
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 3)
    before = flat(model[0]).clone()
    for parameter in model[0].parameters():
        parameter.requires_grad_(True)
    train(model, optimizer, 3, first=3)
    assert not torch.equal(before, flat(model[0]))
    assert len(preconditioners(optimizer)) == 2


def test_without_any_gradient_nothing_happens():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    optimizer.step()
    assert equal(model, network())
    train(model, optimizer, 2)
    before = flat(model).clone()
    optimizer.zero_grad()
    optimizer.step()
    assert torch.equal(before, flat(model))


def test_parameters_that_were_changed_from_outside_are_gone_on_from():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 3)
    backward(model, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(5.0)
    before = flat(model).clone()
    optimizer.step()
    assert (flat(model) - before).abs().max() < 1


def test_sparse_gradients_are_refused():
    table = nn.Embedding(10, 3, sparse=True)
    optimizer = lodo_bench.LODO(table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="sparse"):
        optimizer.step()


# What is around an optimizer


def test_a_closure_is_called_once_with_gradients_on():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    calls = []

    def closure():
        calls.append(torch.is_grad_enabled())
        return backward(model, 0)

    loss = optimizer.step(closure)
    assert calls == [True]
    assert loss == backward(network(), 0)


def test_schedulers_change_the_rate_from_the_next_step_on():
    model, other = network(), network()
    optimizer = without_layers(model, beta=0.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    sgd = torch.optim.SGD(other.parameters(), lr=0.1)
    theirs = torch.optim.lr_scheduler.StepLR(sgd, step_size=2, gamma=0.5)
    for step in range(6):
        for net, rule, schedule in ((model, optimizer, scheduler), (other, sgd, theirs)):
            backward(net, step)
            rule.step()
            schedule.step()
    torch.testing.assert_close(flat(model), flat(other), rtol=1e-12, atol=1e-12)


def test_the_hypergradient_of_a_step_has_the_rate_of_that_step():
    """θ learns from the step that was taken; a rate that changes afterwards does not change what it learns."""
    weights = []
    for later in (0.1, 0.4):
        model = network()
        optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
        train(model, optimizer, 2)
        optimizer.param_groups[0]["lr"] = later
        train(model, optimizer, 1, first=2)
        weights.append(preconditioners(optimizer)[0]["weights"])
    assert torch.equal(*weights)


def test_a_rate_of_zero_stands_still():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 2)
    optimizer.param_groups[0]["lr"] = 0.0
    before = flat(model).clone()
    train(model, optimizer, 2, first=2)
    assert torch.equal(before, flat(model))


def test_a_meta_rate_of_zero_freezes_the_preconditioner():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 2)
    weights = preconditioners(optimizer)[0]["weights"]
    optimizer.param_groups[0]["meta_lr"] = 0.0
    before = flat(model).clone()
    train(model, optimizer, 2, first=2)
    assert torch.equal(weights, preconditioners(optimizer)[0]["weights"])
    assert not torch.equal(before, flat(model))


def test_clipped_gradients_are_what_it_sees():
    model, other = network(), network()
    first = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    second = lodo_bench.LODO(other.parameters(), **ARGUMENTS)
    for step in range(4):
        backward(model, step, scale=100.0)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for mine, theirs in zip(other.parameters(), model.parameters(), strict=True):
            mine.grad = theirs.grad.clone()
        first.step()
        second.step()
    assert sum(p.grad.square().sum() for p in model.parameters()) < 1 + 1e-9
    assert equal(model, other)


def test_a_step_that_a_gradient_scaler_skips_changes_nothing():
    model = network(dtype=torch.float32)
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    def step(number, spoil=False):
        inputs, targets = batch(number, torch.float32)
        optimizer.zero_grad()
        scaler.scale((model(inputs) - targets).square().mean()).backward()
        if spoil:
            model[0].weight.grad[0, 0] = float("inf")
        scaler.step(optimizer)
        scaler.update()

    for number in range(3):
        step(number)
    before, state = flat(model).clone(), copy.deepcopy(optimizer.state_dict())
    step(3, spoil=True)
    assert torch.equal(before, flat(model))
    for kept, now in zip(state["state"].values(), optimizer.state_dict()["state"].values(), strict=True):
        assert all(torch.equal(kept[name], now[name]) for name in kept)
    step(4)
    assert not torch.equal(before, flat(model))
    assert flat(model).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_worked_on_in_single(dtype):
    model = network(dtype=dtype)
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    train(model, optimizer, 3)
    assert flat(model).dtype == dtype
    assert flat(model).isfinite().all()
    assert preconditioners(optimizer)[0]["weights"].dtype == torch.float32


def test_a_model_of_several_precisions():
    double, single = nn.Linear(3, 4).double(), nn.Linear(4, 2)
    model = nn.ModuleList([double, single])
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
    before = double.weight.detach().clone(), single.weight.detach().clone()
    for step in range(3):
        inputs, targets = batch(step)
        optimizer.zero_grad()
        (single(double(inputs).float()) - targets.float()).square().mean().backward()
        optimizer.step()
    assert len(preconditioners(optimizer)) == 2
    assert not torch.equal(before[0], double.weight)
    assert not torch.equal(before[1], single.weight)


def test_a_compiled_model():
    model, plain = network(), network()
    compiled = torch.compile(model, backend="aot_eager")
    train(compiled, lodo_bench.LODO(compiled.parameters(), **ARGUMENTS), 5)
    train(plain, lodo_bench.LODO(plain.parameters(), **ARGUMENTS), 5)
    torch.testing.assert_close(flat(model), flat(plain), rtol=1e-10, atol=1e-12)


# Arguments


@pytest.mark.parametrize(
    ("argument", "value", "rule"),
    [
        ("lr", -1e-3, "at least 0"),
        ("lr", float("nan"), "at least 0"),
        ("lr", True, "at least 0"),
        ("meta_lr", -1.0, "at least 0"),
        ("beta", 1.0, r"in \[0, 1\)"),
        ("layers", -1, "an integer of at least 0"),
        ("block_size", 0, "an integer of at least 1"),
        ("hidden_dim", 2.5, "an integer"),
    ],
)
def test_arguments_out_of_range_are_refused(argument, value, rule):
    with pytest.raises(ValueError, match=rule):
        lodo_bench.LODO(network().parameters(), **{argument: value})
    with pytest.raises(ValueError, match=rule):
        lodo_bench.LODO([{"params": network().parameters(), argument: value}])


def test_a_hidden_dimension_that_does_not_fit_is_refused():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), preset="paper", hidden_dim=8)
    backward(model, 0)
    with pytest.raises(ValueError, match="multiple of block_size"):
        optimizer.step()


def test_complex_parameters_are_refused():
    parameter = torch.zeros(2, dtype=torch.complex64, requires_grad=True)
    with pytest.raises(ValueError, match="complex64"):
        lodo_bench.LODO([parameter])


@pytest.mark.skipif(not STATM.exists(), reason="this system does not tell how much memory a process has")
def test_the_documented_memory_is_what_is_used():
    n, layers, k, itemsize = 100_000, 16, 4, 4
    # In a process of its own: others reuse what has been freed before.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        used = pool.submit(memory_of_one_step, n).result()
    hidden = 2 * n
    weights_and_moments, traces, places = 3 * layers * hidden * k, 3 * layers * hidden, layers * hidden
    documented = (weights_and_moments + traces) * itemsize + places * 4
    assert used == pytest.approx(documented, rel=0.1)


def memory_of_one_step(n):
    one_step(100)  # compiles what must be compiled
    before = resident_bytes()
    kept = one_step(n)
    used = resident_bytes() - before
    assert kept is not None
    return used


def one_step(n):
    parameter = torch.zeros(n, requires_grad=True)
    optimizer = lodo_bench.LODO([parameter], **ARGUMENTS)
    parameter.grad = torch.ones(n)
    optimizer.step()
    return optimizer


def resident_bytes():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free already does not count
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
