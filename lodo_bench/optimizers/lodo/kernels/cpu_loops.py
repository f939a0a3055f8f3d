"""The loops of the kernels for CPUs, compiled by Numba for the block size.

In these functions `size` is a tuple of k numbers. Its length is a constant for the compiler, which so unrolls the loops
over a block's entries. All that belongs to one individual is flat: a signal is k rows of `blocks` places, a layer's
weights k² rows, and an argument `..._at` tells where they start, for slices would cost more than the arithmetic. Places
are unsigned: Numba would check signed ones for being negative, and not vectorize.

A layer is worked on from block `start` to `stop`, in tiles that stay in the innermost cache. A caller who shares a
layer among threads gives each of them whole tiles: every block is then at the same place of the same tile, and rounds
the same, for any number of threads.

All are in one file, because Numba compiles a function again when its own file has changed, not those that it calls.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_Place = np.uintp

TILE = 256  # blocks
_STEP = _Place(TILE)
_ONE = _Place(1)

# Sums and products may be contracted to fused multiply-adds, but nothing is reordered: the results do not depend on
# where in memory, or beside whom, an individual is, nor on the number of threads.
_compiled = numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")


@_compiled
def _forward(size, blocks, weights, at, x, x_at, y, y_at, begin, end):
    """Y = B(θ) x."""
    k = _Place(len(size))
    for o in range(k):
        for b in range(begin, end):
            total = weights[at + o * blocks + b] * x[x_at + b]
            for i in range(_ONE, k):
                total += weights[at + (i * k + o) * blocks + b] * x[x_at + i * blocks + b]
            y[y_at + o * blocks + b] = total


@_compiled
def _backward(size, blocks, weights, at, x, x_at, y, y_at, begin, end):
    """Y = B(θ)ᵀ x."""
    k = _Place(len(size))
    for i in range(k):
        for b in range(begin, end):
            total = weights[at + i * k * blocks + b] * x[x_at + b]
            for o in range(_ONE, k):
                total += weights[at + (i * k + o) * blocks + b] * x[x_at + o * blocks + b]
            y[y_at + i * blocks + b] = total


@_compiled
def _gather(size, blocks, x, x_at, order, y, at, begin, end):
    for i in range(_Place(len(size))):
        for b in range(at + i * blocks + begin, at + i * blocks + end):
            y[b] = x[x_at + order[b]]


@_compiled
def _scatter(size, blocks, x, x_at, order, at, y, y_at, begin, end):
    for i in range(_Place(len(size))):
        for b in range(i * blocks + begin, i * blocks + end):
            y[y_at + order[at + b]] = x[x_at + b]


@_compiled
def _adam(size, blocks, learned, at, factors, applied, trace_at, pushed, signal, signal_at, begin, end):
    """One step of Adam for the weights of a layer, whose rows of the traces start at `trace_at`."""
    k = _Place(len(size))
    weights, first, second = learned
    gain1, gain2, rate, epsilon = factors
    x, y = applied
    for i in range(k):
        for o in range(k):
            row, x_at, y_at = at + (i * k + o) * blocks, trace_at + i * blocks, trace_at + o * blocks
            pushed_at = signal_at + o * blocks
            for b in range(begin, end):
                gradient = x[x_at + b] * signal[pushed_at + b] + pushed[x_at + b] * y[y_at + b]
                mean = first[row + b] + (gradient - first[row + b]) * gain1
                square = second[row + b] + (gradient * gradient - second[row + b]) * gain2
                first[row + b] = mean
                second[row + b] = square
                weights[row + b] -= rate * mean / (math.sqrt(square) + epsilon)


@_compiled
def up(size, blocks, layer, weights, orders, source, source_at, inputs, result, result_at, start, stop):
    """A layer of G̃: the source in the layer's order, kept in `inputs`, is multiplied. The first layer has it there."""
    k = _Place(len(size))
    at = layer * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        if layer:
            _gather(size, blocks, source, source_at, orders, inputs, at, begin, end)
        _forward(size, blocks, weights, at * k, inputs, at, result, result_at, begin, end)


@_compiled
def down(size, blocks, layer, weights, orders, source, source_at, work, result, result_at, start, stop):
    """A layer of G̃ᵀ: the source, multiplied, goes to the order of the layer before; the first's is left in `work`."""
    k = _Place(len(size))
    at = layer * k * blocks
    work_at = _Place(2) * k * blocks
    for begin in range(start, stop, _STEP):
        end = min(begin + _STEP, stop)
        _backward(size, blocks, weights, at * k, source, source_at, work, work_at, begin, end)
        if layer:
            _scatter(size, blocks, work, work_at, orders, at, result, result_at, begin, end)


