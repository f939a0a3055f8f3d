"""The loops of LODO's preconditioner, compiled for the block size.

`size` is a tuple of k numbers: its length is a constant for the compiler, which unrolls the loops over the entries of a
block. The data of one individual are flat: a signal is k rows of `blocks` entries, the weights of a layer are k² rows,
and an argument `..._at` is the index where one starts, as slices would cost more than the arithmetic. Indices are
unsigned: Numba checks signed ones for being negative, which prevents vectorization.

A layer is processed from block `start` to `stop`, in tiles that stay in the innermost cache. A caller who divides a
layer among threads gives each thread whole tiles: every block then has the same position in the same tile, and the same
rounding, for any number of threads.
"""

from __future__ import annotations

import numpy as np

from lodo_bench.backends.numba.jit import jit
from lodo_bench.backends.numba.simd import broadcast, full_mask, lanes, load, sqrt, store, tail_mask

_Index = np.uintp

TILE = 256  # blocks
_STEP = _Index(TILE)
_ONE = _Index(1)

# A row of a layer's blocks is processed vector by vector, the last one with a mask.


@jit(inlined=True)
def _row(size, blocks, weights, at, along, x, x_at, b, mask):
    """Return, from block b on, the sum of the rows of x times rows of the weights that are `along` rows apart."""
    total = load(weights, at + b, mask) * load(x, x_at + b, mask)
    for j in range(_ONE, _Index(len(size))):
        total += load(weights, at + j * along * blocks + b, mask) * load(x, x_at + j * blocks + b, mask)
    return total


@jit(inlined=True)
def _multiply(size, blocks, weights, at, across, along, x, x_at, y, y_at, begin, end):
    """Compute y = B(θ) x, with `across` = 1 and `along` = k; with these exchanged, y = B(θ)ᵀ x."""
    whole = end - (end - begin) % lanes(weights)
    full, tail = full_mask(weights), tail_mask(weights, end - whole)
    for r in range(_Index(len(size))):
        row, result = at + r * across * blocks, y_at + r * blocks
        for b in range(begin, whole, lanes(weights)):
            store(y, result + b, _row(size, blocks, weights, row, along, x, x_at, b, full), full)
        if whole < end:
            store(y, result + whole, _row(size, blocks, weights, row, along, x, x_at, whole, tail), tail)


@jit(inlined=True)
def _gather(size, blocks, x, x_at, order, y, at, begin, end):
    for i in range(_Index(len(size))):
        for b in range(at + i * blocks + begin, at + i * blocks + end):
            y[b] = x[x_at + order[b]]


@jit(inlined=True)
def _scatter(size, blocks, x, x_at, order, at, y, y_at, begin, end):
    for i in range(_Index(len(size))):
        for b in range(i * blocks + begin, i * blocks + end):
            y[y_at + order[at + b]] = x[x_at + b]


@jit(inlined=True)
def _update_row(size, blocks, learned, at, factors, u, u_at, v_inputs, v_adjoints, v_at, i, b, mask):
    """Return entry i of B(θ)ᵀ times the adjoints of v, from block b on, and update the weights by a step of Adam."""
    k = _Index(len(size))
    weights, first, second = learned
    one_minus_beta1, one_minus_beta2, rate, eps = factors
    u_input, v_input = load(u[0], u_at + i * blocks + b, mask), load(v_inputs, u_at + i * blocks + b, mask)
    total = broadcast(weights.dtype.type(0))
    for o in range(k):
        row = at + (i * k + o) * blocks + b
        u_adjoint, v_adjoint = load(u[1], u_at + o * blocks + b, mask), load(v_adjoints, v_at + o * blocks + b, mask)
        weight, mean, square = load(weights, row, mask), load(first, row, mask), load(second, row, mask)
        total += weight * v_adjoint
        gradient = u_input * v_adjoint + v_input * u_adjoint
        mean += (gradient - mean) * one_minus_beta1
        square += (gradient * gradient - square) * one_minus_beta2
        store(first, row, mean, mask)
        store(second, row, square, mask)
        store(weights, row, weight - rate * mean / (sqrt(square) + eps), mask)
    return total


