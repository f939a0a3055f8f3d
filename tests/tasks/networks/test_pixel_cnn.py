"""The pixel network against plain NumPy and against PyTorch's modules."""

import math

import numpy as np
import pytest
import torch
from torch.nn.utils import vector_to_parameters

from benchmarks.plain_networks import pixel_network
from lodo_bench.tasks.networks import pixel_cnn
from tests.tasks import numpy_pixel_cnn


def drawn(seed, batch):
    generator = torch.Generator().manual_seed(seed)
    flat = pixel_cnn.initial_parameters(generator, torch.float64)
    inputs = torch.randn(batch, 5, 28, 28, generator=generator, dtype=torch.float64)
    return flat, inputs, torch.randint(256, (batch,), generator=generator)


def test_loss_and_gradient_equal_those_of_plain_numpy():
    flat, inputs, targets = drawn(0, batch=3)
    x = flat.clone().requires_grad_()
    loss = pixel_cnn.losses(pixel_cnn.LAYOUT.views(x), inputs, targets).mean()
    loss.backward()
    channels_last = inputs.permute(0, 2, 3, 1).numpy()
    expected, gradient, sides = numpy_pixel_cnn.loss_and_gradient(flat.numpy(), channels_last, targets.numpy())
    assert sides == [14, 7, 4, 2, 1]
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-10, atol=1e-12)
    assert (x.grad != 0).all()


def test_logits_equal_those_of_the_benchmarks_modules():
    flat, inputs, _ = drawn(1, batch=2)
    network = pixel_network().double()
    vector_to_parameters(flat, network.parameters())
    found = pixel_cnn.logits(pixel_cnn.LAYOUT.views(flat), inputs)
    torch.testing.assert_close(found, network(inputs), rtol=1e-12, atol=1e-12)


def test_weights_and_biases_start_with_the_variance_of_lecun_in_the_authors_form():
    flats = [pixel_cnn.initial_parameters(torch.Generator().manual_seed(s), torch.float64) for s in range(5)]
    fans = {"stem": 5, "widen": 20, "depthwise": 9, "narrow": 120, "head": 20}
    found = {kind: [] for kind in fans}
    for layer, part in zip(pixel_cnn.LAYOUT.layers, pixel_cnn.LAYOUT.slices, strict=True):
        found[layer.name.rpartition(".")[2]] += [flat[part] for flat in flats]
    for kind, fan_in in fans.items():
        sample = torch.cat(found[kind]) * (fan_in + 1) ** 0.5
        assert abs(sample.mean()) < 5 * sample.numel() ** -0.5
        assert abs(sample.square().mean() - 1) < 5 * (2 / sample.numel()) ** 0.5


def test_the_same_generator_gives_the_same_start_and_another_another():
    first, same, other = (
        pixel_cnn.initial_parameters(torch.Generator().manual_seed(s), torch.float32) for s in (1, 1, 2)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32


def test_a_network_that_knows_nothing_has_the_loss_ln_256():
    flat, inputs, targets = drawn(2, batch=4)
    flat[pixel_cnn.LAYOUT.slices[-1]] = 0
    losses = pixel_cnn.losses(pixel_cnn.LAYOUT.views(flat), inputs, targets)
    torch.testing.assert_close(losses, torch.full_like(losses, math.log(256)), rtol=1e-12, atol=0)


def test_bf16_keeps_the_loss_to_its_precision():
    flat, inputs, targets = drawn(3, batch=4)
    views, inputs = pixel_cnn.LAYOUT.views(flat.float()), inputs.float()
    exact = pixel_cnn.losses(views, inputs, targets)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = pixel_cnn.losses(views, inputs, targets)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
