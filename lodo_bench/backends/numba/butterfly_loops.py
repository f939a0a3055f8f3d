"""The loops of LODO's butterfly network, compiled for the block size.

A tile is processed in parts of one vector of columns. The signals of a part are `slabs`, one for each layer's inputs
and one for the output of the last: (N + 1) · R rows of one vector, so that all of a part, and its weights, stay in the
cache through all passes of a step. Rows at the end of a vector of n entries, and the columns of a tile that is not as
wide as a vector, are read and written with masks.

`size` is a tuple of k numbers, whose length is a constant for the compiler, as in `lodo_loops`.
"""

from __future__ import annotations

import numpy as np

from lodo_bench.backends.numba.jit import jit
from lodo_bench.backends.numba.simd import (
    broadcast,
    full_mask,
    lanes,
    load,
    sign,
    sqrt,
    store,
    store_rounded,
    tail_mask,
)

_Index = np.uintp
_ZERO, _ONE = _Index(0), _Index(1)

SIGN, SGD, LION, ADAM, BLOCK_RMS = range(5)


@jit(inlined=True)
def _valid(n, at, wanted):
    """Return how many of the entries from `at` on are entries of the vector."""
    return _ZERO if at >= n else min(wanted, n - at)


@jit(inlined=True)
def _first_row(size, block, stride):
    return block // stride * stride * _Index(len(size)) + block % stride


