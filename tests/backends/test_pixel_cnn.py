"""The compiled network of `mnist` has the losses and gradients of the reference."""

import numpy as np
import pytest
import torch

from lodo_bench.compute.selection import implementation, use_backend
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.networks import pixel_cnn
from tests.helpers import generators

compiled = pytest.importorskip("lodo_bench.backends.numba.pixel_cnn", reason="Numba is not installed")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-6}


def gradients(function, *inputs):
    """The result, and its derivatives in a random direction."""
    leaves = [each.clone().requires_grad_() for each in inputs]
    result = function(*leaves)
    direction = torch.randn(result.shape, dtype=result.dtype, generator=torch.Generator().manual_seed(9))
    result.backward(direction)
    return [result.detach(), *(leaf.grad for leaf in leaves)]


def assert_equal(found, expected, dtype):
    for ours, reference in zip(found, expected, strict=True):
        scale = reference.abs().max().item()
        torch.testing.assert_close(ours, reference, rtol=0, atol=TOLERANCE[dtype] * scale)


def draw(dtype, *shape):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(len(shape))) * 2


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("images", "channels", "outputs", "height", "width"),
    [(2, 3, 9, 28, 28), (1, 2, 4, 5, 17), (3, 1, 2, 1, 1), (1, 2, 2, 2, 3), (2, 1, 3, 16, 16), (1, 1, 1, 9, 40)],
)
def test_the_middle_of_a_block_and_its_derivatives(dtype, images, channels, outputs, height, width):
    inputs = (
        draw(dtype, images, channels, height, width),
        draw(dtype, outputs, 1, 3, 3),
        draw(dtype, outputs),
    )
    assert_equal(gradients(compiled.expand, *inputs), gradients(pixel_cnn.expand, *inputs), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_signals_and_gradients_that_are_not_contiguous(dtype):
    wide, weight, bias = draw(dtype, 4, 5, 6, 2), draw(dtype, 4, 1, 3, 3), draw(dtype, 4)

    def turned(operation):
        return lambda u, w, b: operation(u.permute(3, 1, 0, 2)[:, :2], w, b).transpose(2, 3)

    inputs = wide, weight, bias
    assert_equal(gradients(turned(compiled.expand), *inputs), gradients(turned(pixel_cnn.expand), *inputs), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_arctangent_of_any_number(dtype):
    """The center tap copies the first arctangent; of it the second is taken."""
    size = np.concatenate([np.logspace(-30, 30, 2001), [0.0, 1.0, np.nextafter(1.0, 2), np.inf]])
    numbers = torch.tensor(np.concatenate([size, -size, [np.nan]])).to(dtype)
    weight = torch.zeros(1, 1, 3, 3, dtype=dtype)
    weight[..., 1, 1] = 1
    found = compiled.expand(numbers.view(-1, 1, 1, 1), weight, torch.zeros(1, dtype=dtype)).flatten()
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(found, numbers.double().atan().atan().to(dtype), rtol=40 * eps, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_losses_and_gradients_of_the_network(dtype):
    flat = pixel_cnn.initial_parameters(torch.Generator().manual_seed(0), dtype)
    images = torch.randint(256, (5, 28, 28), generator=torch.Generator().manual_seed(1)).byte()
    inputs = pixel_cnn.visible_inputs(images, torch.tensor([0, 27, 400, 783, 28]), dtype)
    targets = torch.tensor([0, 3, 255, 7, 100])

    def of(losses):
        return lambda x: losses(pixel_cnn.LAYOUT.views(x), inputs, targets)

    assert_equal(gradients(of(compiled.losses), flat), gradients(of(pixel_cnn.losses), flat), dtype)


def test_threads_do_not_change_a_bit(monkeypatch):
    monkeypatch.setattr(compiled, "_OUTPUTS_PER_THREAD", 1)
    inputs = draw(torch.float32, 3, 5, 7, 7), draw(torch.float32, 15, 1, 3, 3), draw(torch.float32, 15)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(gradients(compiled.expand, *inputs))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize(
    ("backend", "options", "expected"),
    [
        ("numba", {}, compiled.losses),
        ("torch", {}, pixel_cnn.losses),
        ("numba", {"precision": "bf16"}, pixel_cnn.losses),
    ],
)
def test_the_task_uses_it_in_its_own_precision(backend, options, expected):
    with use_backend(backend):
        task = TASKS.load("mnist")(generators([0]), torch.float32, {"batch_size": 2, **options})
        assert implementation(pixel_cnn.losses, torch.device("cpu"), torch.float16) is pixel_cnn.losses
    assert task._of_batch is task._fastest is expected
