"""`lodo_bench.LODO` where steps are refused or partly carried out, and what its states hold."""

import importlib.util
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import lodo_bench
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.lodo import Lodo
from tests.helpers import generators
from tests.optimizers.lodo.test_torch_optimizer import (
    ARGUMENTS,
    backward,
    equal,
    flat,
    momentum,
    network,
    preconditioners,
    through_a_file,
    train,
)

FORMER = Path(__file__).parent / "assets" / "former-state.pt"
EXAMPLE = Path(__file__).parents[3] / "examples" / "train_network.py"
BACKENDS = sorted({"torch", best_backend("cpu")})
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def weights_of(optimizer, number=0):
    return preconditioners(optimizer)[number]["weights"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_state_brings_its_permutations_along(backend):
    """Another version of PyTorch may draw others from the same seed; here another seed stands for it."""
    gradients = torch.randn(20, 1, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = {"initial_learning_rate": 0.1, "meta_learning_rate": 0.01, "momentum": 0.5}
    with use_backend(backend):
        first, second = (
            Lodo(x, {name: x.new_tensor([value]) for name, value in values.items()}, generators([seed]), {})
            for x, seed in ((torch.ones(1, 10, dtype=torch.float64), 1), (torch.ones(1, 10, dtype=torch.float64), 2))
        )
    for gradient in gradients[:10]:
        first.step(gradient, GradientOnly())
    second.x.copy_(first.x)
    second.load_state_dict(through_a_file(first.state_dict()), torch.device("cpu"))
    for gradient in gradients[10:]:
        first.step(gradient, GradientOnly())
        second.step(gradient, GradientOnly())
    assert torch.equal(first.x, second.x)


def test_a_state_goes_on_with_another_backend_to_rounding():
    model, other = network(), network()
    with use_backend("torch"):
        optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
        train(model, optimizer, 10)
        state = through_a_file(optimizer.state_dict())
        other.load_state_dict(model.state_dict())
        train(model, optimizer, 10, first=10)
    second = lodo_bench.LODO(other.parameters())
    second.load_state_dict(state)
    train(other, second, 10, first=10)
    torch.testing.assert_close(flat(model), flat(other), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_learned_from_a_parameter_that_the_last_step_did_not_move(backend):
    weights, averages = [], []
    for factor in (1, 100):
        model = network()
        with use_backend(backend):
            optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
            train(model, optimizer, 3)
            backward(model, 3)
            for parameter in model[0].parameters():
                parameter.grad = None
            optimizer.step()
            backward(model, 4)
            for parameter in model[0].parameters():
                parameter.grad *= factor
            optimizer.step()
        weights.append(weights_of(optimizer))
        averages.append(momentum(optimizer))
    assert torch.equal(*weights)
    assert not torch.equal(*averages)


def test_a_state_of_the_former_version_resumes():
    """The file was written by the former version after 7 steps, with the parameters then and after 5 more."""
    saved = torch.load(FORMER, weights_only=True)
    parameters = [nn.Parameter(value) for value in saved["before"]]
    optimizer = lodo_bench.LODO([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.05}], seed=3)
    optimizer.load_state_dict(saved["state"])
    for step in range(5):
        optimizer.zero_grad()
        sum(((p * (i + 1) - step * 0.01) ** 2).sum().double() for i, p in enumerate(parameters)).backward()
        optimizer.step()
    for parameter, expected in zip(parameters, saved["after"], strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-6, atol=0)


def test_which_parameters_moved_is_part_of_the_state():
    straight, stopped = network(), network()
    optimizer = lodo_bench.LODO(straight.parameters(), **ARGUMENTS)
    train(straight, optimizer, 3)
    backward(straight, 3)
    straight[0].weight.grad = None
    optimizer.step()
    stopped.load_state_dict(straight.state_dict())
    fresh = lodo_bench.LODO(stopped.parameters())
    fresh.load_state_dict(through_a_file(optimizer.state_dict()))
    train(straight, optimizer, 3, first=4)
    train(stopped, fresh, 3, first=4)
    assert equal(straight, stopped)


@pytest.mark.parametrize(("name", "value"), [("lr", float("nan")), ("lr", -0.1), ("meta_lr", -1e-4), ("beta", 1.0)])
def test_rates_that_became_impossible_are_refused_before_anything_moves(name, value):
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters()}]
    optimizer = lodo_bench.LODO(groups, **ARGUMENTS)
    train(model, optimizer, 2)
    before = flat(model).clone()
    optimizer.param_groups[1][name] = value
    with pytest.raises(ValueError, match=rf"{name} = .* of LODO: must be"):
        train(model, optimizer, 1, first=2)
    assert torch.equal(before, flat(model))