@jit(inlined=True)
def _update_tile(size, blocks, learned, at, factors, u, u_at, v_inputs, v_adjoints, v_at, y, y_at, begin, end):
    """Compute y = B(θ)ᵀ times the adjoints of v, and update the weights; a layer's activations start at `u_at`."""
    one_minus_beta1, one_minus_beta2, rate, eps = factors
    vectors = broadcast(one_minus_beta1), broadcast(one_minus_beta2), broadcast(rate), broadcast(eps)
    whole = end - (end - begin) % lanes(y)
    full, tail = full_mask(y), tail_mask(y, end - whole)
    for i in range(_Index(len(size))):
        row = y_at + i * blocks
        for b in range(begin, whole, lanes(y)):
            total = _update_row(
                size, blocks, learned, at, vectors, u, u_at, v_inputs, v_adjoints, v_at, i, b, full
            )  # fmt: skip
            store(y, row + b, total, full)
        if whole < end:
            total = _update_row(
                size, blocks, learned, at, vectors, u, u_at, v_inputs, v_adjoints, v_at, i, whole, tail
            )  # fmt: skip
            store(y, row + whole, total, tail)


@jit(inlined=True)
def forward(size, blocks, layer, weights, permutations, source, source_at, inputs, result, result_at, start, stop):
    """Pass through a layer of G̃: permute the source to `inputs`, where the first layer's already are, and multiply."""
    k = _Index(len(size))
    at = layer * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        if layer:
            _gather(size, blocks, source, source_at, permutations, inputs, at, begin, end)
        _multiply(size, blocks, weights, at * k, _ONE, k, inputs, at, result, result_at, begin, end)


@jit(inlined=True)
def backward(size, blocks, layer, weights, permutations, source, source_at, work, result, result_at, start, stop):
    """Pass through a layer of G̃ᵀ: multiply the source, and permute it back; the first layer's stays in `work`."""
    k = _Index(len(size))
    at = layer * k * blocks
    work_at = _Index(2) * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        _multiply(size, blocks, weights, at * k, k, _ONE, source, source_at, work, work_at, begin, end)
        if layer:
            _scatter(size, blocks, work, work_at, permutations, at, result, result_at, begin, end)


@jit(inlined=True)
def backward_and_update(size, blocks, layer, learned, factors, permutations, u, v_inputs, work, start, stop):
    """Pass v through a layer of G̃ᵀ as `backward` does, and update each weight by a step of Adam.

    This pass is the last that uses a layer's weights, so it may change them; the first layer passes nothing on.

    Args:
        size: see above.
        blocks: ñ/k.
        layer: its number.
        learned: the weights and their first and second moments.
        factors: 1 − β1, 1 − β2, the learning rate times the bias correction, and ε.
        permutations: of all layers.
        u: the inputs and adjoints of the vector u of the last forward pass, of all layers.
        v_inputs: the inputs of the vector v, of all layers.
        work: three signals; the layer reads number layer mod 2, and writes the other of the first two.
        start: see above.
        stop: see above.
    """
    k = _Index(len(size))
    hidden = k * blocks
    at = layer * hidden
    source_at, result_at, work_at = layer % _Index(2) * hidden, (layer + _ONE) % _Index(2) * hidden, _Index(2) * hidden
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        _update_tile(
            size, blocks, learned, at * k, factors, u, at, v_inputs, work, source_at, work, work_at, begin, end
        )
        if layer:
            _scatter(size, blocks, work, work_at, permutations, at, work, result_at, begin, end)


@jit
def embed(vector, embedding_index, inputs):
    """Write a vector (n,) to the first layer's inputs; the entries that pad it are zero and stay so."""
    for j in range(len(vector)):
        inputs[embedding_index[j]] = vector[j]


@jit
def project(signal, at, embedding_index, vector):
    """Read a vector (n,) from the signal that has passed back through the first layer."""
    for j in range(len(vector)):
        vector[j] = signal[at + embedding_index[j]]


# A `network` is a tuple of `size`, the numbers of blocks and layers, and weights, permutations and embedding index: of
# all individuals, or of one.


@jit
def _forward_layers(network, vector, inputs, work):
    """Multiply by G̃; the result is signal (N − 1) mod 2 of `work`."""
    size, blocks, layers, weights, permutations, embedding_index = network
    hidden = _Index(len(size)) * blocks
    embed(vector, embedding_index, inputs)
    for layer in range(layers):
        source_at, result_at = (layer + _ONE) % _Index(2) * hidden, layer % _Index(2) * hidden
        forward(size, blocks, layer, weights, permutations, work, source_at, inputs, work, result_at, _Index(0), blocks)


