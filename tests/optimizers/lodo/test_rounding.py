"""Stochastic rounding to bfloat16, against its definition in plain integers; and preconditioners that are kept so."""

import struct

import pytest
import torch
from torch import nn

import lodo_bench
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers.lodo.rounding import rounded, seed_of
from tests.optimizers.lodo.test_torch_optimizer import equal, network, through_a_file, train

WORD = 2**32
BACKENDS = sorted({"torch", best_backend("cpu")})


def in_integers(values, seed):
    """The bits of each number, written anew with integers of any size."""
    found = []
    for place, value in enumerate(values):
        noise = (place * 0x9E3779B9 + seed) % WORD
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            noise = (noise ^ noise >> shift) * factor % WORD
        (bits,) = struct.unpack("<I", struct.pack("<f", value))
        found.append((bits + noise % 2**16) // 2**16)
    return found


def test_the_bits_are_those_of_the_definition():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    for step in (1, 7, 10**9):
        bits = rounded(values.view(20, 50), seed_of(step)).view(-1).view(torch.int16).tolist()
        assert [each % 2**16 for each in bits] == in_integers(values.tolist(), seed_of(step))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_number_becomes_its_neighbors_with_the_right_mean(sign, share):
    low, high = sign * 0.5, sign * (0.5 + 2**-8)
    value = low + share * (high - low)
    found = rounded(torch.full((100_000,), value), seed_of(3)).float()
    assert set(found.tolist()) <= {low, high}
    assert abs(found.mean().item() - value) < 4 * 2**-8 * (share * (1 - share) / 100_000) ** 0.5 + 2**-24


def test_steps_and_places_have_noise_of_their_own():
    values = torch.full((10_000,), 0.5 + 2**-9)
    ups = [(rounded(values, seed_of(step)).float() > values).double() for step in range(4)]
    for first in range(4):
        for second in range(first):
            assert abs(torch.corrcoef(torch.stack([ups[first], ups[second]]))[0, 1]) < 0.05
        assert abs(torch.corrcoef(torch.stack([ups[first][1:], ups[first][:-1]]))[0, 1]) < 0.05


def test_what_is_not_finite_stays():
    found = rounded(torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0] * 100), seed_of(1)).view(-1, 4)
    assert (found[:, 0] == torch.inf).all()
    assert (found[:, 1] == -torch.inf).all()
    assert found[:, 2].isnan().all()
    assert (found[:, 3] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_state_has_half_the_size(backend):
    parameter = nn.Parameter(torch.zeros(4096))
    optimizer = lodo_bench.LODO([parameter], preconditioner_dtype="bfloat16")
    parameter.grad = torch.ones(4096)
    with use_backend(backend):
        optimizer.step()
    assert optimizer.state[parameter]["weights"].dtype == torch.bfloat16
    assert sum(t.nbytes for t in optimizer.state[parameter].values() if t.numel() > 1) == 36 * 4096


@pytest.mark.parametrize("backend", BACKENDS)
def test_short_steps_count(backend):
    """A weight of 0.5 would not notice a step of a tenth of what bfloat16 can tell apart."""
    parameter = nn.Parameter(torch.zeros(4096))
    optimizer = lodo_bench.LODO([parameter], lr=1.0, meta_lr=2e-4, preconditioner_dtype="bfloat16")
    parameter.grad = torch.ones(4096)
    with use_backend(backend):
        for _ in range(100):
            optimizer.step()
    exact = nn.Parameter(torch.zeros(4096))
    other = lodo_bench.LODO([exact], lr=1.0, meta_lr=2e-4)
    exact.grad = torch.ones(4096)
    for _ in range(100):
        other.step()
    # The preconditioner has learned to take longer steps in this direction; without it, the sum is less than 100.
    assert exact.mean() < -110
    assert parameter.mean().item() == pytest.approx(exact.mean().item(), rel=0.05)


def test_the_precision_of_a_model_does_not_change_that_of_its_preconditioner():
    model = network(dtype=torch.float32)
    optimizer = lodo_bench.LODO(model.parameters(), preconditioner_dtype="bfloat16")
    train(model, optimizer, 3)
    before = [state["weights"].clone() for state in optimizer.state.values()]
    model.double()
    optimizer.param_groups[0]["meta_lr"] = 0.0
    train(model, optimizer, 1, first=3)
    assert all(map(torch.equal, before, (state["weights"] for state in optimizer.state.values())))


def test_a_state_of_another_precision_brings_its_own():
    models = network(), network()
    optimizers = [
        lodo_bench.LODO(model.parameters(), lr=0.2, preconditioner_dtype=dtype)
        for model, dtype in zip(models, ("bfloat16", "same"), strict=True)
    ]
    train(models[0], optimizers[0], 3)
    models[1].load_state_dict(models[0].state_dict())
    optimizers[1].load_state_dict(through_a_file(optimizers[0].state_dict()))
    for model, optimizer in zip(models, optimizers, strict=True):
        train(model, optimizer, 3, first=3)
    assert equal(*models)


def test_a_state_without_the_argument_is_read():
    model = network()
    optimizer = lodo_bench.LODO(model.parameters())
    train(model, optimizer, 2)
    state = optimizer.state_dict()
    del state["param_groups"][0]["preconditioner_dtype"]
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["preconditioner_dtype"] == "same"


@pytest.mark.parametrize("preset", ["paper", "diagonal"])
def test_other_structures_are_refused(preset):
    with pytest.raises(ValueError, match="preconditioner_dtype = 'bfloat16' of LODO: must be 'same' for the structure"):
        lodo_bench.LODO(network().parameters(), preset=preset, preconditioner_dtype="bfloat16")