@_compiled
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
        if layer:
            _backward(size, blocks, learned[0], at * k, work, source_at, work, work_at, begin, end)
        _adam(size, blocks, learned, at * k, factors, applied, at, pushed, work, source_at, begin, end)
        if layer:
            _scatter(size, blocks, work, work_at, orders, at, work, result_at, begin, end)


@_compiled
def enter(vector, entrance, inputs):
    """Put a vector (n,) where the first layer takes it; the other entries of its inputs are zero and stay so."""
    for j in range(len(vector)):
        inputs[entrance[j]] = vector[j]


@_compiled
def leave(signal, at, entrance, vector):
    """Take a vector (n,) out of what has come back through the first layer."""
    for j in range(len(vector)):
        vector[j] = signal[at + entrance[j]]


@_compiled
def _up_all(size, blocks, layers, weights, orders, entrance, vector, inputs, work):
    """G̃; what comes out at the top is number (N − 1) mod 2 of `work`."""
    hidden = _Place(len(size)) * blocks
    enter(vector, entrance, inputs)
    for layer in range(layers):
        source_at, result_at = (layer + _ONE) % _Place(2) * hidden, layer % _Place(2) * hidden
        up(size, blocks, layer, weights, orders, work, source_at, inputs, work, result_at, _Place(0), blocks)


@_compiled
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


@_compiled
def apply_all(size, blocks, layers, weights, orders, entrances, vectors, inputs, adjoints, results, first, last):
    """S times the vectors (P, n) of individuals `first` to `last`; see `BlockKernel.apply`."""
    blocks, layers = _Place(blocks), _Place(layers)
    work = np.empty(_Place(3 * len(size)) * blocks, weights.dtype)
    for p in range(first, last):
        _through(
            size, blocks, layers, weights[p], orders[p], entrances[p], vectors[p], inputs[p], adjoints[p], work,
            results[p],
        )  # fmt: skip


@_compiled
def _move_one(
    size, blocks, layers, weights, orders, entrance, gradient, inputs, adjoints, average, x, renewal, scale, work,
    direction,
):  # fmt: skip
    for j in range(len(x)):
        # In two forms, so that neither end is rounded: with a renewal of 1 the average is the gradient.
        change = gradient[j] - average[j]
        near, far = average[j] + change * renewal, gradient[j] - change * (1 - renewal)
        average[j] = near if renewal < 0.5 else far
    _through(size, blocks, layers, weights, orders, entrance, average, inputs, adjoints, work, direction)
    for j in range(len(x)):
        x[j] -= direction[j] * scale


@_compiled
def _learn_one(
    size, blocks, layers, learned, factors, orders, entrance, gradient, applied, scale, pushed, work, vector,
):  # fmt: skip
    pushed[: _Place(len(size)) * blocks] = 0
    for j in range(len(vector)):
        vector[j] = -scale * gradient[j]
    _up_all(size, blocks, layers, learned[0], orders, entrance, vector, pushed, work)
    for below in range(layers):
        layer = layers - _ONE - below
        down_learning(size, blocks, layer, learned, factors, orders, applied, pushed, work, _Place(0), blocks)


@_compiled
def descend_all(
    size, blocks, layers, weights, orders, entrances, inputs, adjoints, learns, moments1, moments2, gains, rates,
    moves, averages, points, renewals, scales, gradients, first, last,
):  # fmt: skip
    """A step of individuals `first` to `last`, one after the other, each while its weights are in the cache.

    If it `learns`, the weights take their step of Adam (see `Preconditioner.learn`) with the `gains` 1 − β1, 1 − β2,
    the bias correction and ε; if not, the moments are left alone, and may be anything of their shape. If it `moves`,
    the points move after that (see `Preconditioner.move`).
    """
    blocks, layers, number = _Place(blocks), _Place(layers), weights.dtype.type
    hidden = _Place(len(size)) * blocks
    work, pushed = np.empty(_Place(3) * hidden, weights.dtype), np.empty(layers * hidden, weights.dtype)
    vector = np.empty(points.shape[1], points.dtype)
    for p in range(first, last):
        if learns:
            factors = number(gains[0]), number(gains[1]), number(rates[p] * gains[2]), number(gains[3])
            _learn_one(
                size, blocks, layers, (weights[p], moments1[p], moments2[p]), factors, orders[p], entrances[p],
                gradients[p], (inputs[p], adjoints[p]), scales[p, 0], pushed, work, vector,
            )  # fmt: skip
        if moves:
            _move_one(
                size, blocks, layers, weights[p], orders[p], entrances[p], gradients[p], inputs[p], adjoints[p],
                averages[p], points[p], renewals[p, 0], scales[p, 0], work, vector,
            )  # fmt: skip
