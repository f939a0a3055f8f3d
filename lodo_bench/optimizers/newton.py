"""Methods that use the exact Hessian: Newton and Levenberg-Marquardt (LODO §5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec


def _solve(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Solve M z = v for each individual, (P, n, n) and (P, n) -> (P, n); not finite where M is singular, unless v = 0.

    The systems are solved one by one, each in memory of its own, as LAPACK's rounding depends on the position of a
    matrix in its batch.
    """
    pairs = zip(matrices, vectors, strict=True)
    found = torch.stack([torch.linalg.solve_ex(matrix.clone(), vector.clone()).result for matrix, vector in pairs])
    return torch.where(vectors.any(1, keepdim=True), found, 0)  # a stationary point is kept


@final
class Newton(Optimizer):
    """Newton's method: a step to the minimum of the local quadratic model.

    Update rule, with H the Hessian at x::

        x <- x − H⁻¹ g

    It has no hyperparameters. On the noisy quadratic it moves to the current center at every step, and its mean loss
    is the best possible.

    Reference:
        LODO §5.1, "Newton (optimal)".
    """

    hyperparameters = ()
    needs = frozenset({"hessian"})
    max_dimension = 10_000
    is_random = False
    complexity = "O(n³)"
    reference = "Newton's method"

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        """Allocate nothing: each step depends on the current batch only."""

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        self.x.sub_(_solve(oracle.hessian(self.x), gradient))


@final
class LevenbergMarquardt(Optimizer):
    """Levenberg-Marquardt: Newton's method, damped along the diagonal.

    Update rule, with H the Hessian at x::

        x <- x − (H² + λ diag(H²))⁻¹ H g

    Reference:
        Levenberg, 1944; Marquardt, 1963; LODO §5.1.
    """

    hyperparameters = (HyperparameterSpec("damping", "lambda", "rate", 1.0, "damping λ"),)
    needs = frozenset({"hessian"})
    max_dimension = 10_000
    is_random = False
    complexity = "O(n³)"
    reference = "Levenberg, 1944; Marquardt, 1963"

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        """Allocate nothing: each step depends on the current batch only."""

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        hessian = oracle.hessian(self.x)
        # One product at a time, for the same reason as in `_solve`.
        square = torch.stack([h.clone() @ h.clone() for h in hessian])
        diagonal = torch.diagonal(square, dim1=1, dim2=2) * self.hyperparameter("damping")
        hessian_vector_product = (hessian * gradient.unsqueeze(1)).sum(2)
        self.x.sub_(_solve(square + torch.diag_embed(diagonal), hessian_vector_product))
