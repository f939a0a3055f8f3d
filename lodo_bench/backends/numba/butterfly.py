"""LODO's butterfly network on CPUs: threads share its tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.backends.numba import butterfly_loops as loops
from lodo_bench.compute.threads import parallel_for
from lodo_bench.optimizers.lodo.drop_in.butterfly import FusedButterflyStructure
from lodo_bench.optimizers.lodo.drop_in.structure import Settings

# The number of weights that is worth a thread of its own.
_WEIGHTS_PER_THREAD = 2**17
_MOMENTS = ("meta_first", "meta_second")
_RULES = {
    "sign": loops.SIGN,
    "sgd": loops.SGD,
    "lion": loops.LION,
    "adam": loops.ADAM,
    "block-rms": loops.BLOCK_RMS,
}


@final
class NumbaButterflyStructure(FusedButterflyStructure):
    """The network of `ButterflyStructure`, whose weights are read and written once in each step."""

    def __init__(self, n: int, settings: Settings, state: Mapping[str, Tensor], momentum: Tensor, eps: float) -> None:
        super().__init__(n, settings, state, momentum, eps)
        geometry = self.geometry
        numbers = geometry.layers, geometry.rows, geometry.columns, geometry.tiles, geometry.stride(0)
        self._shape = (0,) * geometry.block_size, tuple(map(np.uintp, numbers))
        # Taking the array of a tensor costs as much as some of the arithmetic.
        self._momentum, weights = momentum.numpy(), state["weights"].view(-1)
        # NumPy has no bfloat16.
        stored = weights.view(torch.int16).numpy().view(np.uint16) if self.is_rounded else weights.numpy()
        moments = (state[name].view(-1).numpy() if name in state else self._momentum for name in _MOMENTS)
        self._learned = (stored, *moments)
        self._work_size = 2 * (geometry.layers + 1) * geometry.rows * (64 // self._momentum.itemsize)

    @override
    def run(
        self, x: Tensor, gradient: Tensor, last_lr: float, rate: float, lr: float, beta: float, *, moves: bool
    ) -> None:
        beta1, beta2 = self.meta.betas
        rule = _RULES[self.settings.meta_optimizer], rate, self.meta.eps, 1 - beta1, 1 - beta2, np.uint32(self.seed)
        fixed: tuple[Any, ...] = *self._shape, rule, (last_lr != 0, moves, last_lr, lr, 1 - beta), self._learned
        vectors, dtype = (self._momentum, gradient.numpy(), x.numpy()), self._momentum.dtype

        def work(first: int, last: int) -> None:
            # Of its own for each thread, and the same for all of its tiles.
            loops.step_tiles(*fixed, vectors, np.empty(self._work_size, dtype), first, last)

        parallel_for(work, self.geometry.tiles, self._learned[0].size // _WEIGHTS_PER_THREAD)
