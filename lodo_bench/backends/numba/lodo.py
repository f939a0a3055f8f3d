"""The loops of the kernels for CPUs, compiled by Numba for the block size.

In these functions `size` is a tuple of k numbers. Its length is a constant for the compiler, which so unrolls the loops
over a block's entries. All that belongs to one individual is flat: a signal is k rows of `blocks` places, a layer's
weights k² rows, and an argument `..._at` tells where they start, for slices would cost more than the arithmetic. Places
are unsigned: Numba would check signed ones for being negative, and not vectorize.

A layer is worked on from block `start` to `stop`, in tiles that stay in the innermost cache. A caller who shares a
layer among threads gives each of them whole tiles: every block is then at the same place of the same tile, and rounds
the same, for any number of threads.
"""

from __future__ import annotations

import numpy as np

from lodo_bench.backends.numba.jit import jit
from lodo_bench.backends.numba.simd import every, leading, load, root, spread, store, width

_Place = np.uintp

TILE = 256  # blocks
_STEP = _Place(TILE)
_ONE = _Place(1)

# A row of a layer's blocks is worked on vector by vector, the last of them with a mask.


@jit(inlined=True)
def _row(size, blocks, weights, at, along, x, x_at, b, mask):
    """From block b on, the sum over the rows of x, each times a row of the weights, which are `along` rows apart."""
    total = load(weights, at + b, mask) * load(x, x_at + b, mask)
    for j in range(_ONE, _Place(len(size))):
        total += load(weights, at + j * along * blocks + b, mask) * load(x, x_at + j * blocks + b, mask)
    return total


@jit(inlined=True)
def _multiply(size, blocks, weights, at, across, along, x, x_at, y, y_at, begin, end):
    """Y = B(θ) x; with `across` = 1 and `along` = k. The other way round Y = B(θ)ᵀ x."""
    whole = end - (end - begin) % width(weights)
    everything, rest = every(weights), leading(weights, end - whole)
    for r in range(_Place(len(size))):
        row, result = at + r * across * blocks, y_at + r * blocks
        for b in range(begin, whole, width(weights)):
            store(y, result + b, _row(size, blocks, weights, row, along, x, x_at, b, everything), everything)
        if whole < end:
            store(y, result + whole, _row(size, blocks, weights, row, along, x, x_at, whole, rest), rest)


@jit(inlined=True)
def _gather(size, blocks, x, x_at, order, y, at, begin, end):
    for i in range(_Place(len(size))):
        for b in range(at + i * blocks + begin, at + i * blocks + end):
            y[b] = x[x_at + order[b]]


@jit(inlined=True)
def _scatter(size, blocks, x, x_at, order, at, y, y_at, begin, end):
    for i in range(_Place(len(size))):
        for b in range(i * blocks + begin, i * blocks + end):
            y[y_at + order[at + b]] = x[x_at + b]


@jit(inlined=True)
def _learned_input(size, blocks, learned, at, factors, applied, trace_at, pushed, signal, signal_at, i, b, mask):
    """Entry i of B(θ)ᵀ times the signal, from block b on, while the weights take their step of Adam."""
    k = _Place(len(size))
    weights, moment1, moment2 = learned
    gain1, gain2, rate, epsilon = factors
    x, pushed_x = load(applied[0], trace_at + i * blocks + b, mask), load(pushed, trace_at + i * blocks + b, mask)
    total = spread(weights.dtype.type(0))
    for o in range(k):
        row = at + (i * k + o) * blocks + b
        y, pushed_y = load(applied[1], trace_at + o * blocks + b, mask), load(signal, signal_at + o * blocks + b, mask)
        weight, mean, square = load(weights, row, mask), load(moment1, row, mask), load(moment2, row, mask)
        total += weight * pushed_y
        gradient = x * pushed_y + pushed_x * y
        mean += (gradient - mean) * gain1
        square += (gradient * gradient - square) * gain2
        store(moment1, row, mean, mask)
        store(moment2, row, square, mask)
        store(weights, row, weight - rate * mean / (root(square) + epsilon), mask)
    return total


