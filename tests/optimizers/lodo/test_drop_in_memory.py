"""`lodo_bench.LODO` where others replace or resize the memory that it works on."""

import pytest
import torch
from torch import nn

import lodo_bench
from lodo_bench.compute.selection import best_backend, use_backend
from tests.optimizers.lodo.test_drop_in import each_preset, lodo
from tests.optimizers.lodo.test_torch_optimizer import backward, equal, flat, network, through_a_file, train

BACKENDS = sorted({"torch", best_backend("cpu")})
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def parameter(*shape):
    return nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("size", [10, 4000])
@each_backend
@each_preset
def test_a_parameter_of_another_size_is_refused_and_nothing_is_written(preset, backend, size):
    memory = torch.zeros(8000)
    p = nn.Parameter(memory[:2000].clone())
    p.grad = torch.ones(2000)
    with use_backend(backend):
        optimizer = lodo_bench.LODO([p], preset=preset)
        optimizer.step()
        p.data, p.grad = memory[2000 : 2000 + size], None
        p.grad = torch.ones(size)
        with pytest.raises(ValueError, match=rf"was changed from \(2000,\) to \({size},\)"):
            optimizer.step()
    assert not memory.any()


def test_a_gradient_of_another_size_is_refused():
    p = parameter(20)
    p.grad = torch.ones(20)
    p.data = torch.zeros(10)
    with pytest.raises(ValueError, match=r"a parameter of shape \(10,\) has a gradient of shape \(20,\)"):
        lodo_bench.LODO([p]).step()
    assert not p.any()


def moved_to_other_memory(state):
    for tensors in state.values():
        for tensor in tensors.values():
            tensor.data = tensor.data.clone()


def moved_to_shared_memory(state):
    for tensors in state.values():
        for tensor in tensors.values():
            tensor.share_memory_()


@pytest.mark.parametrize("move", [moved_to_other_memory, moved_to_shared_memory])
@each_backend
@each_preset
def test_the_state_may_move_in_memory(preset, backend, move):
    with use_backend(backend):
        model, other = network(), network()
        optimizers = [lodo(each, preset=preset) for each in (model, other)]
        for each, optimizer in zip((model, other), optimizers, strict=True):
            train(each, optimizer, 5)
        move(optimizers[0].state)
        for each, optimizer in zip((model, other), optimizers, strict=True):
            train(each, optimizer, 5, first=5)
        assert equal(model, other)
        fresh = lodo(other, preset=preset)
        fresh.load_state_dict(through_a_file(optimizers[0].state_dict()))
        train(model, optimizers[0], 3, first=10)
        train(other, fresh, 3, first=10)
        assert equal(model, other)


@each_backend
@each_preset
def test_autograd_knows_that_a_step_changed_a_parameter(preset, backend):
    p = parameter(2)
    with use_backend(backend):
        optimizer = lodo_bench.LODO([p], preset=preset)
        loss = (p**3).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def sparse_in_memory():
    return [
        torch.ones(1).expand(6, 4),
        torch.arange(48.0).view(6, 8)[:, ::2],
        torch.arange(24.0).view(4, 6).t(),
        torch.view_as_complex(torch.arange(48.0).view(6, 4, 2)).conj().imag,
    ]


@each_backend
@each_preset
@pytest.mark.parametrize("number", range(len(sparse_in_memory())))
def test_gradients_may_be_views_of_any_kind(preset, backend, number):
    view = sparse_in_memory()[number]
    found = []
    for gradient in (view, torch.tensor(view.tolist())):
        p = parameter(6, 4)
        with use_backend(backend):
            optimizer = lodo_bench.LODO([p], lr=0.1, preset=preset)
            for _ in range(3):
                p.grad = gradient
                optimizer.step()
        found.append(p.detach())
    assert torch.equal(*found)


@each_preset
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_processed_in_single_precision(preset, dtype):
    """With decay and clipping, a step is that of a copy in single precision, rounded once."""
    generator = torch.Generator().manual_seed(1)
    half, whole = nn.Parameter(torch.ones(64, dtype=dtype)), nn.Parameter(torch.ones(64))
    arguments = {"preset": preset, "lr": 0.1, "weight_decay": 0.5, "max_grad_norm": 1.0, "meta_lr": 1e-3}
    first, second = (lodo_bench.LODO([p], **arguments) for p in (half, whole))
    for _ in range(50):
        gradient = (6e4 * torch.randn(64, generator=generator).clamp(-1, 1)).to(dtype)
        half.grad, whole.grad = gradient, gradient.float()
        first.step()
        second.step()
        assert torch.equal(half, whole.to(dtype))
        whole.data.copy_(half)
    assert not torch.equal(half, torch.ones_like(half))


@each_preset
def test_clipping_leaves_the_gradients_as_they_are(preset):
    """The factor is applied where a gradient is read."""
    model, other = network(), network()
    clipped, scaled = lodo(model, preset=preset, max_grad_norm=1e-3), lodo(other, preset=preset)
    for step in range(5):
        backward(model, step)
        backward(other, step)
        norm = torch.nn.utils.clip_grad_norm_(other.parameters(), 1e-3)
        assert norm > 1e-3
        kept = [p.grad.clone() for p in model.parameters()]
        clipped.step()
        scaled.step()
        assert all(torch.equal(p.grad, before) for p, before in zip(model.parameters(), kept, strict=True))
        torch.testing.assert_close(flat(model), flat(other), rtol=1e-6, atol=1e-7)
