"""Steps of optimizers that treat every entry by itself, compiled by Numba for CPUs.

Each is an `update` of `lodo_bench.backends.compiled_loop.CompiledStep`, of the rule that its optimizer documents. Its data are arrays of all
individuals, first the state (P, n), then the hyperparameters (P, 1), and ε.
"""

from __future__ import annotations

import math

from lodo_bench.backends.numba.jit import jit


@jit
def adam(data, p, k, gradient, x):
    """The powers β1ᵗ and β2ᵗ (P, 1) are part of the state."""
    moments1, moments2, powers1, powers2, rates, betas1, betas2, epsilon = data
    number, first, second = x.dtype.type, moments1[p], moments2[p]
    powers1[p, 0] *= betas1[p, 0]
    powers2[p, 0] *= betas2[p, 0]
    gain1, gain2, small = number(1 - betas1[p, 0]), number(1 - betas2[p, 0]), number(epsilon)
    rate = number(rates[p, 0] * math.sqrt(1 - powers2[p, 0]) / (1 - powers1[p, 0]))
    for j in range(len(x)):
        first[j] += (gradient[j] - first[j]) * gain1
        second[j] += (gradient[j] * gradient[j] - second[j]) * gain2
        x[j] -= rate * first[j] / (math.sqrt(second[j]) + small)


@jit
def momentum(data, p, k, gradient, x):
    """One array of state, the velocity."""
    velocities, rates, betas = data
    velocity, rate, beta = velocities[p], rates[p, 0], betas[p, 0]
    for j in range(len(x)):
        velocity[j] = velocity[j] * beta - rate * gradient[j]
        x[j] += velocity[j]


@jit
def rmsprop(data, p, k, gradient, x):
    """The state is the mean square and the velocity."""
    mean_squares, velocities, rates, rhos, momenta, epsilon = data
    number, mean_square, velocity = x.dtype.type, mean_squares[p], velocities[p]
    rate, gain, decay, small = rates[p, 0], number(1 - rhos[p, 0]), momenta[p, 0], number(epsilon)
    for j in range(len(x)):
        mean_square[j] += (gradient[j] * gradient[j] - mean_square[j]) * gain
        velocity[j] = velocity[j] * decay + rate * gradient[j] / math.sqrt(mean_square[j] + small)
        x[j] -= velocity[j]


@jit
def yogi(data, p, k, gradient, x):
    """The state is the two moments."""
    moments1, moments2, rates, betas1, betas2, epsilon = data
    number, first, second, rate = x.dtype.type, moments1[p], moments2[p], rates[p, 0]
    gain1, gain2, small = number(1 - betas1[p, 0]), number(1 - betas2[p, 0]), number(epsilon)
    for j in range(len(x)):
        square = gradient[j] * gradient[j]
        direction = number(second[j] > square) - number(second[j] < square)
        first[j] += (gradient[j] - first[j]) * gain1
        second[j] -= direction * square * gain2
        x[j] -= rate * first[j] / (math.sqrt(second[j]) + small)
