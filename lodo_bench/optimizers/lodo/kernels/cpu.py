"""The kernel for CPUs: loops that Numba compiles for the block size, vectorized over the blocks."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, final

import numba
import numpy as np
import torch
from torch import Tensor

from lodo_bench.optimizers.adam import EPSILON, AdamMoments
from lodo_bench.optimizers.lodo.kernels.base import BlockNetwork, Trace, outer_products

# Sums and products may be contracted to fused multiply-adds, but nothing is reordered: the results do not depend on
# where in memory, or beside whom, an individual is, nor on the number of threads.
_SETTINGS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
_compiled = numba.njit(**_SETTINGS)
_MOST_THREADS = numba.get_num_threads()

# In the functions below `size` is a tuple of k numbers. Its length is a constant for the compiler, which so unrolls the
# loops over a block's entries. All that belongs to one individual is flat: a signal is k rows of `blocks` places, a
# layer's weights k² rows, and an argument `..._at` tells where they start, for slices would cost more than the
# arithmetic. Places are unsigned: Numba would check signed ones for being negative, and not vectorize.
_Place = np.uintp


@_compiled
def _forward(size, blocks, weights, at, x, x_at, y, y_at):
    """Y = B(θ) x."""
    k = _Place(len(size))
    for o in range(k):
        for b in range(blocks):
            total = weights[at + o * blocks + b] * x[x_at + b]
            for i in range(_Place(1), k):
                total += weights[at + (i * k + o) * blocks + b] * x[x_at + i * blocks + b]
            y[y_at + o * blocks + b] = total


@_compiled
def _backward(size, blocks, weights, at, x, x_at, y, y_at):
    """Y = B(θ)ᵀ x."""
    k = _Place(len(size))
    for i in range(k):
        for b in range(blocks):
            total = weights[at + i * k * blocks + b] * x[x_at + b]
            for o in range(_Place(1), k):
                total += weights[at + (i * k + o) * blocks + b] * x[x_at + o * blocks + b]
            y[y_at + i * blocks + b] = total


@_compiled
def _gather(x, order, order_at, y, y_at, count):
    for place in range(count):
        y[y_at + place] = x[_Place(order[order_at + place])]


@_compiled
def _scatter(x, order, order_at, y, y_at, count):
    for place in range(count):
        y[y_at + _Place(order[order_at + place])] = x[place]


@_compiled
def _up(size, blocks, layers, weights, orders, entrance, vector, inputs, top, top_at, work):
    """G̃ times a vector: what enters each layer, and what comes out at the top.

    The entries that pad the vector are zero in `inputs` from the start and stay so.
    """
    start, hidden, step = _Place(0), _Place(len(size)) * blocks, _Place(len(size) * len(size)) * blocks
    last = layers - _Place(1)
    _scatter(vector, entrance, start, inputs, start, _Place(len(vector)))
    for layer in range(last):
        _forward(size, blocks, weights, layer * step, inputs, layer * hidden, work, start)
        following = (layer + _Place(1)) * hidden
        _gather(work, orders, following, inputs, following, hidden)
    _forward(size, blocks, weights, last * step, inputs, last * hidden, top, top_at)


@_compiled
def _adam(size, blocks, weights, first, second, at, factors, x, y, trace_at, pushed_x, pushed_y):
    """One step of Adam for the weights of a layer, whose rows of the traces x and y start at `trace_at`."""
    k = _Place(len(size))
    gain1, gain2, scale, offset = factors
    for i in range(k):
        for o in range(k):
            row, x_at, y_at = at + (i * k + o) * blocks, trace_at + i * blocks, trace_at + o * blocks
            pushed_at = o * blocks
            for b in range(blocks):
                gradient = x[x_at + b] * pushed_y[pushed_at + b] + pushed_x[x_at + b] * y[y_at + b]
                mean = first[row + b] + (gradient - first[row + b]) * gain1
                square = second[row + b] + (gradient * gradient - second[row + b]) * gain2
                first[row + b] = mean
                second[row + b] = square
                weights[row + b] -= mean / (math.sqrt(square) * scale + offset)


@_compiled
def _apply_one(size, blocks, layers, weights, orders, entrance, vector, inputs, adjoints, work, result):
    start, hidden, step = _Place(0), _Place(len(size)) * blocks, _Place(len(size) * len(size)) * blocks
    top = (layers - _Place(1)) * hidden
    _up(size, blocks, layers, weights, orders, entrance, vector, inputs, adjoints, top, work)
    for below in range(layers - _Place(1)):
        layer = layers - _Place(1) - below
        _backward(size, blocks, weights, layer * step, adjoints, layer * hidden, work, start)
        _scatter(work, orders, layer * hidden, adjoints, (layer - _Place(1)) * hidden, hidden)
    _backward(size, blocks, weights, start, adjoints, start, work, start)
    _gather(work, entrance, start, result, start, _Place(len(result)))


@_compiled
def _learn_one(
    size, blocks, layers, weights, first, second, factors, orders, entrance, vector, inputs, adjoints, pushed, signal,
    work,
):  # fmt: skip
    start, hidden, step = _Place(0), _Place(len(size)) * blocks, _Place(len(size) * len(size)) * blocks
    _up(size, blocks, layers, weights, orders, entrance, vector, pushed, signal, start, work)
    for below in range(layers):
        layer = layers - _Place(1) - below
        at = layer * hidden
        # The pass that goes back is the last to use a layer's weights, so it may change them.
        if layer:
            _backward(size, blocks, weights, layer * step, signal, start, work, start)
        _adam(size, blocks, weights, first, second, layer * step, factors, inputs, adjoints, at, pushed, signal)
        if layer:
            _scatter(work, orders, at, signal, start, hidden)


def _apply(size, blocks, layers, weights, orders, entrance, vectors, inputs, adjoints, work, results):
    for p in numba.prange(len(weights)):
        _apply_one(
            size, _Place(blocks), _Place(layers), weights[p], orders[p], entrance[p], vectors[p],
            inputs[p], adjoints[p], work[p, 0], results[p],
        )  # fmt: skip


def _learn(
    size, blocks, layers, weights, first, second, betas, rates, correction, orders, entrance, vectors, inputs, adjoints,
    pushed, work,
):  # fmt: skip
    for p in numba.prange(len(weights)):
        number, rate = vectors.dtype.type, rates[p] * correction
        factors = number(1 - betas[0]), number(1 - betas[1]), number(1 / rate), number(EPSILON / rate)
        _learn_one(
            size, _Place(blocks), _Place(layers), weights[p], first[p], second[p], factors, orders[p], entrance[p],
            vectors[p], inputs[p], adjoints[p], pushed[p], work[p, 0], work[p, 1],
        )  # fmt: skip


# For one thread, and for several that share the individuals.
_APPLY = _compiled(_apply), numba.njit(parallel=True, **_SETTINGS)(_apply)
_LEARN = _compiled(_learn), numba.njit(parallel=True, **_SETTINGS)(_learn)


@final
class NumbaKernel:
    """See `BlockKernel`. Individuals one after the other, or shared among as many threads as PyTorch uses.

    In `learn` every weight and moment is read and written once, by the pass that goes back through its layer; the
    gradient is never in memory.
    """

    name = "numba"

    def __init__(self, network: BlockNetwork) -> None:
        self._network = network
        population, layers, k, _, blocks = network.weights.shape
        self._shape = (0,) * k, blocks, layers
        self._weights = _flat(network.weights)
        self._places = _flat(network.orders), network.entrance.numpy()
        self._applied = Trace(network.weights)
        self._trace = _flat(self._applied.inputs), _flat(self._applied.adjoints)
        self._pushed_inputs = np.zeros_like(self._trace[0])
        self._work = np.empty((population, 2, k * blocks), self._weights.dtype)
        self._moments: AdamMoments | None = None

    def apply(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, *self._trace)

    def product(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._pushed_inputs, _flat(self._pushed.adjoints))

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        self._pass(vector, _flat(self._pushed.inputs), _flat(self._pushed.adjoints))
        return outer_products(self._applied, self._pushed, self._gradient)

    def learn(self, vector: Tensor, moments: AdamMoments, learning_rate: Tensor) -> None:
        """See `BlockKernel`."""
        if moments is not self._moments:
            self._moments, self._moment_rows = moments, (_flat(moments.first), _flat(moments.second))
        _LEARN[self._threads()](
            *self._shape,
            self._weights,
            *self._moment_rows,
            (moments.beta1, moments.beta2),
            learning_rate.numpy(),
            moments.advance(),
            *self._places,
            vector.numpy(),
            *self._trace,
            self._pushed_inputs,
            self._work,
        )

    @cached_property
    def _pushed(self) -> Trace:
        return Trace(self._network.weights)

    @cached_property
    def _gradient(self) -> Tensor:
        return torch.empty_like(self._network.weights)

    def _pass(self, vector: Tensor, inputs: np.ndarray, adjoints: np.ndarray) -> Tensor:
        result = torch.empty_like(vector)
        _APPLY[self._threads()](
            *self._shape,
            self._weights,
            *self._places,
            vector.numpy(),
            inputs,
            adjoints,
            self._work,
            result.numpy(),
        )
        return result

    def _threads(self) -> bool:
        """Whether several threads are to share the individuals; tells Numba how many."""
        threads = min(torch.get_num_threads(), len(self._weights), _MOST_THREADS)
        if threads == 1:
            return False
        numba.set_num_threads(threads)
        return True


def _flat(tensor: Tensor) -> np.ndarray:
    """The same memory as an array with a row for each individual."""
    return tensor.view(len(tensor), -1).numpy()
