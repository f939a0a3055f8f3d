"""L-BFGS for noisy losses: a limited memory of pairs, with curvature measured on one batch (LODO §5.1)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.selection import implementation
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.optimizers.curvature import has_curvature
from lodo_bench.spec.options import HyperparameterSpec, Option

FIRST_STEP = 1e-10


@final
class TwoLoopRecursion:
    """The two-loop recursion, which multiplies −g by the approximation of the inverse Hessian.

    With p = −g at the start::

        newest to oldest: a_i = (s_i · p) / (s_i · y_i),  p <- p − a_i y_i
        p <- γ p
        oldest to newest: p <- p + (a_i − (y_i · p) / (s_i · y_i)) s_i

    Args:
        s: (h, P, n), the steps, a ring buffer.
        y: (h, P, n), the changes of the gradient over them.
        sy: (h, P, 1), s · y.
    """

    def __init__(self, s: Tensor, y: Tensor, sy: Tensor) -> None:
        # Lists of rows: indexing a tensor costs as much as the arithmetic.
        self._s, self._y, self._sy = s.unbind(0), y.unbind(0), sy.unbind(0)

    def __call__(self, gradient: Tensor, gamma: Tensor, newest: int, num_pairs: int) -> Tensor:
        """Return the directions, (P, n).

        Args:
            gradient: (P, n).
            gamma: γ, (P, 1).
            newest: the row of the newest pair.
            num_pairs: the number of pairs, at least 1.
        """
        newest_first = [(newest - age) % len(self._s) for age in range(num_pairs)]
        direction, alphas = -gradient, []
        for row in newest_first:
            alphas.append((self._s[row] * direction).sum(1, keepdim=True).div_(self._sy[row]))
            direction.addcmul_(self._y[row], alphas[-1], value=-1)
        direction.mul_(gamma)
        for row, alpha in zip(reversed(newest_first), reversed(alphas), strict=True):
            beta = (self._y[row] * direction).sum(1, keepdim=True).div_(self._sy[row])
            direction.addcmul_(self._s[row], alpha.sub_(beta))
        return direction


class _LimitedMemory(Optimizer):
    """The common part of both methods: the memory of pairs, the two-loop recursion and the learning rate."""

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "initial step size η₀", is_learning_rate=True),
        HyperparameterSpec("decay_steps", "tau", "rate", 1e4, "τ; the number of steps after which the rate is halved"),
    )
    options_table = (Option("history", "h", "positive-int", 48, "number h of remembered pairs"),)
    is_random = False
    complexity = "O(hn)"
    reference = "Schraudolph, Yu, Günter, AISTATS 2007"
    state_names = ("_s", "_y", "_sy", "_gammas", "_num_steps")

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        history, (population, n) = self.options["history"], self.x.shape
        self._s = self.x.new_zeros(history, population, n)
        self._y = torch.zeros_like(self._s)
        self._sy = self.x.new_zeros(history, population, 1)
        self._gammas = self.x.new_zeros(population, history)  # (s · y) / (y · y)
        self._recursion = implementation(TwoLoopRecursion, self.x.device, self.x.dtype)(self._s, self._y, self._sy)
        self._num_steps = 0

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        tau = self.hyperparameter("decay_steps")
        rate = self.hyperparameter("learning_rate") * tau / (tau + self._num_steps)
        s = rate * self._direction(gradient)
        self.x.add_(s)
        self._remember(s, oracle.gradient(self.x) - gradient)

    @abstractmethod
    def _gamma(self, newest: int, num_pairs: int) -> Tensor:
        """Return the scale γ of the initial inverse Hessian, (P, 1)."""

    def _direction(self, gradient: Tensor) -> Tensor:
        num_pairs = min(self._num_steps, len(self._s))
        if not num_pairs:
            return -FIRST_STEP * gradient
        newest = (self._num_steps - 1) % len(self._s)
        return self._recursion(gradient, self._gamma(newest, num_pairs), newest, num_pairs)

    def _remember(self, s: Tensor, y: Tensor) -> None:
        row = self._num_steps % len(self._s)
        sy, yy = (s * y).sum(1), (y * y).sum(1)
        is_known = has_curvature(sy) & has_curvature(yy)
        former = self._gammas[:, row - 1] if self._num_steps else torch.full_like(sy, FIRST_STEP)
        self._s[row], self._y[row] = s, y
        self._sy[row, :, 0] = torch.where(is_known, sy, math.inf)  # what is divided by it is 0: the pair has no effect
        self._gammas[:, row] = torch.where(is_known, sy / yy, former)
        self._num_steps += 1


@final
class LBFGS(_LimitedMemory):
    """L-BFGS: an approximation of the inverse Hessian, rebuilt from the last h steps, multiplies the gradient.

    Update rule, with t counted from 0 and without a line search::

        p by `TwoLoopRecursion` over the last h pairs (s, y),  with γ = (s · y) / (y · y) of the newest
        x <- x + η_t p,   η_t = η₀ τ / (τ + t)

    As long as there is no pair, p = −1e-10 g. s is the step, and y the change of the gradient over it *on the same
    batch*, so a step costs two evaluations. A pair with s · y = 0, as at an exact minimum, is left out, and γ remains.

    Reference:
        Schraudolph, Yu, Günter, "A Stochastic Quasi-Newton Method for Online Convex Optimization", AISTATS 2007;
        LODO §5.1. The authors' code scales p by s of the oldest pair, a leftover variable.
    """

    @override
    def _gamma(self, newest: int, num_pairs: int) -> Tensor:
        return self._gammas[:, newest : newest + 1]


@final
class OLBFGS(_LimitedMemory):
    """O-LBFGS: L-BFGS with γ the mean of (s · y) / (y · y) over all remembered pairs.

    The rest of the update rule is that of `LBFGS`; λ = 0.

    Reference:
        Schraudolph, Yu, Günter, "A Stochastic Quasi-Newton Method for Online Convex Optimization", AISTATS 2007;
        LODO §5.1.
    """

    @override
    def _gamma(self, newest: int, num_pairs: int) -> Tensor:
        return self._gammas[:, :num_pairs].mean(1, keepdim=True)