def test_a_sparse_gradient_is_refused_before_anything_moves():
    dense, table = nn.Linear(3, 3), nn.Embedding(10, 3, sparse=True)
    optimizer = lodo_bench.LODO([{"params": dense.parameters()}, {"params": table.parameters()}])
    before = flat(dense).clone()
    dense(table(torch.tensor([1]))).sum().backward()
    with pytest.raises(ValueError, match=r"shape \(10, 3\) has a sparse gradient"):
        optimizer.step()
    assert torch.equal(before, flat(dense))


def test_a_state_that_does_not_fit_changes_nothing():
    model, other = network(), nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    optimizer, theirs = lodo_bench.LODO(model.parameters(), **ARGUMENTS), lodo_bench.LODO(other.parameters(), lr=0.5)
    train(model, optimizer, 2)
    other(torch.ones(4, 2, dtype=torch.float64)).sum().backward()
    theirs.step()
    kept = weights_of(optimizer)
    with pytest.raises(ValueError, match="state belongs to a different LODO"):
        optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.param_groups[0]["lr"] == ARGUMENTS["lr"]
    assert torch.equal(kept, weights_of(optimizer))
    train(model, optimizer, 1, first=2)


def test_half_and_single_precision_share_a_preconditioner():
    half, single = nn.Linear(3, 4).bfloat16(), nn.Linear(4, 2)
    optimizer = lodo_bench.LODO([*half.parameters(), *single.parameters()], **ARGUMENTS)
    before = half.weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        single(half(torch.ones(5, 3).bfloat16()).float()).square().mean().backward()
        optimizer.step()
    assert len(preconditioners(optimizer)) == 1
    assert half.weight.dtype == torch.bfloat16
    assert not torch.equal(before, half.weight)


def test_a_parameter_without_entries_is_no_matter():
    empty, full = nn.Parameter(torch.zeros(0)), nn.Parameter(torch.ones(3))
    optimizer = lodo_bench.LODO([empty, full], per_tensor=True)
    (empty.sum() + full.sum()).backward()
    optimizer.step()
    assert len(preconditioners(optimizer)) == 1
    assert (full < 1).all()


def test_memory_layouts_do_not_matter():
    plain, channels_last = (nn.Conv2d(3, 4, 3).double() for _ in range(2))
    channels_last.load_state_dict(plain.state_dict())
    channels_last.to(memory_format=torch.channels_last)
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for model in (plain, channels_last):
        optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)
        for _ in range(5):
            optimizer.zero_grad()
            model(images).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(flat(plain), flat(channels_last), rtol=1e-10, atol=1e-12)


def test_the_saved_state_has_the_documented_size():
    n, layers, k = 50, 3, 4
    parameter = nn.Parameter(torch.zeros(n))
    optimizer = lodo_bench.LODO([parameter], preset="paper", layers=layers, block_size=k)
    parameter.grad = torch.ones(n)
    optimizer.step()

    hidden = 2 * n
    (state,) = preconditioners(optimizer)
    size = sum(tensor.nbytes for tensor in state.values() if tensor.numel() > 2)  # without a few counts and rates
    assert size == layers * hidden * (3 * k * 4 + 4) + n * (4 + 4)


def test_a_training_step_that_is_compiled_whole():
    model, plain = network(), network()
    optimizer, reference = (lodo_bench.LODO(m.parameters(), **ARGUMENTS) for m in (model, plain))
    inputs = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def step():
        loss = (model(inputs) - inputs[:, :2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    compiled = torch.compile(step, backend="eager")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own, about what it leaves out
        for _ in range(4):
            compiled()
    for _ in range(4):
        reference.zero_grad()
        (plain(inputs) - inputs[:, :2]).square().mean().backward()
        reference.step()
    torch.testing.assert_close(flat(model), flat(plain), rtol=1e-10, atol=1e-12)


@needs_cuda
def test_a_model_on_several_devices_and_a_state_from_another():
    model = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 2).cuda()])
    optimizer = lodo_bench.LODO(model.parameters(), **ARGUMENTS)

    def step():
        optimizer.zero_grad()
        model[1](model[0](torch.ones(5, 3)).to(model[1].weight.device)).square().mean().backward()
        optimizer.step()

    step()
    assert len(preconditioners(optimizer)) == 2
    model.cpu()  # the state follows
    step()
    assert all(state["momentum"].device.type == "cpu" for state in optimizer.state.values())


