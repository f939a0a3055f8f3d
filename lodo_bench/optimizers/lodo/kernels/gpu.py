"""The kernel for NVIDIA GPUs, in Triton: a launch for each layer and direction."""

from __future__ import annotations

from functools import cached_property
from typing import final

import torch
import triton
import triton.language as tl
from torch import Tensor

from lodo_bench.optimizers.adam import EPSILON, AdamMoments
from lodo_bench.optimizers.lodo.kernels.base import BlockNetwork, Trace, outer_products
from lodo_bench.optimizers.lodo.preconditioner import Descent

# Blocks of the network for each program; its threads read neighboring places of every row together.
_TILE = 256

# In the kernels a program works on TILE blocks of one individual (its second index). A signal is K rows of `blocks`
# places; `weights` of a layer are K · K such rows, input entry before output entry. All pointers are those of the
# layer, of the first individual; the strides lead to the others.


@triton.jit
def _forward(
    weights, source, order, inputs, result, blocks, weight_stride, order_stride, trace_stride, result_stride,
    source_stride, GATHER: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Result = B(θ) x, where x is `source` taken in `order`, and is kept in `inputs`; or what `inputs` has already."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    there = b < blocks
    weights += individual * weight_stride
    inputs += individual * trace_stride
    result += individual * result_stride
    for o in tl.static_range(K):
        total = tl.zeros((TILE,), dtype=result.dtype.element_ty)
        for i in tl.static_range(K):
            if GATHER:
                place = tl.load(order + individual * order_stride + i * blocks + b, mask=there, other=0)
                x = tl.load(source + individual * source_stride + place, mask=there, other=0.0)
                if o == 0:
                    tl.store(inputs + i * blocks + b, x, mask=there)
            else:
                x = tl.load(inputs + i * blocks + b, mask=there, other=0.0)
            total += tl.load(weights + (i * K + o) * blocks + b, mask=there, other=0.0) * x
        tl.store(result + o * blocks + b, total, mask=there)


@triton.jit
def _backward(
    weights, adjoints, order, result, blocks, weight_stride, adjoint_stride, order_stride, result_stride,
    SCATTER: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Result = B(θ)ᵀ x, with x the `adjoints`, put where `order` says, or where it is."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    there = b < blocks
    weights += individual * weight_stride
    adjoints += individual * adjoint_stride
    result += individual * result_stride
    for i in tl.static_range(K):
        total = tl.zeros((TILE,), dtype=result.dtype.element_ty)
        for o in tl.static_range(K):
            x = tl.load(adjoints + o * blocks + b, mask=there, other=0.0)
            total += tl.load(weights + (i * K + o) * blocks + b, mask=there, other=0.0) * x
        place = i * blocks + b
        if SCATTER:
            place = tl.load(order + individual * order_stride + place, mask=there, other=0).to(tl.int64)
        tl.store(result + place, total, mask=there)


@triton.jit
def _backward_and_learn(
    weights, first, second, inputs, adjoints, pushed_inputs, pushed_adjoints, order, result, factors, blocks,
    weight_stride, trace_stride, pushed_stride, signal_stride, order_stride,
    LAST: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """As `_backward` for what is pushed back, while each weight takes its step of Adam; LAST goes back no further."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    there = b < blocks
    weights += individual * weight_stride
    first += individual * weight_stride
    second += individual * weight_stride
    inputs += individual * trace_stride
    adjoints += individual * trace_stride
    pushed_inputs += individual * pushed_stride
    pushed_adjoints += individual * signal_stride
    factors += individual * 4
    rate, gain1, gain2, epsilon = tl.load(factors), tl.load(factors + 1), tl.load(factors + 2), tl.load(factors + 3)
    for i in tl.static_range(K):
        x = tl.load(inputs + i * blocks + b, mask=there, other=0.0)
        pushed_x = tl.load(pushed_inputs + i * blocks + b, mask=there, other=0.0)
        total = tl.zeros((TILE,), dtype=weights.dtype.element_ty)
        for o in tl.static_range(K):
            at = (i * K + o) * blocks + b
            y = tl.load(adjoints + o * blocks + b, mask=there, other=0.0)
            pushed_y = tl.load(pushed_adjoints + o * blocks + b, mask=there, other=0.0)
            weight = tl.load(weights + at, mask=there, other=0.0)
            mean = tl.load(first + at, mask=there, other=0.0)
            square = tl.load(second + at, mask=there, other=0.0)
            total += weight * pushed_y
            gradient = x * pushed_y + pushed_x * y
            mean += (gradient - mean) * gain1
            square += (gradient * gradient - square) * gain2
            tl.store(first + at, mean, mask=there)
            tl.store(second + at, square, mask=there)
            tl.store(weights + at, weight - rate * mean / (tl.sqrt(square) + epsilon), mask=there)
        if not LAST:
            place = tl.load(order + individual * order_stride + i * blocks + b, mask=there, other=0)
            tl.store(result + individual * signal_stride + place, total, mask=there)


@final
class TritonKernel:
    """See `BlockKernel`.

    In `learn` every weight and moment is read and written once, by the launch that goes back through its layer; the
    gradient is never in memory.
    """

    name = "triton"

    def __init__(self, network: BlockNetwork) -> None:
        self._weights, self._orders = network.weights, network.orders
        self._population, self._layers, self._k, _, self._blocks = network.weights.shape
        self._grid = (triton.cdiv(self._blocks, _TILE), self._population)
        self._entrance = network.entrance.long()
        self._applied = Trace(self._weights)
        self._learn_inputs = torch.zeros_like(self._applied.inputs)
        # What the layers hand to each other: one is read in another order while the other is written.
        self._signals = self._weights.new_zeros(2, self._population, self._k * self._blocks)

    def apply(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._applied)

    def product(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._pushed)

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        self._pass(vector, self._pushed)
        return outer_products(self._applied, self._pushed, self._gradient)

    def learn(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `BlockKernel`."""
        rates = descent.meta_rate * moments.advance()
        others = (1 - moments.beta1, 1 - moments.beta2, EPSILON)
        factors = torch.stack((rates, *(torch.ones_like(rates) * number for number in others)), dim=1)
        signal, following = self._signals[(self._layers - 1) % 2], self._signals[self._layers % 2]
        self._up(gradient * -descent.scale, self._learn_inputs, signal)
        for layer in range(self._layers - 1, -1, -1):
            _backward_and_learn[self._grid](
                self._weights[:, layer],
                moments.first[:, layer],
                moments.second[:, layer],
                self._applied.inputs[:, layer],
                self._applied.adjoints[:, layer],
                self._learn_inputs[:, layer],
                signal,
                self._orders[:, layer],
                following,
                factors,
                self._blocks,
                self._weights.stride(0),
                self._applied.inputs.stride(0),
                self._learn_inputs.stride(0),
                signal.stride(0),
                self._orders.stride(0),
                LAST=layer == 0,
                K=self._k,
                TILE=_TILE,
            )
            signal, following = following, signal

    @cached_property
    def _pushed(self) -> Trace:
        return Trace(self._weights)

    @cached_property
    def _gradient(self) -> Tensor:
        return torch.empty_like(self._weights)

    def _pass(self, vector: Tensor, trace: Trace) -> Tensor:
        self._up(vector, trace.inputs, trace.adjoints[:, -1])
        for layer in range(self._layers - 1, -1, -1):
            result = trace.adjoints[:, layer - 1] if layer else self._signals[0]
            _backward[self._grid](
                self._weights[:, layer],
                trace.adjoints[:, layer],
                self._orders[:, layer],
                result,
                self._blocks,
                self._weights.stride(0),
                trace.adjoints.stride(0),
                self._orders.stride(0),
                result.stride(0),
                SCATTER=layer > 0,
                K=self._k,
                TILE=_TILE,
            )
        return self._signals[0].gather(1, self._entrance)

    def _up(self, vector: Tensor, inputs: Tensor, top: Tensor) -> None:
        """G̃ times a vector: what enters each layer, and what comes out at the top.

        The entries that pad the vector are zero in `inputs` from the start and stay so.
        """
        inputs.flatten(2)[:, 0].scatter_(1, self._entrance, vector)
        former = self._signals[0]
        for layer in range(self._layers):
            result = top if layer == self._layers - 1 else self._signals[layer % 2]
            _forward[self._grid](
                self._weights[:, layer],
                former,
                self._orders[:, layer],
                inputs[:, layer],
                result,
                self._blocks,
                self._weights.stride(0),
                self._orders.stride(0),
                inputs.stride(0),
                result.stride(0),
                former.stride(0),
                GATHER=layer > 0,
                K=self._k,
                TILE=_TILE,
            )
            former = result
