"""ResNet-18 for small images (LODO §5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lodo_bench.state import Checkpointable
from lodo_bench.tasks.networks.layout import Layer, Layout

CLASSES = 10
_COLORS = 3
_BLOCKS = 2
# For each stage: its width relative to the first stage, and the stride of its first block.
_STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))
# PyTorch's defaults, with which ResNets are usually trained.
_MOMENTUM, _EPSILON = 0.1, 1e-5


@cache
def layout(width: int) -> Layout:
    """Return the layers of a ResNet-18 whose first stage has `width` channels; 11,173,962 parameters for 64."""
    return Layout(list(_layers(width)))


def _layers(width: int) -> Iterator[Layer]:
    yield from _convolution("stem", _COLORS, width, 3)
    before = width
    for stage, (factor, stride) in enumerate(_STAGES):
        after = factor * width
        for block in range(_BLOCKS):
            name = f"stage{stage}.block{block}"
            yield from _convolution(f"{name}.first", before, after, 3)
            yield from _convolution(f"{name}.second", after, after, 3)
            if block == 0 and stride > 1:
                yield from _convolution(f"{name}.shortcut", before, after, 1)
            before = after
    yield Layer("head", ((CLASSES, before), (CLASSES,)), fan_in=before)


def _convolution(name: str, inputs: int, outputs: int, side: int) -> Iterator[Layer]:
    """Yield a convolution without bias and the batch normalization that follows it."""
    yield Layer(f"{name}.convolution", ((outputs, inputs, side, side),), fan_in=inputs * side * side)
    yield Layer(f"{name}.normalization", ((outputs,), (outputs,)), fan_in=1)


@final
class BatchStatistics(Checkpointable):
    """Running means and variances of all batch normalizations, for evaluation.

    A running statistic r is updated as r <- 0.9 r + 0.1 s, where s is the statistic of a training batch. The running
    variance averages the unbiased estimate, while the batch itself is normalized with the biased one.

    Args:
        width: width of the network.
        like: a tensor whose dtype and device the statistics take.

    Attributes:
        means, variances: (C,), the channels of all normalizations, concatenated; updated in place.
    """

    state_names = ("means", "variances")

    def __init__(self, width: int, like: Tensor) -> None:
        self._sizes = [layer.shapes[0][0] for layer in layout(width).layers if layer.name.endswith(".normalization")]
        self.means = like.new_zeros(sum(self._sizes))
        self.variances = like.new_ones(sum(self._sizes))

    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Return views of the mean and variance of each normalization, in the order of the layers."""
        means, variances = (torch.split(values, self._sizes) for values in (self.means, self.variances))
        return list(zip(means, variances, strict=True))


def logits(
    parameters: Sequence[Tensor], inputs: Tensor, statistics: Sequence[tuple[Tensor, Tensor]] | None, *, training: bool
) -> Tensor:
    """Return unnormalized log-probabilities of the classes.

    The 18-layer network of He et al. (2015), adapted to images of 32×32 pixels: the first convolution is 3×3 with
    stride 1 instead of 7×7, and the max-pooling after it is left out.

    Args:
        parameters: tensors of `layout`.
        inputs: (B, 3, 32, 32), normalized.
        statistics: `BatchStatistics.pairs()`; updated in place if given in training, required in evaluation.
        training: True to normalize with the statistics of this batch, False to use the given ones.

    Returns:
        (B, 10).
    """
    tensors, running = iter(parameters), iter(statistics or ())

    def conv_norm(signal: Tensor, stride: int = 1) -> Tensor:
        weight = next(tensors)
        signal = F.conv2d(signal, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance = next(running, (None, None))
        return F.batch_norm(signal, mean, variance, next(tensors), next(tensors), training, _MOMENTUM, _EPSILON)

    signal = conv_norm(inputs).relu()
    for _, stage_stride in _STAGES:
        for block in range(_BLOCKS):
            stride = stage_stride if block == 0 else 1
            inner = conv_norm(conv_norm(signal, stride).relu())
            shortcut = conv_norm(signal, stride) if stride > 1 else signal
            signal = (inner + shortcut).relu()
    return F.linear(signal.mean((2, 3)), next(tensors), next(tensors))


def training_loss(
    parameters: Sequence[Tensor],
    inputs: Tensor,
    classes: Tensor,
    statistics: Sequence[tuple[Tensor, Tensor]] | None,
) -> Tensor:
    """Return the mean cross-entropy, in nats, of a training batch with true `classes` (B,); see `logits`."""
    return F.cross_entropy(logits(parameters, inputs, statistics, training=True), classes)


def initial_parameters(width: int, generator: Generator, dtype: torch.dtype) -> Tensor:
    """Draw the usual initial parameters of a ResNet, (n,).

    Convolutions are drawn from N(0, 2 / fan_out) (He et al., 2015), weights and biases of the last layer uniformly from
    ± fan_in^(−1/2); normalizations have weight 1 and bias 0.
    """
    layers = layout(width)
    flat = torch.empty(layers.size, device=generator.device, dtype=dtype)
    for layer, part in zip(layers.layers, layers.slices, strict=True):
        weight = layer.shapes[0]
        if len(weight) == 4:
            fan_out = weight[0] * weight[2] * weight[3]
            flat[part].normal_(0, (2 / fan_out) ** 0.5, generator=generator)
        elif len(weight) == 2:
            bound = layer.fan_in**-0.5
            flat[part].uniform_(-bound, bound, generator=generator)
        else:
            flat[part].view(2, -1).copy_(torch.tensor([[1.0], [0.0]]))
    return flat
