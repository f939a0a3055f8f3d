"""The network of `mnist` on CPUs.

Arctangent, depthwise convolution and arctangent are one pass over each channel, and so are their derivatives; PyTorch
makes several over the largest signals of the network, and is slow in depthwise convolutions. The 1×1 convolutions are
matrix products, whose derivatives PyTorch computes faster than those of convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lodo_bench.backends.numba import depthwise_loops as loops
from lodo_bench.compute.threads import parallel_for
from lodo_bench.tasks.networks.pixel_cnn import logits

# The number of outputs of a convolution that is worth a thread of its own.
_OUTPUTS_PER_THREAD = 2**15
_NUM_TERMS = {torch.float32: 10, torch.float64: 19}
_TERMS = {
    dtype: loops.arctangent_terms(count).astype(torch.empty(0, dtype=dtype).numpy().dtype)
    for dtype, count in _NUM_TERMS.items()
}


def losses(parameters: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """Return what `lodo_bench.tasks.networks.pixel_cnn.losses` does."""
    return F.cross_entropy(logits(parameters, inputs, pointwise, expand), targets, reduction="none")


def pointwise(signal: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return what `lodo_bench.tasks.networks.pixel_cnn.pointwise` does."""
    images, _, height, width = signal.shape
    matrices = weight.flatten(1).expand(images, -1, -1)
    return torch.baddbmm(bias.unsqueeze(1), matrices, signal.flatten(2)).view(images, -1, height, width)


def expand(wide: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return what `lodo_bench.tasks.networks.pixel_cnn.expand` does."""
    result: Tensor = _Expand.apply(wide, weight, bias)
    return result


class _Expand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        u = u.contiguous()
        images, channels, height, width = u.shape
        y, z = torch.empty_like(u), u.new_empty(images, len(weight), height, width)
        q = torch.empty_like(z)
        shape, terms = _shape(u, weight), _TERMS[u.dtype]
        arrays = [tensor.detach().reshape(-1).numpy() for tensor in (u, weight, bias, y, z, q)]

        def work(first: int, last: int) -> None:
            loops.forward(*arrays, shape, _frames(2, u), terms, first, last)

        parallel_for(work, images * channels, z.numel() // _OUTPUTS_PER_THREAD)
        ctx.save_for_backward(u, y, z, weight)
        return q

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        u, y, z, weight = ctx.saved_tensors
        images, channels = u.shape[:2]
        result = torch.empty_like(u)
        by_image = u.new_empty(images, *weight.shape), u.new_empty(images, len(weight))
        inputs = [tensor.detach().reshape(-1).numpy() for tensor in (gradient.contiguous(), u, y, z, weight)]
        outputs = [tensor.view(-1).numpy() for tensor in (result, *by_image)]
        shape = _shape(u, weight)

        def work(first: int, last: int) -> None:
            loops.backward(*inputs, *outputs, shape, _frames(4, u), first, last)

        parallel_for(work, images * channels, z.numel() // _OUTPUTS_PER_THREAD)
        return result, by_image[0].sum(0), by_image[1].sum(0)


def _shape(u: Tensor, weight: Tensor) -> tuple[Any, ...]:
    _, channels, height, width = u.shape
    return tuple(map(np.uintp, (height, width, channels, len(weight) // channels)))


def _frames(count: int, u: Tensor) -> Any:
    """Return planes with a frame of zeros around each, and room for the vectors at their ends."""
    height, width = u.shape[2:]
    return np.zeros((count, (height + 3) * (width + 2) + 128), _TERMS[u.dtype].dtype)
