"""The loops of a depthwise 3×3 convolution between two arctangents, one channel of one image at a time.

A plane is copied into a frame of zeros, whose rows are `width` + 2 long. There the nine inputs of an output are at
fixed distances from it, so that a plane is one long loop over vectors, which also computes two numbers per row that
nobody reads. Everything of a channel stays in the cache.

`terms` are the coefficients of `_arctangent`, in the dtype of the arrays.
"""

from __future__ import annotations

import numpy as np

from lodo_bench.backends.numba.jit import jit
from lodo_bench.backends.numba.simd import broadcast, full_mask, lanes, load, sign, store, tail_mask, where_greater

_Index = np.uintp
_ZERO, _ONE, _TWO, _THREE = _Index(0), _Index(1), _Index(2), _Index(3)
_TAPS = _Index(9)


def arctangent_terms(count: int) -> np.ndarray:
    """Return coefficients c of atan(t) / t = Σ cᵢ (2t² − 1)ⁱ for 0 <= t <= 1, by interpolation at Chebyshev's points.

    The error is about 5.8 to the power of −`count`. In powers of t² itself, rounding would be larger by far, and so it
    is with more than 19 terms in double precision.
    """

    def ratio(square):
        t = np.sqrt(square)
        return np.arctan(t) / t

    series = np.polynomial.Chebyshev.interpolate(ratio, count - 1, domain=[0.0, 1.0])
    return np.polynomial.chebyshev.cheb2poly(series.coef)


@jit(inlined=True)
def _arctangent(x, terms):
    """Return the arctangents; of a number above 1 by that of its reciprocal."""
    one, half_pi = broadcast(terms.dtype.type(1)), broadcast(terms.dtype.type(np.pi / 2))
    size = x * sign(x)
    t = where_greater(size, one, one / size, size)
    centered, last = (t + t) * t - one, _Index(len(terms)) - _ONE
    total = broadcast(terms[last])
    for back in range(_ONE, last + _ONE):
        total = total * centered + broadcast(terms[last - back])
    total *= t
    return where_greater(size, one, half_pi - total, total) * sign(x)


@jit(inlined=True)
def _arctangents(source, source_at, result, result_at, size, terms):
    width, full = lanes(source), full_mask(source)
    whole = size // width * width
    for at in range(_ZERO, whole, width):
        store(result, result_at + at, _arctangent(load(source, source_at + at, full), terms), full)
    rest = tail_mask(source, size - whole)
    store(result, result_at + whole, _arctangent(load(source, source_at + whole, rest), terms), rest)


@jit(inlined=True)
def _over_derivative(values, values_at, points, points_at, result, result_at, size, one):
    """Divide by 1 + x², x the points where an arctangent was taken."""
    width, full, ones = lanes(values), full_mask(values), broadcast(one)
    whole = size // width * width
    for at in range(_ZERO, whole, width):
        x = load(points, points_at + at, full)
        store(result, result_at + at, load(values, values_at + at, full) / (ones + x * x), full)
    rest = tail_mask(values, size - whole)
    x = load(points, points_at + whole, rest)
    store(result, result_at + whole, load(values, values_at + whole, rest) / (ones + x * x), rest)


@jit(inlined=True)
def _copy_rows(source, source_at, source_stride, result, result_at, result_stride, height, width):
    """Copy rows of `width` numbers that are `…_stride` apart."""
    step, full = lanes(source), full_mask(source)
    whole = width // step * step
    rest = tail_mask(source, width - whole)
    for row in range(height):
        start, to = source_at + row * source_stride, result_at + row * result_stride
        for at in range(_ZERO, whole, step):
            store(result, to + at, load(source, start + at, full), full)
        store(result, to + whole, load(source, start + whole, rest), rest)


@jit
def forward(u, weights, biases, y, z, q, shape, frames, terms, first, last):
    """Compute y = atan(u), z = the convolution of y, and q = atan(z), for the channels `first` to `last` of all images.

    `shape` is height, width, channels, and outputs per channel. `frames` has room for two frames, and zeros.
    """
    height, width, channels, outputs = shape
    stride, size, step = width + _TWO, height * width, lanes(u)
    full, flat = full_mask(u), height * stride
    frame, result = frames[0], frames[1]
    for item in range(_Index(first), _Index(last)):
        channel = item % channels
        _arctangents(u, item * size, y, item * size, size, terms)
        _copy_rows(y, item * size, width, frame, stride + _ONE, stride, height, width)
        for j in range(outputs):
            own, at = (channel * outputs + j) * _TAPS, (item * outputs + j) * size
            bias = broadcast(biases[channel * outputs + j])
            for i in range(_ZERO, flat, step):
                total = bias
                for row in range(_THREE):
                    for column in range(_THREE):
                        weight = broadcast(weights[own + row * _THREE + column])
                        total = total + weight * load(frame, i + row * stride + column, full)
                store(result, i, total, full)
            _copy_rows(result, _ZERO, stride, z, at, width, height, width)
            _arctangents(z, at, q, at, size, terms)


@jit
def backward(gradient, u, y, z, weights, u_gradient, weight_gradients, bias_gradients, shape, frames, first, last):
    """Compute the gradients by u, and by the weights and biases for each image by itself.

    `frames` has room for four frames, and zeros.
    """
    height, width, channels, outputs = shape
    stride, size, step = width + _TWO, height * width, lanes(u)
    full, flat, one = full_mask(u), height * stride, u.dtype.type(1)
    frame, above, total, plane = frames[0], frames[1], frames[2], frames[3]
    nothing = broadcast(u.dtype.type(0))
    for item in range(_Index(first), _Index(last)):
        channel = item % channels
        _copy_rows(y, item * size, width, frame, stride + _ONE, stride, height, width)
        for i in range(_ZERO, flat, step):
            store(total, i, nothing, full)
        for j in range(outputs):
            own, at = (channel * outputs + j) * _TAPS, (item * outputs + j) * size
            _over_derivative(gradient, at, z, at, plane, _ZERO, size, one)
            _copy_rows(plane, _ZERO, width, above, stride + _ONE, stride, height, width)
            bias = nothing
            for i in range(_ZERO, flat, step):
                bias = bias + load(above, i + stride + _ONE, full)
                partial = load(total, i, full)
                for row in range(_THREE):
                    for column in range(_THREE):
                        weight = broadcast(weights[own + row * _THREE + column])
                        partial = partial + weight * load(above, i + (_TWO - row) * stride + _TWO - column, full)
                store(total, i, partial, full)
            bias_gradients[item * outputs + j] = _summed(bias, plane)
            for row in range(_THREE):
                for column in range(_THREE):
                    product = nothing
                    for i in range(_ZERO, flat, step):
                        here = load(above, i + stride + _ONE, full)
                        product = product + here * load(frame, i + row * stride + column, full)
                    tap = row * _THREE + column
                    weight_gradients[(item * outputs + j) * _TAPS + tap] = _summed(product, plane)
        _copy_rows(total, _ZERO, stride, plane, _ZERO, width, height, width)
        _over_derivative(plane, _ZERO, u, item * size, u_gradient, item * size, size, one)


@jit(inlined=True)
def _summed(vector, scratch):
    """Return the sum of the numbers of a vector, in order."""
    store(scratch, _ZERO, vector, full_mask(scratch))
    total = scratch[0]
    for i in range(_ONE, lanes(scratch)):
        total += scratch[i]
    return total
