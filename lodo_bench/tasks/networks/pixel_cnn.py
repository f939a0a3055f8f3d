"""The network of `mnist` and its inputs: predict a pixel from the pixels before it (LODO App. F.2, Fig. 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lodo_bench.tasks.networks.layout import Layer, Layout

SIDE = 28
PIXELS = SIDE * SIDE
_CHANNELS, _PIXEL_VALUES = 5, 256
_WIDTH, _WIDE, _WIDEST = 20, 40, 120
_STAGES, _BLOCKS = 5, 4
# The memory of one image's signals in the first block, in single precision: its input, and the widest of them twice.
IMAGE_BYTES = 4 * PIXELS * (_CHANNELS + _WIDTH + _WIDE + 2 * _WIDEST)
_POOL = 2
Convolution = Callable[[Tensor, Tensor, Tensor], Tensor]


def _layers() -> Iterator[Layer]:
    yield _convolution("stem", _CHANNELS, _WIDTH)
    for stage in range(_STAGES):
        for block in range(_BLOCKS):
            name = f"stage{stage}.block{block}"
            yield _convolution(f"{name}.widen", _WIDTH, _WIDE)
            yield Layer(f"{name}.depthwise", ((_WIDEST, 1, 3, 3), (_WIDEST,)), fan_in=9)
            yield _convolution(f"{name}.narrow", _WIDEST, _WIDTH)
    yield _convolution("head", _WIDTH, _PIXEL_VALUES)


def _convolution(name: str, inputs: int, outputs: int) -> Layer:
    return Layer(name, ((outputs, inputs, 1, 1), (outputs,)), fan_in=inputs)


LAYOUT = Layout(list(_layers()))


def visible_inputs(images: Tensor, pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the network's inputs: five channels that encode the pixels before a given one, in raster order.

    For the pixel at row r and column c, the visible pixels are all those in rows above r, and those left of c in row
    r. The channels are::

        1   pixel value / 256 where visible, 0 elsewhere
        2   1 in the columns up to and including c, −1 in the others
        3   1 where visible, −1 elsewhere
        4   2 · row / 28 − 1
        5   2 · column / 28 − 1

    Args:
        images: (B, 28, 28), pixel values 0, ..., 255 as bytes.
        pixels: (B,), indices 28 r + c of the pixels to predict.
        dtype: dtype of the result.

    Returns:
        (B, 5, 28, 28), a new tensor.
    """
    indices = torch.arange(PIXELS, device=images.device)
    columns = torch.arange(SIDE, device=images.device)
    visible = (indices < pixels.unsqueeze(1)).view(-1, SIDE, SIDE)
    reached = columns <= (pixels % SIDE).unsqueeze(1)
    ramp = columns.to(dtype) / SIDE * 2 - 1
    inputs = torch.empty(len(images), 5, SIDE, SIDE, device=images.device, dtype=dtype)
    inputs[:, 0] = images * visible
    inputs[:, 0] /= 256
    inputs[:, 1] = (reached.to(dtype) * 2 - 1).unsqueeze(1)
    inputs[:, 2] = visible.to(dtype) * 2 - 1
    inputs[:, 3] = ramp.unsqueeze(1)
    inputs[:, 4] = ramp
    return inputs


def pointwise(signal: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the 1×1 convolution of a signal, (B, C, H, W)."""
    return F.conv2d(signal, weight, bias)


def expand(wide: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the arctangent of the 3×3 depthwise convolution, with padding 1, of the arctangent of a signal."""
    return F.conv2d(wide.atan(), weight, bias, padding=1, groups=wide.shape[1]).atan()


def logits(
    parameters: Sequence[Tensor],
    inputs: Tensor,
    pointwise: Convolution = pointwise,
    expand: Convolution = expand,
) -> Tensor:
    """Return unnormalized log-probabilities of the 256 pixel values.

    A 1×1 convolution to 20 channels; then five stages, each of four residual blocks and a 2×2 average pooling; then a
    1×1 convolution to 256. A block adds to its input::

        1×1 convolution 20 -> 40, atan, 3×3 depthwise convolution 40 -> 120 (padding 1), atan, 1×1 convolution 120 -> 20

    The side length shrinks 28 -> 14 -> 7 -> 4 -> 2 -> 1; where it is odd, pooling at the border averages over the
    remaining pixels only.

    Args:
        parameters: tensors of `LAYOUT`, 94,696 numbers in all.
        inputs: (B, 5, 28, 28).
        pointwise: the 1×1 convolution, or a faster one.
        expand: the widest part of a block, or a faster one.

    Returns:
        (B, 256).
    """
    tensors = iter(parameters)

    def through(operation: Convolution, signal: Tensor) -> Tensor:
        return operation(signal, next(tensors), next(tensors))

    signal = through(pointwise, inputs)
    for _ in range(_STAGES):
        for _ in range(_BLOCKS):
            wide = through(expand, through(pointwise, signal))
            signal = signal + through(pointwise, wide)
        signal = F.avg_pool2d(signal, _POOL, ceil_mode=True)
    return through(pointwise, signal).flatten(1)


def losses(parameters: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropies (B,), in nats, for the true pixel values `targets` (B,)."""
    return F.cross_entropy(logits(parameters, inputs), targets, reduction="none")


def initial_parameters(generator: Generator, dtype: torch.dtype) -> Tensor:
    """Draw weights and biases, (n,), from N(0, 1 / (fan_in + 1)): LeCun normal initialization in the authors' form.

    The fan-in is the number of inputs that each output depends on, 9 for the depthwise convolutions.
    """
    flat = torch.randn(LAYOUT.size, generator=generator, device=generator.device, dtype=dtype)
    for layer, part in zip(LAYOUT.layers, LAYOUT.slices, strict=True):
        flat[part] *= (layer.fan_in + 1) ** -0.5
    return flat