@jit
def _apply(network, vector, inputs, adjoints, work, result):
    """Multiply by S = (I 0) G̃ᵀ G̃ (I 0)ᵀ."""
    size, blocks, layers, weights, permutations, embedding_index = network
    hidden = _Index(len(size)) * blocks
    _forward_layers(network, vector, inputs, work)
    last, source_at = (layers - _ONE) * hidden, (layers - _ONE) % _Index(2) * hidden
    for index in range(hidden):
        adjoints[last + index] = work[source_at + index]
    for below in range(layers):
        layer = layers - _ONE - below
        at = layer * hidden
        backward(
            size, blocks, layer, weights, permutations, adjoints, at, work, adjoints, at - hidden, _Index(0), blocks
        )  # fmt: skip
    project(work, _Index(2) * hidden, embedding_index, result)


@jit(inlined=True)
def _of_individual(network, p):
    size, blocks, layers, weights, permutations, embedding_indices = network
    return size, _Index(blocks), _Index(layers), weights[p], permutations[p], embedding_indices[p]


@jit
def apply_all(network, vectors, inputs, adjoints, results, first, last):
    """Multiply the vectors (P, n) of individuals `first` to `last` by S, and fill their activations and `results`."""
    work = np.empty(_Index(3 * len(network[0])) * _Index(network[1]), vectors.dtype)
    for p in range(first, last):
        _apply(_of_individual(network, p), vectors[p], inputs[p], adjoints[p], work, results[p])


# The data of a step, a tuple of tuples, over all individuals:
#
# - the network;
# - the inputs and adjoints of the vector of the last forward pass;
# - of Adam, the first and second moments, 1 − β1, 1 − β2 and ε, the learning rates, and the bias correction per step;
# - the momentum, 1 − β and α₀;
# - workspace: three signals, the inputs of a vector v, and that vector.


@jit
def _update_preconditioner(data, p, k, gradient):
    """Update θ, as `ReferenceStepper.update_preconditioner` does with Adam."""
    whole_network, (inputs, adjoints), adam, (_, _, initial_lrs), (works, all_v_inputs, vectors) = data
    first_moments, second_moments, (one_minus_beta1, one_minus_beta2, eps), meta_lrs, corrections = adam
    network = _of_individual(whole_network, p)
    size, blocks, layers, weights, permutations, _ = network
    cast = weights.dtype.type
    learned, u = (weights, first_moments[p], second_moments[p]), (inputs[p], adjoints[p])
    factors = cast(one_minus_beta1), cast(one_minus_beta2), cast(meta_lrs[p] * corrections[k]), cast(eps)
    initial_lr, work, v_inputs, vector = initial_lrs[p, 0], works[p], all_v_inputs[p], vectors[p]
    v_inputs[: _Index(len(size)) * blocks] = 0
    for j in range(len(vector)):
        vector[j] = -initial_lr * gradient[j]
    _forward_layers(network, vector, v_inputs, work)
    for below in range(layers):
        layer = layers - _ONE - below
        backward_and_update(size, blocks, layer, learned, factors, permutations, u, v_inputs, work, _Index(0), blocks)


@jit
def _update_parameters(data, p, gradient, x):
    """Update the momentum and x, as `ReferenceStepper.update_parameters` does."""
    network, (inputs, adjoints), _, (all_momenta, ema_weights, initial_lrs), (works, _, vectors) = data
    momentum, ema_weight, initial_lr = all_momenta[p], ema_weights[p, 0], initial_lrs[p, 0]
    work, direction = works[p], vectors[p]
    for j in range(len(x)):
        # Two forms, as in `torch.lerp`, so that both ends are exact: with a weight of 1 the momentum is the gradient.
        change = gradient[j] - momentum[j]
        near, far = momentum[j] + change * ema_weight, gradient[j] - change * (1 - ema_weight)
        momentum[j] = near if ema_weight < 0.5 else far
    _apply(_of_individual(network, p), momentum, inputs[p], adjoints[p], work, direction)
    for j in range(len(x)):
        x[j] -= direction[j] * initial_lr


@jit
def lodo(data, p, k, gradient, x):
    """Take a step of LODO; the `update` of a `lodo_bench.backends.compiled_loop.CompiledStep`."""
    _update_preconditioner(data, p, k, gradient)
    _update_parameters(data, p, gradient, x)


@jit
def step_all(data, updates_weights, updates_parameters, gradients, points, first, last):
    """Take a step of individuals `first` to `last`, one after the other, each while its weights are in the cache.

    Without an update of the weights, Adam's data may be anything of the same types.
    """
    for p in range(first, last):
        if updates_weights:
            _update_preconditioner(data, p, 0, gradients[p])
        if updates_parameters:
            _update_parameters(data, p, gradients[p], points[p])
