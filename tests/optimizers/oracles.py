"""The update rules of LODO §3 and Table 6's baselines once more, as plainly as possible, for one vector at a time.

Every function returns the points visited, the start included: (steps + 1, n).
"""

import numpy as np
import torch


def adam(gradient, x, steps, learning_rate, beta1, beta2):
    points, m, v = [x], np.zeros_like(x), np.zeros_like(x)
    for t in range(1, steps + 1):
        g = gradient(t - 1, x)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        x = x - rate * m / (np.sqrt(v) + 1e-7)
        points.append(x)
    return np.array(points)


def momentum(gradient, x, steps, learning_rate, momentum):
    points, v = [x], np.zeros_like(x)
    for t in range(steps):
        v = momentum * v - learning_rate * gradient(t, x)
        x = x + v
        points.append(x)
    return np.array(points)


def rmsprop(gradient, x, steps, learning_rate, rho, momentum):
    points, a, v = [x], np.zeros_like(x), np.zeros_like(x)
    for t in range(steps):
        g = gradient(t, x)
        a = rho * a + (1 - rho) * g**2
        v = momentum * v + learning_rate * g / np.sqrt(a + 1e-7)
        x = x - v
        points.append(x)
    return np.array(points)


def yogi(gradient, x, steps, learning_rate, beta1, beta2):
    points, m, v = [x], np.zeros_like(x), np.zeros_like(x)
    for t in range(steps):
        g = gradient(t, x)
        m = beta1 * m + (1 - beta1) * g
        v = v - (1 - beta2) * np.sign(v - g**2) * g**2
        x = x - learning_rate * m / (np.sqrt(v) + 1e-3)
        points.append(x)
    return np.array(points)


def lodo(loss, x, steps, blocks, permutations, meta_learning_rate, momentum, initial_learning_rate):
    points, m = [], torch.zeros_like(x)
    theta, first, second = blocks.clone(), torch.zeros_like(blocks), torch.zeros_like(blocks)
    for t in range(1, steps + 1):
        theta.requires_grad_()
        x_new = x - initial_learning_rate * dense_operator(theta, permutations, len(x)) @ m
        x_new.retain_grad()
        loss(t - 1, x_new).backward()
        g, h = x_new.grad, theta.grad
        m = momentum * m + (1 - momentum) * g
        first = 0.9 * first + 0.1 * h
        second = 0.999 * second + 0.001 * h**2
        rate = meta_learning_rate * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        theta = theta.detach() - rate * first / (second.sqrt() + 1e-7)
        x = x_new.detach()
        points.append(x)
    points.append(x - initial_learning_rate * dense_operator(theta, permutations, len(x)) @ m)
    return torch.stack(points), theta


def dense_operator(blocks, permutations, n):
    """(I 0) G̃ᵀ G̃ (I 0)ᵀ of blocks (N, B, out, in) and permutations (N, ñ), the first layer applied first."""
    hidden = permutations.shape[1]
    product = torch.eye(hidden, dtype=blocks.dtype)
    for layer, permutation in zip(blocks, permutations, strict=True):
        shuffle = torch.eye(hidden, dtype=blocks.dtype)[permutation]
        product = torch.block_diag(*layer) @ shuffle @ product
    return (product.T @ product)[:n, :n]


def blocks_of(weights, preconditioner, individual):
    """One individual's part of a tensor laid out like the preconditioner's weights, as (N, B, out, in)."""
    return weights[individual].permute(0, 3, 2, 1).clone()


def permutations_of(preconditioner, individual):
    """One individual's permutations of entries (N, ñ), from those of places."""
    _, _, k, _, blocks = preconditioner.weights.shape
    entry = torch.arange(k * blocks)
    place = (entry % k) * blocks + entry // k
    entry_at = torch.argsort(place)
    return torch.stack([entry_at[order[place].long()] for order in preconditioner.permutations[individual]])
