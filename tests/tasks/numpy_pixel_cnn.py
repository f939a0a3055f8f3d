"""The pixel network's loss and gradient in plain NumPy, written from the paper's description."""

import numpy as np

SIDE, STAGES, BLOCKS = 28, 5, 4


def inputs(images, rows, columns):
    """(B, 28, 28, 5) for images (B, 28, 28) and the pixel that each is to predict."""
    result = np.empty((len(images), SIDE, SIDE, 5))
    for b, (row, column) in enumerate(zip(rows, columns, strict=True)):
        for i in range(SIDE):
            for j in range(SIDE):
                seen = i < row or (i == row and j < column)
                result[b, i, j] = (
                    images[b, i, j] / 256 if seen else 0,
                    1 if j <= column else -1,
                    1 if seen else -1,
                    i / 28 * 2 - 1,
                    j / 28 * 2 - 1,
                )
    return result


class Parameters:
    """Hands out the tensors of a flat vector in order, and takes in their gradients under the same order."""

    def __init__(self, flat):
        self.flat, self.gradient, self._used = flat, np.zeros_like(flat), 0

    def take(self, *shape):
        """A tensor, and the function that takes in its gradient."""
        first, last = self._used, self._used + int(np.prod(shape))
        self._used = last

        def add(gradient):
            self.gradient[first:last] += gradient.reshape(-1)

        return self.flat[first:last].reshape(shape), add

    @property
    def all_used(self):
        return self._used == len(self.flat)


def pointwise(x, parameters, outputs):
    """A 1×1 convolution of (B, H, W, C); returns what comes out and the backward pass."""
    weight, add_weight = parameters.take(outputs, x.shape[-1])
    bias, add_bias = parameters.take(outputs)

    def backward(g):
        add_weight(np.einsum("bijo,bijc->oc", g, x))
        add_bias(g.sum((0, 1, 2)))
        return g @ weight

    return x @ weight.T + bias, backward


def depthwise(x, parameters, multiplier):
    """A 3×3 convolution of each channel by itself, with zeros around; channel c gives c m, ..., c m + m − 1."""
    batch, height, width, channels = x.shape
    kernel, add_kernel = parameters.take(channels, multiplier, 3, 3)
    bias, add_bias = parameters.take(channels * multiplier)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = [(i, j, padded[:, i : i + height, j : j + width]) for i in range(3) for j in range(3)]
    result = sum(window[..., None] * kernel[:, :, i, j] for i, j, window in windows)

    def backward(g):
        add_bias(g.sum((0, 1, 2)))
        g = g.reshape(batch, height, width, channels, multiplier)
        for_kernel, for_input = np.empty_like(kernel), np.zeros_like(padded)
        for i, j, window in windows:
            for_kernel[:, :, i, j] = (g * window[..., None]).sum((0, 1, 2))
            for_input[:, i : i + height, j : j + width] += (g * kernel[:, :, i, j]).sum(-1)
        add_kernel(for_kernel)
        return for_input[:, 1:-1, 1:-1]

    return result.reshape(batch, height, width, -1) + bias, backward


def arctangent(x):
    return np.arctan(x), lambda g: g / (1 + x * x)


def pooled(x):
    """Means of 2×2 cells; one at a border that is cut off is the mean of what is in it."""
    batch, height, width, channels = x.shape
    result = np.empty((batch, (height + 1) // 2, (width + 1) // 2, channels))
    for i in range(result.shape[1]):
        for j in range(result.shape[2]):
            result[:, i, j] = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((1, 2))

    def backward(g):
        back = np.empty_like(x)
        for i in range(result.shape[1]):
            for j in range(result.shape[2]):
                cell = back[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                cell[...] = g[:, i, j][:, None, None] / (cell.shape[1] * cell.shape[2])
        return back

    return result, backward


def block(x, parameters):
    steps = []
    y = x
    for layer in (
        lambda y: pointwise(y, parameters, 40),
        arctangent,
        lambda y: depthwise(y, parameters, 3),
        arctangent,
        lambda y: pointwise(y, parameters, 20),
    ):
        y, backward = layer(y)
        steps.append(backward)

    def backward(g):
        back = g
        for step in reversed(steps):
            back = step(back)
        return g + back

    return x + y, backward


def loss_and_gradient(flat, x, targets):
    """Mean cross-entropy in nats of the targets (B,), its gradient, and the sides after each pooling."""
    parameters, steps, sides = Parameters(flat), [], []
    y, backward = pointwise(x, parameters, 20)
    steps.append(backward)
    for _ in range(STAGES):
        for _ in range(BLOCKS):
            y, backward = block(y, parameters)
            steps.append(backward)
        y, backward = pooled(y)
        steps.append(backward)
        sides.append(y.shape[1])
    y, backward = pointwise(y, parameters, 256)
    steps.append(backward)
    assert parameters.all_used
    logits = y[:, 0, 0]
    logits = logits - logits.max(1, keepdims=True)
    logarithms = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    rows = np.arange(len(x))
    g = np.exp(logarithms)
    g[rows, targets] -= 1
    g = g[:, None, None] / len(x)
    for step in reversed(steps):
        g = step(g)
    return -logarithms[rows, targets].mean(), parameters.gradient, sides
