"""The network that predicts a pixel's brightness from those above and to the left of it (LODO App. F.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lodo_bench.tasks.networks.layout import Layer, Layout

CHANNELS = 5
BRIGHTNESSES = 256
_WIDTH, _WIDE, _WIDEST = 20, 40, 120
_STAGES, _BLOCKS = 5, 4
_POOL = 2


def _layers() -> Iterator[Layer]:
    yield _convolution("entrance", CHANNELS, _WIDTH)
    for stage in range(_STAGES):
        for block in range(_BLOCKS):
            name = f"stage{stage}.block{block}"
            yield _convolution(f"{name}.widen", _WIDTH, _WIDE)
            yield Layer(f"{name}.depthwise", ((_WIDEST, 1, 3, 3), (_WIDEST,)), fan_in=9)
            yield _convolution(f"{name}.narrow", _WIDEST, _WIDTH)
    yield _convolution("exit", _WIDTH, BRIGHTNESSES)


def _convolution(name: str, inputs: int, outputs: int) -> Layer:
    return Layer(name, ((outputs, inputs, 1, 1), (outputs,)), fan_in=inputs)


LAYOUT = Layout(list(_layers()))


def logits(parameters: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Unnormalized log-probabilities of the 256 brightnesses.

    A 1×1 convolution to 20 channels; then five stages, each of four residual blocks and a 2×2 average pooling; then a
    1×1 convolution to 256. A block adds to its input::

        1×1 convolution 20 -> 40, atan, 3×3 depthwise convolution 40 -> 120 (padding 1), atan, 1×1 convolution 120 -> 20

    The sides shrink 28 -> 14 -> 7 -> 4 -> 2 -> 1; at an odd side the cells at the border average only the pixels that
    there are.

    Args:
        parameters: as `LAYOUT` has them; 94,696 numbers.
        inputs: (B, 5, 28, 28).

    Returns:
        (B, 256).
    """
    tensors = iter(parameters)

    def convolved(signal: Tensor, *, padding: int = 0, groups: int = 1) -> Tensor:
        return F.conv2d(signal, next(tensors), next(tensors), padding=padding, groups=groups)

    signal = convolved(inputs)
    for _ in range(_STAGES):
        for _ in range(_BLOCKS):
            wide = convolved(signal).atan()
            wide = convolved(wide, padding=1, groups=_WIDE).atan()
            signal = signal + convolved(wide)
        signal = F.avg_pool2d(signal, _POOL, ceil_mode=True)
    return convolved(signal).flatten(1)


def losses(parameters: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropies (B,), in nats, of predictions and the true brightnesses, `targets` (B,)."""
    return F.cross_entropy(logits(parameters, inputs), targets, reduction="none")


def initial_parameters(generator: Generator, dtype: torch.dtype) -> Tensor:
    """(n,): weights and biases from N(0, 1 / (fan_in + 1)), LeCun's normal initialization in the authors' form.

    The fan-in is the number of inputs that an output depends on, 9 for the depthwise convolutions.
    """
    flat = torch.randn(LAYOUT.size, generator=generator, device=generator.device, dtype=dtype)
    for layer, part in zip(LAYOUT.layers, LAYOUT.slices, strict=True):
        flat[part] *= (layer.fan_in + 1) ** -0.5
    return flat