@jit(inlined=True)
def _backward_learning(
    size, blocks, learned, at, factors, applied, trace_at, pushed, signal, signal_at, y, y_at, begin, end
):  # fmt: skip
    """Y = B(θ)ᵀ signal, while the weights take their step of Adam; `trace_at` is where the layer's traces start."""
    gain1, gain2, rate, epsilon = factors
    spread_factors = spread(gain1), spread(gain2), spread(rate), spread(epsilon)
    whole = end - (end - begin) % width(y)
    everything, rest = every(y), leading(y, end - whole)
    for i in range(_Place(len(size))):
        row = y_at + i * blocks
        for b in range(begin, whole, width(y)):
            total = _learned_input(
                size, blocks, learned, at, spread_factors, applied, trace_at, pushed, signal, signal_at, i, b,
                everything,
            )  # fmt: skip
            store(y, row + b, total, everything)
        if whole < end:
            total = _learned_input(
                size, blocks, learned, at, spread_factors, applied, trace_at, pushed, signal, signal_at, i, whole, rest,
            )  # fmt: skip
            store(y, row + whole, total, rest)


@jit(inlined=True)
def up(size, blocks, layer, weights, orders, source, source_at, inputs, result, result_at, start, stop):
    """A layer of G̃: the source in the layer's order, kept in `inputs`, is multiplied. The first layer has it there."""
    k = _Place(len(size))
    at = layer * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        if layer:
            _gather(size, blocks, source, source_at, orders, inputs, at, begin, end)
        _multiply(size, blocks, weights, at * k, _ONE, k, inputs, at, result, result_at, begin, end)


@jit(inlined=True)
def down(size, blocks, layer, weights, orders, source, source_at, work, result, result_at, start, stop):
    """A layer of G̃ᵀ: the source, multiplied, goes to the order of the layer before; the first's is left in `work`."""
    k = _Place(len(size))
    at = layer * k * blocks
    work_at = _Place(2) * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        _multiply(size, blocks, weights, at * k, k, _ONE, source, source_at, work, work_at, begin, end)
        if layer:
            _scatter(size, blocks, work, work_at, orders, at, result, result_at, begin, end)


@jit(inlined=True)
def down_learning(size, blocks, layer, learned, factors, orders, applied, pushed, work, start, stop):
    """As `down` with the signal that is pushed back, while each weight takes its step of Adam.

    The pass that goes back is the last to use a layer's weights, so it may change them; the first goes back no further.

    Args:
        size: see above.
        blocks: ñ/k.
        layer: which.
        learned: weights, first and second moments.
        factors: 1 − β1, 1 − β2, the learning rate with the bias correction, and ε.
        orders: of all layers.
        applied: inputs and adjoints of the vector that was applied, of all layers.
        pushed: inputs of the vector that is pushed back, of all layers.
        work: three signals; the layer takes number layer mod 2, and gives the other of the first two.
        start: see above.
        stop: see above.
    """
    k = _Place(len(size))
    hidden = k * blocks
    at = layer * hidden
    source_at, result_at, work_at = layer % _Place(2) * hidden, (layer + _ONE) % _Place(2) * hidden, _Place(2) * hidden
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        _backward_learning(
            size, blocks, learned, at * k, factors, applied, at, pushed, work, source_at, work, work_at, begin, end
        )
        if layer:
            _scatter(size, blocks, work, work_at, orders, at, work, result_at, begin, end)


@jit
def enter(vector, entrance, inputs):
    """Put a vector (n,) where the first layer takes it; the other entries of its inputs are zero and stay so."""
    for j in range(len(vector)):
        inputs[entrance[j]] = vector[j]


@jit
def leave(signal, at, entrance, vector):
    """Take a vector (n,) out of what has come back through the first layer."""
    for j in range(len(vector)):
        vector[j] = signal[at + entrance[j]]


@jit
def _up_all(size, blocks, layers, weights, orders, entrance, vector, inputs, work):
    """G̃; what comes out at the top is number (N − 1) mod 2 of `work`."""
    hidden = _Place(len(size)) * blocks
    enter(vector, entrance, inputs)
    for layer in range(layers):
        source_at, result_at = (layer + _ONE) % _Place(2) * hidden, layer % _Place(2) * hidden
        up(size, blocks, layer, weights, orders, work, source_at, inputs, work, result_at, _Place(0), blocks)


