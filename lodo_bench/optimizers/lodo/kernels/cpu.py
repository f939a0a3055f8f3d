"""The kernels for CPUs: small individuals side by side, large ones layer by layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.backends.numba import lodo as cpu_loops
from lodo_bench.compute.threads import parallel_for
from lodo_bench.optimizers.adam import EPSILON, AdamMoments
from lodo_bench.optimizers.lodo.kernels.base import BlockKernel, BlockNetwork, Trace, outer_products
from lodo_bench.optimizers.lodo.preconditioner import Descent

# So many weights are worth a thread of their own: handing over work takes some 0.05 ms, and a weight some 2 ns.
_WEIGHTS_PER_THREAD = 2**17
# An individual whose layers have so many weights keeps several threads busy by itself.
_LARGE_LAYER = 4 * _WEIGHTS_PER_THREAD

_Arrays = tuple[np.ndarray, np.ndarray]


def numba_kernel(network: BlockNetwork) -> BlockKernel:
    """The kernel for individuals of this size."""
    large = network.weights[0, 0].numel() >= _LARGE_LAYER
    return LayeredNumbaKernel(network) if large else NumbaKernel(network)


class _CpuKernel(ABC):
    """See `BlockKernel`.

    In `learn` every weight and moment is read and written once, by the pass that goes back through its layer; the
    gradient is never in memory.
    """

    name = "numba"

    def __init__(self, network: BlockNetwork) -> None:
        self._network = network
        self._population, self._layers, self._k, _, self._blocks = network.weights.shape
        self._weights = _flat(network.weights)
        # Unsigned, see `cpu_loops`.
        self._orders, self._entrance = (_flat(t).view(np.uint32) for t in (network.orders, network.entrance))
        self._applied = Trace(network.weights)
        self._trace = _flat(self._applied.inputs), _flat(self._applied.adjoints)
        self._moments: AdamMoments | None = None

    def apply(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._trace)

    def product(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, (_flat(self._pushed.inputs), _flat(self._pushed.adjoints)))

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        self.product(vector)
        return outer_products(self._applied, self._pushed, self._gradient)

    @cached_property
    def _pushed(self) -> Trace:
        return Trace(self._network.weights)

    @cached_property
    def _gradient(self) -> Tensor:
        return torch.empty_like(self._network.weights)

    def _rows(self, moments: AdamMoments) -> _Arrays:
        if moments is not self._moments:
            self._moments, self._moment_rows = moments, (_flat(moments.first), _flat(moments.second))
        return self._moment_rows

    @abstractmethod
    def _pass(self, vector: Tensor, trace: _Arrays) -> Tensor:
        """S times the vectors, which leave their trace."""


@final
class NumbaKernel(_CpuKernel):
    """See `BlockKernel` and `FusedBlockKernel`. Threads share the individuals, where these are enough."""

    def __init__(self, network: BlockNetwork) -> None:
        super().__init__(network)
        self._structure = (0,) * self._k, self._blocks, self._layers, self._weights, self._orders, self._entrance
        self._pieces = network.weights.numel() // _WEIGHTS_PER_THREAD
        hidden, n = self._k * self._blocks, network.entrance.shape[1]
        lengths = 3 * hidden, self._layers * hidden, n
        self._room = tuple(np.empty((self._population, length), self._weights.dtype) for length in lengths)
        self._descent: Descent | None = None

    def learn(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `BlockKernel`."""
        self._descend(gradient, descent, moments, moves=False)

    def move(self, gradient: Tensor, descent: Descent) -> None:
        """See `FusedBlockKernel`."""
        self._descend(gradient, descent, None, moves=True)

    def step(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `FusedBlockKernel`."""
        self._descend(gradient, descent, moments, moves=True)

    def compiled_steps(self, count: int, descent: Descent, moments: AdamMoments) -> CompiledStep:
        """See `FusedBlockKernel`."""
        return CompiledStep(cpu_loops.lodo, self._data(descent, moments, count))

    def _descend(self, gradient: Tensor, descent: Descent, moments: AdamMoments | None, *, moves: bool) -> None:
        data, learns = self._data(descent, moments, 1), moments is not None
        gradients, points = gradient.numpy(), self._points

        def work(first: int, last: int) -> None:
            cpu_loops.descend_all(data, learns, moves, gradients, points, first, last)

        parallel_for(work, self._population, self._pieces)

    def _data(self, descent: Descent, moments: AdamMoments | None, count: int) -> tuple[Any, ...]:
        """What `cpu_loops` says, for so many steps; without moments there is no learning."""
        if descent is not self._descent:
            self._adopt(descent)
        learning: tuple[Any, ...]
        if moments is None:
            learning = self._weights, self._weights, (0.0, 0.0, EPSILON), self._meta_rate, np.zeros(1)
        else:
            gains = 1 - moments.beta1, 1 - moments.beta2, EPSILON
            corrections = np.array([moments.advance() for _ in range(count)])
            learning = *self._rows(moments), gains, self._meta_rate, corrections
        return self._structure, self._trace, learning, self._moving, self._room

    def _adopt(self, descent: Descent) -> None:
        """Take arrays of a descent's tensors, once: taking them costs as much as some of the arithmetic."""
        self._descent = descent
        self._meta_rate, self._points = descent.meta_rate.numpy(), descent.x.numpy()
        columns = (column.expand(self._population, 1).contiguous() for column in (descent.renewal, descent.scale))
        self._moving = tuple(t.numpy() for t in (descent.average, *columns))

    def _pass(self, vector: Tensor, trace: _Arrays) -> Tensor:
        result = torch.empty_like(vector)
        arguments = *self._structure, vector.numpy(), *trace, result.numpy()
        parallel_for(lambda first, last: cpu_loops.apply_all(*arguments, first, last), self._population, self._pieces)
        return result


@final
class LayeredNumbaKernel(_CpuKernel):
    """See `BlockKernel`. Threads share the blocks of a layer, one individual after the other."""

    def __init__(self, network: BlockNetwork) -> None:
        super().__init__(network)
        hidden = self._k * self._blocks
        self._shape = (0,) * self._k, np.uint64(self._blocks)
        self._work = np.empty(3 * hidden, self._weights.dtype)
        self._inputs = np.empty(self._layers * hidden, self._weights.dtype)
        self._pieces = network.weights[0, 0].numel() // _WEIGHTS_PER_THREAD

    def learn(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `BlockKernel`."""
        first, second = self._rows(moments)
        vectors, number = (gradient * -descent.scale).numpy(), self._weights.dtype.type
        gain1, gain2, correction = 1 - moments.beta1, 1 - moments.beta2, moments.advance()
        for p, rate in enumerate(descent.meta_rate.tolist()):
            self._up(p, vectors[p], self._inputs)
            learned, applied = (self._weights[p], first[p], second[p]), (self._trace[0][p], self._trace[1][p])
            factors = tuple(number(factor) for factor in (gain1, gain2, rate * correction, EPSILON))
            for layer in reversed(range(self._layers)):
                arguments = learned, factors, self._orders[p], applied, self._inputs, self._work
                self._share(cpu_loops.down_learning, layer, *arguments)

    def _pass(self, vector: Tensor, trace: _Arrays) -> Tensor:
        result = torch.empty_like(vector)
        vectors, results = vector.numpy(), result.numpy()
        hidden, top = self._k * self._blocks, (self._layers - 1) % 2
        for p, (inputs, adjoints) in enumerate(zip(*trace, strict=True)):
            self._up(p, vectors[p], inputs)
            adjoints[-hidden:] = self._work[top * hidden : (top + 1) * hidden]
            for layer in reversed(range(self._layers)):
                at, following = np.uint64(layer * hidden), np.uint64(max(layer - 1, 0) * hidden)
                arguments = self._weights[p], self._orders[p], adjoints, at, self._work, adjoints, following
                self._share(cpu_loops.down, layer, *arguments)
            cpu_loops.leave(self._work, np.uint64(2 * hidden), self._entrance[p], results[p])
        return result

    def _up(self, p: int, vector: np.ndarray, inputs: np.ndarray) -> None:
        hidden = self._k * self._blocks
        inputs[:hidden] = 0
        cpu_loops.enter(vector, self._entrance[p], inputs)
        for layer in range(self._layers):
            source, result = np.uint64((layer + 1) % 2 * hidden), np.uint64(layer % 2 * hidden)
            arguments = self._weights[p], self._orders[p], self._work, source, inputs, self._work, result
            self._share(cpu_loops.up, layer, *arguments)

    def _share(self, function, layer: int, *arguments) -> None:
        def work(first: int, last: int) -> None:
            start, stop = first * cpu_loops.TILE, min(last * cpu_loops.TILE, self._blocks)
            function(*self._shape, np.uint64(layer), *arguments, np.uint64(start), np.uint64(stop))

        parallel_for(work, -(-self._blocks // cpu_loops.TILE), self._pieces)


def _flat(tensor: Tensor) -> np.ndarray:
    """The same memory as an array with a row for each individual."""
    return tensor.view(len(tensor), -1).numpy()
