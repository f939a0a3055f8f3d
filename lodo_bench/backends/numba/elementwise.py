"""Steps of the optimizers that treat every entry separately.

Each rule is the `update` of a `lodo_bench.backends.compiled_loop.CompiledStep`, for the rule that its optimizer
documents. Its data are arrays over all individuals, first the state (P, n), then the hyperparameters (P, 1), then ε.
"""

from __future__ import annotations

import math

from lodo_bench.backends.compiled_loop import CompiledStep, Steps
from lodo_bench.backends.numba.jit import jit
from lodo_bench.optimizers import adam as adam_rule
from lodo_bench.optimizers import rmsprop as rmsprop_rule
from lodo_bench.optimizers import yogi as yogi_rule
from lodo_bench.optimizers.momentum import Momentum


@jit
def adam(data, p, k, gradient, x):
    """Take a step of Adam; the powers β1ᵗ and β2ᵗ (P, 1) are part of the state."""
    first_moments, second_moments, beta1_powers, beta2_powers, rates, betas1, betas2, epsilon = data
    cast, first, second = x.dtype.type, first_moments[p], second_moments[p]
    beta1_powers[p, 0] *= betas1[p, 0]
    beta2_powers[p, 0] *= betas2[p, 0]
    one_minus_beta1, one_minus_beta2, eps = cast(1 - betas1[p, 0]), cast(1 - betas2[p, 0]), cast(epsilon)
    rate = cast(rates[p, 0] * math.sqrt(1 - beta2_powers[p, 0]) / (1 - beta1_powers[p, 0]))
    for j in range(len(x)):
        first[j] += (gradient[j] - first[j]) * one_minus_beta1
        second[j] += (gradient[j] * gradient[j] - second[j]) * one_minus_beta2
        x[j] -= rate * first[j] / (math.sqrt(second[j]) + eps)


@jit
def momentum(data, p, k, gradient, x):
    """Take a step of heavy-ball momentum; the state is the velocity."""
    velocities, rates, betas = data
    velocity, rate, beta = velocities[p], rates[p, 0], betas[p, 0]
    for j in range(len(x)):
        velocity[j] = velocity[j] * beta - rate * gradient[j]
        x[j] += velocity[j]


@jit
def rmsprop(data, p, k, gradient, x):
    """Take a step of RMSprop; the state is the mean square and the velocity."""
    mean_squares, velocities, rates, rhos, momenta, epsilon = data
    cast, mean_square, velocity = x.dtype.type, mean_squares[p], velocities[p]
    rate, one_minus_rho, decay, eps = rates[p, 0], cast(1 - rhos[p, 0]), momenta[p, 0], cast(epsilon)
    for j in range(len(x)):
        mean_square[j] += (gradient[j] * gradient[j] - mean_square[j]) * one_minus_rho
        velocity[j] = velocity[j] * decay + rate * gradient[j] / math.sqrt(mean_square[j] + eps)
        x[j] -= velocity[j]


@jit
def yogi(data, p, k, gradient, x):
    """Take a step of Yogi; the state is the two moments."""
    first_moments, second_moments, rates, betas1, betas2, epsilon = data
    cast, first, second, rate = x.dtype.type, first_moments[p], second_moments[p], rates[p, 0]
    one_minus_beta1, one_minus_beta2, eps = cast(1 - betas1[p, 0]), cast(1 - betas2[p, 0]), cast(epsilon)
    for j in range(len(x)):
        square = gradient[j] * gradient[j]
        direction = cast(second[j] > square) - cast(second[j] < square)
        first[j] += (gradient[j] - first[j]) * one_minus_beta1
        second[j] -= direction * square * one_minus_beta2
        x[j] -= rate * first[j] / (math.sqrt(second[j]) + eps)


def adam_steps(optimizer: adam_rule.Adam) -> Steps:
    """Return the compiled steps of Adam."""
    moments = optimizer.moments
    columns = [optimizer.hyperparameter(name) for name in ("learning_rate", "beta1", "beta2")]

    def steps(count: int) -> CompiledStep:
        powers = moments.beta1_power, moments.beta2_power
        return CompiledStep.of(adam, moments.first, moments.second, *powers, *columns, moments.eps)

    return steps


def momentum_steps(optimizer: Momentum) -> Steps:
    """Return the compiled steps of momentum."""
    columns = [optimizer.hyperparameter(name) for name in ("learning_rate", "momentum")]
    return lambda count: CompiledStep.of(momentum, optimizer.velocity, *columns)


def rmsprop_steps(optimizer: rmsprop_rule.RMSprop) -> Steps:
    """Return the compiled steps of RMSprop."""
    columns = [optimizer.hyperparameter(name) for name in ("learning_rate", "rho", "momentum")]
    state = optimizer.mean_square, optimizer.velocity
    return lambda count: CompiledStep.of(rmsprop, *state, *columns, rmsprop_rule.EPSILON)


def yogi_steps(optimizer: yogi_rule.Yogi) -> Steps:
    """Return the compiled steps of Yogi."""
    columns = [optimizer.hyperparameter(name) for name in ("learning_rate", "beta1", "beta2")]
    state = optimizer.first_moment, optimizer.second_moment
    return lambda count: CompiledStep.of(yogi, *state, *columns, yogi_rule.EPSILON)
