"""L-BFGS for noisy losses: a limited memory of pairs, and curvature measured on one batch (LODO §5.1)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.compute.selection import current_backend
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Option, Value

FIRST_STEP = 1e-10


class _LimitedMemory(Optimizer):
    """The part that both methods share: the memory of pairs, the two-loop recursion and the rate.

    The pairs s (step) and y (change of the gradient over it, on the same batch) are rows of two ring buffers.
    """

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "rate η₀ at the start", is_learning_rate=True),
        HyperparameterSpec("decay_steps", "tau", "rate", 1e4, "τ; after so many steps the rate is half"),
    )
    options_table = (Option("history", "h", "positive-int", 48, "pairs that are remembered"),)
    complexity = "O(hn)"
    reference = "Schraudolph, Yu, Günter, AISTATS 2007"
    state_names = ("_steps", "_changes", "_curvatures", "_scales", "_taken")

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        history, (population, n) = self.options["history"], x.shape
        self._steps = x.new_zeros(history, population, n)
        self._changes = torch.zeros_like(self._steps)
        self._curvatures = x.new_zeros(history, population, 1)  # s · y
        self._scales = x.new_zeros(population, history)  # (s · y) / (y · y)
        self._recurse = _recursion(self._steps, self._changes, self._curvatures)
        self._taken = 0

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        direction = self._direction(gradient)
        tau = self.hyperparameter("decay_steps")
        rate = self.hyperparameter("learning_rate") * tau / (tau + self._taken)
        move = rate * direction
        self.x.add_(move)
        change = oracle.gradient(self.x) - gradient
        self._remember(move, change)

    @abstractmethod
    def _scale(self, newest: int, known: int) -> Tensor:
        """What the middle of the two-loop recursion is scaled by, (P, 1)."""

    def _direction(self, gradient: Tensor) -> Tensor:
        known = min(self._taken, len(self._steps))
        if not known:
            return -FIRST_STEP * gradient
        newest = (self._taken - 1) % len(self._steps)
        return self._recurse(gradient, self._scale(newest, known), newest, known)

    def _remember(self, move: Tensor, change: Tensor) -> None:
        row = self._taken % len(self._steps)
        self._steps[row], self._changes[row] = move, change
        self._curvatures[row] = (move * change).sum(1, keepdim=True)
        self._scales[:, row] = self._curvatures[row, :, 0] / (change * change).sum(1)
        self._taken += 1


_Recursion = Callable[[Tensor, Tensor, int, int], Tensor]


def _recursion(steps: Tensor, changes: Tensor, curvatures: Tensor) -> _Recursion:
    """The two-loop recursion over these ring buffers, by the kernel that `lodo_bench.compute.selection` chooses.

    It is called with the gradient (P, n), the scale (P, 1), the row of the newest pair and how many pairs there are.
    """
    if current_backend(steps.device, steps.dtype) == "numba":
        return _compiled_recursion(steps, changes, curvatures)
    # Lists of rows, for indexing a tensor costs as much as the arithmetic.
    s, y, sy = steps.unbind(0), changes.unbind(0), curvatures.unbind(0)

    def recurse(gradient: Tensor, scale: Tensor, newest: int, known: int) -> Tensor:
        newest_first = [(newest - age) % len(s) for age in range(known)]
        direction, weights = -gradient, []
        for row in newest_first:
            weights.append((s[row] * direction).sum(1, keepdim=True).div_(sy[row]))
            direction.addcmul_(y[row], weights[-1], value=-1)
        direction.mul_(scale)
        for row, weight in zip(reversed(newest_first), reversed(weights), strict=True):
            back = (y[row] * direction).sum(1, keepdim=True).div_(sy[row])
            direction.addcmul_(s[row], weight.sub_(back))
        return direction

    return recurse


def _compiled_recursion(steps: Tensor, changes: Tensor, curvatures: Tensor) -> _Recursion:
    from lodo_bench.backends.numba.two_loop import two_loop

    memory = steps.numpy(), changes.numpy(), curvatures.numpy()
    weights = steps.new_empty(len(steps)).numpy()

    def recurse(gradient: Tensor, scale: Tensor, newest: int, known: int) -> Tensor:
        direction = torch.empty_like(gradient)
        two_loop(gradient.numpy(), *memory, scale.numpy(), newest, known, weights, direction.numpy())
        return direction

    return recurse


@final
class LBFGS(_LimitedMemory):
    """L-BFGS: the gradient multiplied by an inverse Hessian that is rebuilt from the last h steps at every step.

    Update rule, with no line search and t counted from 0, p by the two-loop recursion over the pairs (s, y)::

        p <- −g;  newest to oldest: a_i = (s_i · p) / (s_i · y_i),  p <- p − a_i y_i
        p <- p (s · y) / (y · y)                                     of the newest pair
        oldest to newest: p <- p + (a_i − (y_i · p) / (s_i · y_i)) s_i
        x <- x + η_t p,   η_t = η₀ τ / (τ + t)

    While there is no pair, p = −1e-10 g. s is the step, y the difference of the gradients at its ends *on the same
    batch*, so a step costs two evaluations.

    Reference:
        Schraudolph, Yu, Günter, "A Stochastic Quasi-Newton Method for Online Convex Optimization", AISTATS 2007;
        LODO §5.1. The authors' code scales p by s of the oldest pair, a leftover variable.
    """

    def _scale(self, newest: int, known: int) -> Tensor:
        return self._scales[:, newest : newest + 1]


@final
class OLBFGS(_LimitedMemory):
    """O-LBFGS: L-BFGS whose direction is scaled by the mean of (s · y) / (y · y) over all remembered pairs.

    The rest of the update rule is that of `LBFGS`; λ = 0.

    Reference:
        Schraudolph, Yu, Günter, "A Stochastic Quasi-Newton Method for Online Convex Optimization", AISTATS 2007;
        LODO §5.1.
    """

    def _scale(self, newest: int, known: int) -> Tensor:
        return self._scales[:, :known].mean(1, keepdim=True)
