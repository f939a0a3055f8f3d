"""LODO's preconditioner on NVIDIA GPUs: one kernel launch per layer and direction."""

from __future__ import annotations

from typing import final

import torch
import triton
import triton.language as tl
from torch import Tensor
from typing_extensions import override

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.block_network import Activations, BlockPreconditioner
from lodo_bench.optimizers.lodo.preconditioner import FusedSteps, StepState

# The blocks of the network per program, whose threads read neighboring entries of every row together.
_TILE = 256

# In the kernels, a program processes TILE blocks of one individual (its second index). A signal is K rows of `blocks`
# entries; the `weights` of a layer are K · K such rows, input entry before output entry. All pointers are those of the
# layer, of the first individual; the strides lead to the others.


@triton.jit
def _forward(
    weights, source, permutation, inputs, result, blocks, weight_stride, permutation_stride, activation_stride,
    result_stride, source_stride, GATHER: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Compute B(θ) x, where x is the permuted `source`, which is stored in `inputs`, or what is in `inputs` already."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    mask = b < blocks
    weights += individual * weight_stride
    inputs += individual * activation_stride
    result += individual * result_stride
    for o in tl.static_range(K):
        total = tl.zeros((TILE,), dtype=result.dtype.element_ty)
        for i in tl.static_range(K):
            if GATHER:
                index = tl.load(permutation + individual * permutation_stride + i * blocks + b, mask=mask, other=0)
                x = tl.load(source + individual * source_stride + index, mask=mask, other=0.0)
                if o == 0:
                    tl.store(inputs + i * blocks + b, x, mask=mask)
            else:
                x = tl.load(inputs + i * blocks + b, mask=mask, other=0.0)
            total += tl.load(weights + (i * K + o) * blocks + b, mask=mask, other=0.0) * x
        tl.store(result + o * blocks + b, total, mask=mask)


@triton.jit
def _backward(
    weights, adjoints, permutation, result, blocks, weight_stride, adjoint_stride, permutation_stride, result_stride,
    SCATTER: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Compute B(θ)ᵀ x, with x the `adjoints`, and permute it back, unless this is the first layer."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    mask = b < blocks
    weights += individual * weight_stride
    adjoints += individual * adjoint_stride
    result += individual * result_stride
    for i in tl.static_range(K):
        total = tl.zeros((TILE,), dtype=result.dtype.element_ty)
        for o in tl.static_range(K):
            x = tl.load(adjoints + o * blocks + b, mask=mask, other=0.0)
            total += tl.load(weights + (i * K + o) * blocks + b, mask=mask, other=0.0) * x
        index = i * blocks + b
        if SCATTER:
            index = tl.load(permutation + individual * permutation_stride + index, mask=mask, other=0).to(tl.int64)
        tl.store(result + index, total, mask=mask)


@triton.jit
def _backward_and_update(
    weights, first, second, inputs, adjoints, v_inputs, v_adjoints, permutation, result, factors, blocks,
    weight_stride, activation_stride, v_stride, signal_stride, permutation_stride,
    LAST: tl.constexpr, K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Pass v back as `_backward` does, and update each weight by a step of Adam; the LAST layer passes nothing on."""
    individual = tl.program_id(1).to(tl.int64)
    b = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    mask = b < blocks
    weights += individual * weight_stride
    first += individual * weight_stride
    second += individual * weight_stride
    inputs += individual * activation_stride
    adjoints += individual * activation_stride
    v_inputs += individual * v_stride
    v_adjoints += individual * signal_stride
    factors += individual * 4
    rate, eps = tl.load(factors), tl.load(factors + 3)
    one_minus_beta1, one_minus_beta2 = tl.load(factors + 1), tl.load(factors + 2)
    for i in tl.static_range(K):
        x = tl.load(inputs + i * blocks + b, mask=mask, other=0.0)
        v_input = tl.load(v_inputs + i * blocks + b, mask=mask, other=0.0)
        total = tl.zeros((TILE,), dtype=weights.dtype.element_ty)
        for o in tl.static_range(K):
            at = (i * K + o) * blocks + b
            y = tl.load(adjoints + o * blocks + b, mask=mask, other=0.0)
            v_adjoint = tl.load(v_adjoints + o * blocks + b, mask=mask, other=0.0)
            weight = tl.load(weights + at, mask=mask, other=0.0)
            mean = tl.load(first + at, mask=mask, other=0.0)
            square = tl.load(second + at, mask=mask, other=0.0)
            total += weight * v_adjoint
            gradient = x * v_adjoint + v_input * y
            mean += (gradient - mean) * one_minus_beta1
            square += (gradient * gradient - square) * one_minus_beta2
            tl.store(first + at, mean, mask=mask)
            tl.store(second + at, square, mask=mask)
            tl.store(weights + at, weight - rate * mean / (tl.sqrt(square) + eps), mask=mask)
        if not LAST:
            index = tl.load(permutation + individual * permutation_stride + i * blocks + b, mask=mask, other=0)
            tl.store(result + individual * signal_stride + index, total, mask=mask)


@final
class TritonPreconditioner(BlockPreconditioner, FusedSteps):
    """The implementation in Triton.

    In `update_weights`, every weight and moment is read and written once, by the launch that passes back through its
    layer; the gradient of the weights is never in memory.
    """

    @override
    def prepare(self) -> None:
        population, self._layers, self._k, _, self._blocks = self.weights.shape
        self._grid = (triton.cdiv(self._blocks, _TILE), population)
        self._embedding = self.embedding_index.long()
        self._v_inputs = torch.zeros_like(self.activations.inputs)
        # The signals between layers: one is read, permuted, while the other is written.
        self._signals = self.weights.new_zeros(2, population, self._k * self._blocks)

    @override
    def apply(self, vector: Tensor, activations: Activations) -> Tensor:
        adjoints = activations.adjoints
        self._forward(vector, activations.inputs, adjoints[:, -1])
        for layer in range(self._layers - 1, -1, -1):
            result = adjoints[:, layer - 1] if layer else self._signals[0]
            _backward[self._grid](
                self.weights[:, layer],
                adjoints[:, layer],
                self.permutations[:, layer],
                result,
                self._blocks,
                self.weights.stride(0),
                adjoints.stride(0),
                self.permutations.stride(0),
                result.stride(0),
                SCATTER=layer > 0,
                K=self._k,
                TILE=_TILE,
            )
        return self._signals[0].gather(1, self._embedding)

    @override
    def update_weights(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        rates = state.meta_lr * moments.advance()
        others = (1 - moments.beta1, 1 - moments.beta2, moments.eps)
        factors = torch.stack((rates, *(torch.ones_like(rates) * number for number in others)), dim=1)
        signal, following = self._signals[(self._layers - 1) % 2], self._signals[self._layers % 2]
        self._forward(gradient * -state.initial_lr, self._v_inputs, signal)
        for layer in range(self._layers - 1, -1, -1):
            _backward_and_update[self._grid](
                self.weights[:, layer],
                moments.first[:, layer],
                moments.second[:, layer],
                self.activations.inputs[:, layer],
                self.activations.adjoints[:, layer],
                self._v_inputs[:, layer],
                signal,
                self.permutations[:, layer],
                following,
                factors,
                self._blocks,
                self.weights.stride(0),
                self.activations.inputs.stride(0),
                self._v_inputs.stride(0),
                signal.stride(0),
                self.permutations.stride(0),
                LAST=layer == 0,
                K=self._k,
                TILE=_TILE,
            )
            signal, following = following, signal

    @override
    def update_parameters(self, gradient: Tensor, state: StepState) -> None:
        state.momentum.lerp_(gradient, state.ema_weight)
        state.x.addcmul_(self.forward(state.momentum), state.initial_lr, value=-1)

    @override
    def step(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        self.update_weights(gradient, state, moments)
        self.update_parameters(gradient, state)

    def _forward(self, vector: Tensor, inputs: Tensor, result: Tensor) -> None:
        """Multiply by G̃, and store the inputs of each layer."""
        inputs.flatten(2)[:, 0].scatter_(1, self._embedding, vector)
        source = self._signals[0]
        for layer in range(self._layers):
            target = result if layer == self._layers - 1 else self._signals[layer % 2]
            _forward[self._grid](
                self.weights[:, layer],
                source,
                self.permutations[:, layer],
                inputs[:, layer],
                target,
                self._blocks,
                self.weights.stride(0),
                self.permutations.stride(0),
                inputs.stride(0),
                target.stride(0),
                source.stride(0),
                GATHER=layer > 0,
                K=self._k,
                TILE=_TILE,
            )
            source = target
