"""LODO's preconditioner on CPUs: threads share small individuals, or the blocks of large ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.backends.compiled_loop import CompiledStep, Steps
from lodo_bench.backends.numba import lodo_loops as loops
from lodo_bench.compute.threads import parallel_for
from lodo_bench.optimizers.adam import EPSILON, AdamMoments
from lodo_bench.optimizers.lodo.block_network import Activations, BlockNetwork, BlockPreconditioner
from lodo_bench.optimizers.lodo.lodo import Lodo, LodoNoMomentum
from lodo_bench.optimizers.lodo.preconditioner import FusedSteps, StepState

# The number of weights that is worth a thread of its own: handing over work takes about 0.05 ms, and a weight 2 ns.
_WEIGHTS_PER_THREAD = 2**17
# An individual whose layers have this many weights keeps several threads busy.
_LARGE_LAYER = 4 * _WEIGHTS_PER_THREAD


def numba_preconditioner(network: BlockNetwork) -> BlockPreconditioner:
    """Return the implementation for individuals of this size."""
    is_large = network.weights[0, 0].numel() >= _LARGE_LAYER
    return LayeredNumbaPreconditioner(network) if is_large else NumbaPreconditioner(network)


def lodo_steps(optimizer: Lodo | LodoNoMomentum) -> Steps | None:
    """Return the compiled steps of LODO, or None for large individuals, or for one without layers."""
    preconditioner, moments = optimizer.preconditioner, optimizer.meta_optimizer
    if not isinstance(preconditioner, NumbaPreconditioner):
        return None
    assert isinstance(moments, AdamMoments), "the meta-optimizer of these two"
    state = optimizer.stepper.state
    return lambda count: CompiledStep(loops.lodo, preconditioner.step_data(state, moments, count))


@final
class NumbaPreconditioner(BlockPreconditioner, FusedSteps):
    """The implementation for small individuals, which threads share.

    In a step, every weight and moment is read and written once, in the pass back through its layer; the gradient of the
    weights is never in memory.
    """

    @override
    def prepare(self) -> None:
        population, layers, k, _, blocks = self.weights.shape
        self._network = (0,) * k, blocks, layers, *_network_arrays(self)
        self._max_chunks = self.weights.numel() // _WEIGHTS_PER_THREAD
        lengths = 3 * k * blocks, layers * k * blocks, self.embedding_index.shape[1]
        self._workspace = tuple(np.empty((population, length), _flat(self.weights).dtype) for length in lengths)
        self._inputs, self._adjoints = _flat(self.activations.inputs), _flat(self.activations.adjoints)
        self._state: StepState | None = None
        self._moments: AdamMoments | None = None

    @override
    def apply(self, vector: Tensor, activations: Activations) -> Tensor:
        result = torch.empty_like(vector)
        inputs, adjoints = _flat(activations.inputs), _flat(activations.adjoints)
        arguments = self._network, vector.numpy(), inputs, adjoints, result.numpy()
        parallel_for(lambda first, last: loops.apply_all(*arguments, first, last), len(vector), self._max_chunks)
        return result

    @override
    def update_weights(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        self._step(gradient, state, moments, updates_parameters=False)

    @override
    def update_parameters(self, gradient: Tensor, state: StepState) -> None:
        self._step(gradient, state, None, updates_parameters=True)

    @override
    def step(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        self._step(gradient, state, moments, updates_parameters=True)

    def step_data(self, state: StepState, moments: AdamMoments | None, count: int) -> tuple[Any, ...]:
        """Return the data of `lodo_loops` for `count` steps; without moments the weights cannot be updated."""
        if state is not self._state:
            self._take_arrays(state)
        adam: tuple[Any, ...]
        if moments is None:
            weights = self._network[3]
            adam = weights, weights, (0.0, 0.0, EPSILON), self._meta_lr, np.zeros(1)
        else:
            if moments is not self._moments:
                self._moments, self._moment_arrays = moments, (_flat(moments.first), _flat(moments.second))
            factors = 1 - moments.beta1, 1 - moments.beta2, moments.eps
            corrections = np.array([moments.advance() for _ in range(count)])
            adam = *self._moment_arrays, factors, self._meta_lr, corrections
        return self._network, (self._inputs, self._adjoints), adam, self._momentum_arrays, self._workspace

    def _step(
        self, gradient: Tensor, state: StepState, moments: AdamMoments | None, *, updates_parameters: bool
    ) -> None:
        data, updates_weights = self.step_data(state, moments, 1), moments is not None
        gradients, points = gradient.numpy(), self._points

        def work(first: int, last: int) -> None:
            loops.step_all(data, updates_weights, updates_parameters, gradients, points, first, last)

        parallel_for(work, len(gradient), self._max_chunks)

    def _take_arrays(self, state: StepState) -> None:
        """Take the arrays of a state's tensors once: taking one costs as much as some of the arithmetic."""
        self._state = state
        self._meta_lr, self._points = state.meta_lr.numpy(), state.x.numpy()
        columns = (column.expand(len(state.x), 1).contiguous() for column in (state.ema_weight, state.initial_lr))
        self._momentum_arrays = tuple(tensor.numpy() for tensor in (state.momentum, *columns))


