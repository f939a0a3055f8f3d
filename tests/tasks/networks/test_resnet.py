"""The ResNet against PyTorch's modules, the statistics of batch normalization included."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from benchmarks.plain_networks import resnet18
from lodo_bench.tasks.networks import resnet

WIDTH, BATCH = 3, 4
LAYOUT = resnet.layout(WIDTH)


def drawn(seed=0):
    """Parameters, none of them special, and a batch."""
    generator = torch.Generator().manual_seed(seed)
    flat = resnet.initial_parameters(WIDTH, generator, torch.float64)
    flat += 0.1 * torch.randn(len(flat), generator=generator, dtype=torch.float64)
    inputs = torch.randn(BATCH, 3, 32, 32, generator=generator, dtype=torch.float64)
    return flat, inputs, torch.randint(10, (BATCH,), generator=generator)


def modules(flat):
    network = resnet18(WIDTH).double()
    # Its shortcuts come after the blocks' bodies, as in ours.
    vector_to_parameters(flat, network.parameters())
    return network


def running(network):
    found = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return torch.cat([m.running_mean for m in found]), torch.cat([m.running_var for m in found])


def test_loss_gradient_and_statistics_equal_those_of_modules_over_several_batches():
    flat, _, _ = drawn()
    network, statistics = modules(flat), resnet.BatchStatistics(WIDTH, flat)
    for seed in range(3):
        _, inputs, classes = drawn(seed)
        x = flat.clone().requires_grad_()
        loss = resnet.training_loss(LAYOUT.views(x), inputs, classes, statistics.pairs())
        loss.backward()
        network.zero_grad()
        expected = nn.functional.cross_entropy(network(inputs), classes)
        expected.backward()
        torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
        gradient = parameters_to_vector([parameter.grad for parameter in network.parameters()])
        torch.testing.assert_close(x.grad, gradient, rtol=1e-10, atol=1e-12)
        means, variances = running(network)
        torch.testing.assert_close(statistics.means, means, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(statistics.variances, variances, rtol=1e-12, atol=1e-14)


def test_evaluation_uses_the_running_averages_and_leaves_them_alone():
    flat, inputs, classes = drawn()
    network, statistics = modules(flat), resnet.BatchStatistics(WIDTH, flat)
    resnet.training_loss(LAYOUT.views(flat), inputs, classes, statistics.pairs())
    network(inputs)
    before = statistics.means.clone(), statistics.variances.clone()
    found = resnet.logits(LAYOUT.views(flat), inputs[:2], statistics.pairs(), training=False)
    torch.testing.assert_close(found, network.eval()(inputs[:2]), rtol=1e-12, atol=1e-12)
    alone = resnet.logits(LAYOUT.views(flat), inputs[:1], statistics.pairs(), training=False)
    torch.testing.assert_close(alone, found[:1], rtol=1e-12, atol=1e-12)
    assert torch.equal(statistics.means, before[0])
    assert torch.equal(statistics.variances, before[1])


def test_training_without_statistics_is_the_same_and_keeps_none():
    flat, inputs, classes = drawn()
    statistics = resnet.BatchStatistics(WIDTH, flat)
    losses = [resnet.training_loss(LAYOUT.views(flat), inputs, classes, s) for s in (statistics.pairs(), None)]
    assert torch.equal(*losses)


def test_the_start_is_the_usual_one():
    flat = resnet.initial_parameters(16, torch.Generator().manual_seed(0), torch.float64)
    layout = resnet.layout(16)
    for layer, part in zip(layout.layers, layout.slices, strict=True):
        values, shape = flat[part], layer.shapes[0]
        if layer.name == "head":
            bound = 128**-0.5
            assert values.abs().max() <= bound
            assert values.square().mean() == pytest.approx(bound**2 / 3, rel=0.1)
        elif layer.name.endswith("normalization"):
            assert values.tolist() == [1.0] * shape[0] + [0.0] * shape[0]
        else:
            variance = 2 / (shape[0] * shape[2] * shape[3])
            assert abs(values.square().mean() / variance - 1) < 5 * (2 / len(values)) ** 0.5