def test_the_example_runs_and_learns(capsys, monkeypatch):
    spec = importlib.util.spec_from_file_location("train_network", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr("sys.argv", ["train_network.py", "--steps", "160"])
    example.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["step", *example.MAKERS]
    first, last = ([float(word) for word in lines[index].split()[1:]] for index in (1, 8))
    assert all(after < before for before, after in zip(first, last, strict=True))


def damaged(change, preset="paper"):
    """The state of an optimizer after `change` of the state of its first parameter."""
    model = network()
    optimizer = lodo_bench.LODO(model.parameters(), preset=preset)
    train(model, optimizer, 3)
    state = through_a_file(optimizer.state_dict())
    change(state["state"])
    return model, state


def no_integers(states):
    states[0] = {name: tensor.float() for name, tensor in states[0].items()}


def positions_too_large(states):
    states[0]["permutations"][0, 0, 0] = 10**6


def negative_positions(states):
    states[0]["embedding_index"] = -1 - states[0]["embedding_index"]


def positions_beyond_32_bits(states):
    states[0]["permutations"] = states[0]["permutations"].long() + 2**32


def same_place(states):
    states[1]["offset"].zero_()


def outside(states):
    states[3]["offset"] += 1


def flags_for_weights(states):
    states[0]["weights"] = states[0]["weights"] > 0


@pytest.mark.parametrize(
    "change",
    [
        no_integers,
        positions_too_large,
        negative_positions,
        positions_beyond_32_bits,
        same_place,
        outside,
        flags_for_weights,
    ],
)
def test_a_state_that_would_be_read_elsewhere_is_refused(change):
    model, state = damaged(change)
    optimizer = lodo_bench.LODO(model.parameters(), preset="paper")
    with pytest.raises(ValueError, match="belongs to a different LODO optimizer"):
        optimizer.load_state_dict(state)
    assert not optimizer.state


def positions_in_64_bits(states):
    for name in ("permutations", "embedding_index"):
        states[0][name] = states[0][name].long()


def nothing(states):
    pass


def weights_in_double_precision(states):
    for tensors in states.values():
        if "weights" in tensors:
            tensors["weights"] = tensors["weights"].double()


@pytest.mark.parametrize(
    ("change", "preset"),
    [(positions_in_64_bits, "paper"), (weights_in_double_precision, "paper"), (weights_in_double_precision, "light")],
)
def test_a_state_of_other_types_is_converted(change, preset):
    found = []
    for each in (nothing, change):
        model, state = damaged(each, preset)
        optimizer = lodo_bench.LODO(model.parameters(), preset=preset)
        optimizer.load_state_dict(state)
        train(model, optimizer, 3, first=3)
        found.append(flat(model))
    assert torch.equal(*found)


@pytest.mark.skipif(len(BACKENDS) < 2, reason="there is one backend here")
@pytest.mark.parametrize("preset", ["light", "paper"])
def test_a_backend_lasts_from_the_first_step_or_from_loading(preset):
    """All results to the last bit are those of PyTorch's operations, also of what is built anew later."""

    def training(*contexts):
        model = network()
        first, later, loading, after = contexts
        optimizer = lodo_bench.LODO(model.parameters(), preset=preset, meta_lr=1e-2)
        with use_backend(first):
            train(model, optimizer, 2)
        with use_backend(later):
            model.double()
            train(model, optimizer, 2, first=2)
            model.float()
            train(model, optimizer, 2, first=4)
        other = lodo_bench.LODO(model.parameters(), preset=preset)
        with use_backend(loading):
            other.load_state_dict(through_a_file(optimizer.state_dict()))
        with use_backend(after):
            train(model, other, 3, first=6)
        return flat(model)

    wanted = training(*["torch"] * 4)
    assert torch.equal(wanted, training("torch", "auto", "torch", "auto"))
    assert not torch.equal(wanted, training(*["auto"] * 4))