@final
class LayeredNumbaPreconditioner(BlockPreconditioner, FusedSteps):
    """The implementation for large individuals: threads share the blocks of a layer, one individual after the other."""

    @override
    def prepare(self) -> None:
        _, self._layers, k, _, self._blocks = self.weights.shape
        self._hidden = k * self._blocks
        self._shape = (0,) * k, np.uint64(self._blocks)
        self._weights, self._permutations, self._embedding_index = _network_arrays(self)
        self._work = np.empty(3 * self._hidden, self._weights.dtype)
        self._v_inputs = np.empty(self._layers * self._hidden, self._weights.dtype)
        self._max_chunks = self.weights[0, 0].numel() // _WEIGHTS_PER_THREAD

    @override
    def apply(self, vector: Tensor, activations: Activations) -> Tensor:
        result = torch.empty_like(vector)
        vectors, results, hidden = vector.numpy(), result.numpy(), self._hidden
        last = (self._layers - 1) % 2
        arrays = _flat(activations.inputs), _flat(activations.adjoints)
        for p, (inputs, adjoints) in enumerate(zip(*arrays, strict=True)):
            self._forward(p, vectors[p], inputs)
            adjoints[-hidden:] = self._work[last * hidden : (last + 1) * hidden]
            for layer in reversed(range(self._layers)):
                at, result_at = np.uint64(layer * hidden), np.uint64(max(layer - 1, 0) * hidden)
                network = self._weights[p], self._permutations[p]
                self._divide(loops.backward, layer, *network, adjoints, at, self._work, adjoints, result_at)
            loops.project(self._work, np.uint64(2 * hidden), self._embedding_index[p], results[p])
        return result

    @override
    def update_weights(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        first, second = _flat(moments.first), _flat(moments.second)
        inputs, adjoints = _flat(self.activations.inputs), _flat(self.activations.adjoints)
        vectors, cast = (gradient * -state.initial_lr).numpy(), self._weights.dtype.type
        one_minus_beta1, one_minus_beta2, correction = 1 - moments.beta1, 1 - moments.beta2, moments.advance()
        for p, meta_lr in enumerate(state.meta_lr.tolist()):
            self._forward(p, vectors[p], self._v_inputs)
            learned, u = (self._weights[p], first[p], second[p]), (inputs[p], adjoints[p])
            factors = tuple(map(cast, (one_minus_beta1, one_minus_beta2, meta_lr * correction, moments.eps)))
            for layer in reversed(range(self._layers)):
                arguments = learned, factors, self._permutations[p], u, self._v_inputs, self._work
                self._divide(loops.backward_and_update, layer, *arguments)

    @override
    def update_parameters(self, gradient: Tensor, state: StepState) -> None:
        state.momentum.lerp_(gradient, state.ema_weight)
        state.x.addcmul_(self.forward(state.momentum), state.initial_lr, value=-1)

    @override
    def step(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        self.update_weights(gradient, state, moments)
        self.update_parameters(gradient, state)

    def _forward(self, p: int, vector: np.ndarray, inputs: np.ndarray) -> None:
        inputs[: self._hidden] = 0
        loops.embed(vector, self._embedding_index[p], inputs)
        for layer in range(self._layers):
            source_at, result_at = (np.uint64((layer + offset) % 2 * self._hidden) for offset in (1, 0))
            network = self._weights[p], self._permutations[p]
            self._divide(loops.forward, layer, *network, self._work, source_at, inputs, self._work, result_at)

    def _divide(self, loop: Callable[..., object], layer: int, *arguments: Any) -> None:
        """Run a loop over the blocks of a layer, divided among threads."""

        def work(first: int, last: int) -> None:
            start, stop = first * loops.TILE, min(last * loops.TILE, self._blocks)
            loop(*self._shape, np.uint64(layer), *arguments, np.uint64(start), np.uint64(stop))

        parallel_for(work, -(-self._blocks // loops.TILE), self._max_chunks)


def _network_arrays(preconditioner: BlockPreconditioner) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, permutations and embedding index as arrays; indices are unsigned, see `lodo_loops`."""
    permutations, embedding_index = _flat(preconditioner.permutations), _flat(preconditioner.embedding_index)
    return _flat(preconditioner.weights), permutations.view(np.uint32), embedding_index.view(np.uint32)


def _flat(tensor: Tensor) -> np.ndarray:
    """Return the same memory as an array with one row per individual."""
    return tensor.view(len(tensor), -1).numpy()
