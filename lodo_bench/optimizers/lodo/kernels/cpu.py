"""The kernel for CPUs: loops that Numba compiles for the block size, vectorized over the blocks."""

from __future__ import annotations

import math
from functools import cached_property
from typing import final

import numba
import numpy as np
import torch
from torch import Tensor

from lodo_bench.optimizers.adam import EPSILON, AdamMoments
from lodo_bench.optimizers.lodo.kernels.base import BlockNetwork, Trace, outer_products

# Sums and products may be contracted to fused multiply-adds, but nothing is reordered: the results do not depend on
# where in memory, or beside whom, an individual is.
_compiled = numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")

# In the functions below `size` is a tuple of k numbers. Its length is a constant for the compiler, which so keeps a
# block's entries in registers. A signal x is k rows of ñ/k places, one after the other; `weights` of a layer (k², ñ/k).


@_compiled
def _forward(size, weights, x, y):
    k, blocks = len(size), weights.shape[1]
    for b in range(blocks):
        for o in range(k):
            total = weights[o, b] * x[b]
            for i in range(1, k):
                total += weights[i * k + o, b] * x[i * blocks + b]
            y[o * blocks + b] = total


@_compiled
def _backward(size, weights, x, y):
    k, blocks = len(size), weights.shape[1]
    for b in range(blocks):
        for i in range(k):
            total = weights[i * k, b] * x[b]
            for o in range(1, k):
                total += weights[i * k + o, b] * x[o * blocks + b]
            y[i * blocks + b] = total


@_compiled
def _gather(x, order, y):
    for place in range(len(order)):
        y[place] = x[order[place]]


@_compiled
def _scatter(x, order, y):
    for place in range(len(order)):
        y[order[place]] = x[place]


@_compiled
def _up(size, weights, orders, entrance, vector, inputs, top, work):
    """G̃ times a vector: what enters each layer, and what comes out at the top."""
    layers = len(weights)
    inputs[0, :] = 0
    _scatter(vector, entrance, inputs[0])
    for layer in range(layers - 1):
        _forward(size, weights[layer], inputs[layer], work)
        _gather(work, orders[layer + 1], inputs[layer + 1])
    _forward(size, weights[layers - 1], inputs[layers - 1], top)


@_compiled
def _apply(size, weights, orders, entrance, vectors, inputs, adjoints, work, results):
    population, layers = weights.shape[:2]
    for p in range(population):
        _up(size, weights[p], orders[p], entrance[p], vectors[p], inputs[p], adjoints[p, layers - 1], work)
        for layer in range(layers - 1, 0, -1):
            _backward(size, weights[p, layer], adjoints[p, layer], work)
            _scatter(work, orders[p, layer], adjoints[p, layer - 1])
        _backward(size, weights[p, 0], adjoints[p, 0], work)
        _gather(work, entrance[p], results[p])


@_compiled
def _adam(size, weights, first, second, gains, scale, offset, inputs, adjoint, pushed_input, pushed_adjoint):
    k, blocks = len(size), weights.shape[1]
    for entry in range(k * k):
        i, o = entry // k * blocks, entry % k * blocks
        for b in range(blocks):
            gradient = inputs[i + b] * pushed_adjoint[o + b] + pushed_input[i + b] * adjoint[o + b]
            mean = first[entry, b] + (gradient - first[entry, b]) * gains[0]
            square = second[entry, b] + (gradient * gradient - second[entry, b]) * gains[1]
            first[entry, b] = mean
            second[entry, b] = square
            weights[entry, b] -= mean / (math.sqrt(square) * scale + offset)


@_compiled
def _learn(
    size, weights, first, second, orders, entrance, vectors, inputs, adjoints, pushed, signal, work, gains, scales
):
    population, layers = weights.shape[:2]
    for p in range(population):
        _up(size, weights[p], orders[p], entrance[p], vectors[p], pushed, signal, work)
        for layer in range(layers - 1, -1, -1):
            # The pass that goes back is the last to use a layer's weights, so it may change them.
            if layer:
                _backward(size, weights[p, layer], signal, work)
            _adam(
                size,
                weights[p, layer],
                first[p, layer],
                second[p, layer],
                gains,
                scales[0, p],
                scales[1, p],
                inputs[p, layer],
                adjoints[p, layer],
                pushed[layer],
                signal,
            )
            if layer:
                _scatter(work, orders[p, layer], signal)


@final
class NumbaKernel:
    """See `BlockKernel`. Individuals one after the other, each of a size that stays in the cache while it is at work.

    In `learn` every weight and moment is read and written once, by the pass that goes back through its layer.
    """

    name = "numba"

    def __init__(self, network: BlockNetwork) -> None:
        self._network = network
        population, layers, k, _, blocks = network.weights.shape
        self._size = (0,) * k
        self._weights = network.weights.view(population, layers, k * k, blocks).numpy()
        self._orders, self._entrance = network.orders.numpy(), network.entrance.numpy()
        self._applied = Trace(network.weights)
        self._inputs, self._adjoints = _rows(self._applied)
        self._learn_work = np.zeros((layers, k * blocks), self._weights.dtype)
        self._signal, self._work = np.zeros((2, k * blocks), self._weights.dtype)
        self._moments: AdamMoments | None = None

    def apply(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._inputs, self._adjoints)

    def product(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, *_rows(self._pushed))

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        self.product(vector)
        return outer_products(self._applied, self._pushed, self._gradient)

    def learn(self, vector: Tensor, moments: AdamMoments, learning_rate: Tensor) -> None:
        """See `BlockKernel`."""
        if moments is not self._moments:
            self._adopt(moments)
        rates = learning_rate.numpy() * moments.advance()
        np.divide(1, rates, out=self._scales[0])
        np.divide(EPSILON, rates, out=self._scales[1])
        _learn(
            self._size,
            self._weights,
            self._first,
            self._second,
            self._orders,
            self._entrance,
            vector.numpy(),
            self._inputs,
            self._adjoints,
            self._learn_work,
            self._signal,
            self._work,
            self._gains,
            self._scales,
        )

    @cached_property
    def _pushed(self) -> Trace:
        return Trace(self._network.weights)

    @cached_property
    def _gradient(self) -> Tensor:
        return torch.empty_like(self._network.weights)

    def _adopt(self, moments: AdamMoments) -> None:
        self._moments = moments
        self._first, self._second = (m.view(self._weights.shape).numpy() for m in (moments.first, moments.second))
        self._gains = np.array([1 - moments.beta1, 1 - moments.beta2], self._weights.dtype)
        self._scales = np.empty((2, len(self._weights)), self._weights.dtype)

    def _pass(self, vector: Tensor, inputs: np.ndarray, adjoints: np.ndarray) -> Tensor:
        result = torch.empty_like(vector)
        _apply(
            self._size,
            self._weights,
            self._orders,
            self._entrance,
            vector.numpy(),
            inputs,
            adjoints,
            self._work,
            result.numpy(),
        )
        return result


def _rows(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    return trace.inputs.flatten(2).numpy(), trace.adjoints.flatten(2).numpy()
