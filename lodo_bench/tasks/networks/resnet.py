"""ResNet-18 for small pictures (LODO §5.4)."""

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
# For each stage, by how much it widens the first, and the stride of its first block.
_STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))
# PyTorch's values, which ResNets are usually trained with.
_MOMENTUM, _EPSILON = 0.1, 1e-5


@cache
def layout(width: int) -> Layout:
    """The layers of a ResNet-18 whose first stage has `width` channels; 11,173,962 numbers for 64."""
    return Layout(list(_layers(width)))


def _layers(width: int) -> Iterator[Layer]:
    yield from _normalized("entrance", _COLORS, width, 3)
    before = width
    for stage, (factor, stride) in enumerate(_STAGES):
        after = factor * width
        for block in range(_BLOCKS):
            name = f"stage{stage}.block{block}"
            yield from _normalized(f"{name}.first", before, after, 3)
            yield from _normalized(f"{name}.second", after, after, 3)
            if block == 0 and stride > 1:
                yield from _normalized(f"{name}.shortcut", before, after, 1)
            before = after
    yield Layer("exit", ((CLASSES, before), (CLASSES,)), fan_in=before)


def _normalized(name: str, inputs: int, outputs: int, side: int) -> Iterator[Layer]:
    """A convolution without a bias, and the batch normalization after it."""
    yield Layer(f"{name}.convolution", ((outputs, inputs, side, side),), fan_in=inputs * side * side)
    yield Layer(f"{name}.normalization", ((outputs,), (outputs,)), fan_in=1)


@final
class BatchStatistics(Checkpointable):
    """The running means and variances of all batch normalizations, which evaluation uses.

    r <- 0.9 r + 0.1 s for the statistic s of each training batch; of the variance the unbiased estimate is averaged,
    while batches are normalized with the biased one.

    Args:
        width: of the network.
        like: a tensor of their dtype and device.

    Attributes:
        means, variances: one number for each channel of each normalization, one after the other; changed in place.
    """

    state_names = ("means", "variances")

    def __init__(self, width: int, like: Tensor) -> None:
        self._sizes = [layer.shapes[0][0] for layer in layout(width).layers if layer.name.endswith(".normalization")]
        self.means = like.new_zeros(sum(self._sizes))
        self.variances = like.new_ones(sum(self._sizes))

    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Views of mean and variance for each normalization, in the order of the layers."""
        means, variances = (torch.split(values, self._sizes) for values in (self.means, self.variances))
        return list(zip(means, variances, strict=True))


def logits(
    parameters: Sequence[Tensor], inputs: Tensor, statistics: Sequence[tuple[Tensor, Tensor]] | None, *, training: bool
) -> Tensor:
    """Unnormalized log-probabilities of the classes.

    The network of He et al. (2015) with 18 layers, its first 7×7 convolution replaced by one of 3×3 with stride 1 and
    its first max-pooling left out, for pictures of 32×32 pixels.

    Args:
        parameters: as `layout` has them.
        inputs: (B, 3, 32, 32), normalized.
        statistics: of each batch normalization, see `BatchStatistics`; in training they are updated if they are given.
        training: normalize with the statistics of this batch; otherwise with those given.

    Returns:
        (B, 10).
    """
    tensors, running = iter(parameters), iter(statistics or ())

    def normalized(signal: Tensor, stride: int = 1) -> Tensor:
        weight = next(tensors)
        signal = F.conv2d(signal, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance = next(running, (None, None))
        return F.batch_norm(signal, mean, variance, next(tensors), next(tensors), training, _MOMENTUM, _EPSILON)

    signal = normalized(inputs).relu()
    for _, stage_stride in _STAGES:
        for block in range(_BLOCKS):
            stride = stage_stride if block == 0 else 1
            inner = normalized(normalized(signal, stride).relu())
            shortcut = normalized(signal, stride) if stride > 1 else signal
            signal = (inner + shortcut).relu()
    return F.linear(signal.mean((2, 3)), next(tensors), next(tensors))


def training_loss(
    parameters: Sequence[Tensor],
    inputs: Tensor,
    classes: Tensor,
    statistics: Sequence[tuple[Tensor, Tensor]] | None,
) -> Tensor:
    """Mean cross-entropy, in nats, of a training batch of the true `classes`, (B,); see `logits`."""
    return F.cross_entropy(logits(parameters, inputs, statistics, training=True), classes)


def initial_parameters(width: int, generator: Generator, dtype: torch.dtype) -> Tensor:
    """(n,): where ResNets usually start.

    Convolutions from N(0, 2 / fan_out) (He et al., 2015), normalizations at weight 1 and bias 0, weights and biases of
    the last layer uniform within ± fan_in^(−1/2).
    """
    places = layout(width)
    flat = torch.empty(places.size, device=generator.device, dtype=dtype)
    for layer, part in zip(places.layers, places.slices, strict=True):
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