@jit(inlined=True)
def _multiply(size, shape, weights, at, mask, slabs, source, result, stride, row_step, column_step):
    """Multiply the slab number `source` by the blocks of a layer, into the slab `result`.

    The weights of a block are `row_step` rows apart from input to input, and `column_step` from output to output: k and
    1, or 1 and k for the transposed blocks.
    """
    rows, columns = shape
    k, width, full = _Index(len(size)), lanes(slabs), full_mask(slabs)
    source, result = source * rows * width, result * rows * width
    for block in range(rows // k):
        first, own = _first_row(size, block, stride), at + block * k * k * columns
        for o in range(k):
            place = own + o * column_step * columns
            total = load(weights, place, mask) * load(slabs, source + first * width, full)
            for i in range(_ONE, k):
                weight = load(weights, place + i * row_step * columns, mask)
                total += weight * load(slabs, source + (first + i * stride) * width, full)
            store(slabs, result + (first + o * stride) * width, total, full)


@jit(inlined=True)
def _forward(size, shape, weights, at, mask, slabs, layer, stride):
    """Multiply the inputs of a layer by its blocks."""
    _multiply(size, shape, weights, at, mask, slabs, layer, layer + _ONE, stride, _Index(len(size)), _ONE)


@jit(inlined=True)
def _backward(size, shape, weights, at, mask, slabs, layer, stride):
    """Multiply the outputs of a layer by its transposed blocks, into the place of its inputs."""
    _multiply(size, shape, weights, at, mask, slabs, layer + _ONE, layer, stride, _ONE, _Index(len(size)))


@jit(inlined=True)
def _mean_square(size, u, v, source, inputs, stride):
    """Return the mean of the squares of a block's hypergradient."""
    k, width, full = _Index(len(size)), lanes(u), full_mask(u)
    total = broadcast(u.dtype.type(0))
    for i in range(k):
        u_input, v_input = load(u, inputs + i * stride * width, full), load(v, inputs + i * stride * width, full)
        for o in range(k):
            at = source + o * stride * width
            h = u_input * load(v, at, full) + v_input * load(u, at, full)
            total += h * h
    return total / broadcast(u.dtype.type(k * k))


@jit(inlined=True)
def _backward_and_update(size, shape, rule, learned, at, block_at, mask, u, v, layer, stride):
    """Pass u and v back through a layer as `_backward` does, and move each weight once it has been used."""
    rows, columns = shape
    kind, rate, eps, decay1, decay2, seed = rule
    weights, firsts, seconds = learned
    k, width, full = _Index(len(size)), lanes(u), full_mask(u)
    source, result = (layer + _ONE) * rows * width, layer * rows * width
    cast = u.dtype.type
    rates, epsilon = broadcast(cast(rate)), broadcast(cast(eps))
    slow1, slow2 = broadcast(cast(decay1)), broadcast(cast(decay2))
    for block in range(rows // k):
        first, own = _first_row(size, block, stride), at + block * k * k * columns
        scale = epsilon
        if kind == BLOCK_RMS:
            mean = _mean_square(size, u, v, source + first * width, result + first * width, stride)
            second = load(seconds, block_at + block * columns, mask)
            second += (mean - second) * slow2
            store(seconds, block_at + block * columns, second, mask)
            scale = sqrt(second) + epsilon
        for i in range(k):
            row = result + (first + i * stride) * width
            u_input, v_input = load(u, row, full), load(v, row, full)
            u_total = broadcast(cast(0))
            v_total = broadcast(cast(0))
            for o in range(k):
                place, adjoint = own + (i * k + o) * columns, source + (first + o * stride) * width
                weight, u_adjoint, v_adjoint = (
                    load(weights, place, mask),
                    load(u, adjoint, full),
                    load(v, adjoint, full),
                )
                u_total += weight * u_adjoint
                v_total += weight * v_adjoint
                h = u_input * v_adjoint + v_input * u_adjoint
                change = h
                if kind == SIGN:
                    change = sign(h)
                elif kind == LION:
                    mean = load(firsts, place, mask)
                    change = sign(mean + (h - mean) * slow1)
                    store(firsts, place, mean + (h - mean) * slow2, mask)
                elif kind == ADAM:
                    mean, square = load(firsts, place, mask), load(seconds, place, mask)
                    mean += (h - mean) * slow1
                    square += (h * h - square) * slow2
                    store(firsts, place, mean, mask)
                    store(seconds, place, square, mask)
                    change = mean / (sqrt(square) + epsilon)
                elif kind == BLOCK_RMS:
                    change = h / scale
                store_rounded(weights, place, weight - rates * change, mask, seed)
            store(u, row, u_total, full)
            store(v, row, v_total, full)


@jit(inlined=True)
def _read(vector, factor, n, start, row_length, rows, count, slabs):
    """Copy a part's rows of a vector, times a factor, to the first slab."""
    width, full, factors = lanes(slabs), full_mask(slabs), broadcast(slabs.dtype.type(factor))
    for row in range(rows):
        at = start + row * row_length
        valid = _valid(n, at, count)
        if valid == width:
            store(slabs, row * width, load(vector, at, full) * factors, full)
        else:
            store(slabs, row * width, load(vector, at, tail_mask(vector, valid)) * factors, full)


@jit(inlined=True)
def _lerp(old, new, near, weight):
    """Return the average of two vectors; exactly the new one for a weight of 1, as in `torch.lerp`."""
    change = new - old
    return old + change * weight if near else new - change * weight


@jit(inlined=True)
def _average(momentum, gradient, ema_weight, n, start, row_length, rows, count, slabs):
    """Update a part's rows of the momentum, and copy them to the first slab."""
    width, full, cast = lanes(slabs), full_mask(slabs), slabs.dtype.type
    near = ema_weight < 0.5
    weights = broadcast(cast(ema_weight if near else 1 - ema_weight))
    for row in range(rows):
        at = start + row * row_length
        valid = _valid(n, at, count)
        if valid == width:
            average = _lerp(load(momentum, at, full), load(gradient, at, full), near, weights)
            store(momentum, at, average, full)
            store(slabs, row * width, average, full)
        else:
            mask = tail_mask(momentum, valid)
            average = _lerp(load(momentum, at, mask), load(gradient, at, mask), near, weights)
            store(momentum, at, average, mask)
            store(slabs, row * width, average, full)


@jit(inlined=True)
def _move(x, lr, n, start, row_length, rows, count, slabs):
    """Subtract the first slab, times the learning rate, from a part's rows of x."""
    width, full, rates = lanes(slabs), full_mask(slabs), broadcast(slabs.dtype.type(lr))
    for row in range(rows):
        at = start + row * row_length
        valid = _valid(n, at, count)
        if valid == width:
            store(x, at, load(x, at, full) - load(slabs, row * width, full) * rates, full)
        else:
            mask = tail_mask(x, valid)
            store(x, at, load(x, at, mask) - load(slabs, row * width, full) * rates, mask)


@jit(inlined=True)
def _part(size, geometry, rule, rates, learned, vectors, tile, column, mask, count, u, v):
    """Take a step of one part of a tile; see `step_tiles`."""
    layers, rows, columns, tiles, top = geometry
    learns, moves, last_lr, lr, ema_weight = rates
    momentum, gradient, x = vectors
    k, shape, n = _Index(len(size)), (rows, columns), _Index(len(momentum))
    weights = learned[0]
    of_layer = rows * k * columns
    begin, start, row_length = tile * layers * of_layer + column, tile * columns + column, tiles * columns
    if learns:
        _read(momentum, 1.0, n, start, row_length, rows, count, u)
        _read(gradient, -last_lr, n, start, row_length, rows, count, v)
        stride = top
        for layer in range(layers):
            _forward(size, shape, weights, begin + layer * of_layer, mask, u, layer, stride)
            _forward(size, shape, weights, begin + layer * of_layer, mask, v, layer, stride)
            stride = top if stride == _ONE else stride // k
        for below in range(layers):
            layer = layers - _ONE - below
            stride = _stride(size, layer, top)
            at = begin + layer * of_layer
            block_at = (tile * layers + layer) * (rows // k) * columns + column
            _backward_and_update(size, shape, rule, learned, at, block_at, mask, u, v, layer, stride)
    if moves:
        _average(momentum, gradient, ema_weight, n, start, row_length, rows, count, u)
        stride = top
        for layer in range(layers):
            _forward(size, shape, weights, begin + layer * of_layer, mask, u, layer, stride)
            stride = top if stride == _ONE else stride // k
        for below in range(layers):
            layer = layers - _ONE - below
            _backward(size, shape, weights, begin + layer * of_layer, mask, u, layer, _stride(size, layer, top))
        _move(x, lr, n, start, row_length, rows, count, u)


@jit(inlined=True)
def _stride(size, layer, top):
    """Return how far apart the rows are that a layer mixes: `top`, top / k, ..., 1, and again."""
    stride = top
    for _ in range(layer):
        stride = top if stride == _ONE else stride // _Index(len(size))
    return stride


@jit
def step_tiles(size, geometry, rule, rates, learned, vectors, work, first, last):
    """Take a step of tiles `first` to `last`, or one of its two halves.

    Args:
        size: see above.
        geometry: N, R, L, T and Rk⁻¹, unsigned.
        rule: the meta-optimizer's number, learning rate with correction, ε, 1 − β1 and 1 − β2, and the seed of the
            weights' rounding.
        rates: whether to learn, whether to move, the learning rate of the last step, that of this step, and 1 − β.
        learned: the weights, in the type of the vectors or in bfloat16, and the moments; without any, other arrays of
            the type of the vectors.
        vectors: momentum, gradient and x, (n,).
        work: two times (N + 1) R vectors.
        first: the first tile.
        last: the tile after the last.
    """
    columns, width = geometry[2], lanes(work)
    half = _Index(len(work)) // _Index(2)
    u, v = work[:half], work[half:]
    for tile in range(_Index(first), _Index(last)):
        for column in range(_ZERO, columns, width):
            count = min(width, columns - column)
            if count == width:
                mask = full_mask(work)
                _part(size, geometry, rule, rates, learned, vectors, tile, column, mask, count, u, v)
            else:
                mask = tail_mask(work, count)
                _part(size, geometry, rule, rates, learned, vectors, tile, column, mask, count, u, v)