@jit
def _through(size, blocks, layers, weights, orders, entrance, vector, inputs, adjoints, work, result):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ."""
    hidden = _Place(len(size)) * blocks
    _up_all(size, blocks, layers, weights, orders, entrance, vector, inputs, work)
    top, top_at = (layers - _ONE) * hidden, (layers - _ONE) % _Place(2) * hidden
    for place in range(hidden):
        adjoints[top + place] = work[top_at + place]
    for below in range(layers):
        layer = layers - _ONE - below
        at = layer * hidden
        down(size, blocks, layer, weights, orders, adjoints, at, work, adjoints, at - hidden, _Place(0), blocks)
    leave(work, _Place(2) * hidden, entrance, result)


@jit
def apply_all(size, blocks, layers, weights, orders, entrances, vectors, inputs, adjoints, results, first, last):
    """S times the vectors (P, n) of individuals `first` to `last`; see `BlockKernel.apply`."""
    blocks, layers = _Place(blocks), _Place(layers)
    work = np.empty(_Place(3 * len(size)) * blocks, weights.dtype)
    for p in range(first, last):
        _through(
            size, blocks, layers, weights[p], orders[p], entrances[p], vectors[p], inputs[p], adjoints[p], work,
            results[p],
        )  # fmt: skip


# What follows works on a tuple of tuples:
#
# - the network: `size`, the numbers of blocks and layers, and of all individuals the weights, orders and entrances;
# - of all individuals, inputs and adjoints of the vector that was applied;
# - for learning: first and second moments, 1 − β1, 1 − β2 and ε, the rates, and the bias correction of each step;
# - for moving: the averages, 1 − β and α₀;
# - room for each individual: three signals, the inputs of a vector that is pushed back, and that vector.


@jit
def _learn(data, p, k, gradient):
    """See `Preconditioner.learn`, with Adam as the meta-optimizer."""
    (size, blocks, layers, weights, orders, entrances), (inputs, adjoints), learning, (_, _, scales), room = data
    moments1, moments2, (gain1, gain2, epsilon), rates, corrections = learning
    works, inputs_of_pushed, vectors = room
    blocks, layers, number = _Place(blocks), _Place(layers), weights.dtype.type
    learned, applied = (weights[p], moments1[p], moments2[p]), (inputs[p], adjoints[p])
    factors = number(gain1), number(gain2), number(rates[p] * corrections[k]), number(epsilon)
    scale, work, pushed, vector = scales[p, 0], works[p], inputs_of_pushed[p], vectors[p]
    pushed[: _Place(len(size)) * blocks] = 0
    for j in range(len(vector)):
        vector[j] = -scale * gradient[j]
    _up_all(size, blocks, layers, learned[0], orders[p], entrances[p], vector, pushed, work)
    for below in range(layers):
        layer = layers - _ONE - below
        down_learning(size, blocks, layer, learned, factors, orders[p], applied, pushed, work, _Place(0), blocks)


@jit
def _move(data, p, gradient, x):
    """See `Preconditioner.move`."""
    (size, blocks, layers, weights, orders, entrances), (inputs, adjoints), _, moving, (works, _, vectors) = data
    averages, renewals, scales = moving
    blocks, layers = _Place(blocks), _Place(layers)
    average, renewal, scale = averages[p], renewals[p, 0], scales[p, 0]
    work, direction = works[p], vectors[p]
    for j in range(len(x)):
        # In two forms, so that neither end is rounded: with a renewal of 1 the average is the gradient.
        change = gradient[j] - average[j]
        near, far = average[j] + change * renewal, gradient[j] - change * (1 - renewal)
        average[j] = near if renewal < 0.5 else far
    _through(
        size, blocks, layers, weights[p], orders[p], entrances[p], average, inputs[p], adjoints[p], work, direction
    )
    for j in range(len(x)):
        x[j] -= direction[j] * scale


@jit
def lodo(data, p, k, gradient, x):
    """See `lodo_bench.backends.compiled_loop.CompiledStep`."""
    _learn(data, p, k, gradient)
    _move(data, p, gradient, x)


@jit
def descend_all(data, learns, moves, gradients, points, first, last):
    """A step of individuals `first` to `last`, one after the other, each while its weights are in the cache.

    If it does not learn, what learning works on may be anything of its shape.
    """
    for p in range(first, last):
        if learns:
            _learn(data, p, 0, gradients[p])
        if moves:
            _move(data, p, gradients[p], points[p])
