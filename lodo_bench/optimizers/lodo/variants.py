"""Variants of LODO with other preconditioners (LODO §4.1 and §5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Generator, Tensor

from lodo_bench.optimizers.lodo.base import INITIAL_LEARNING_RATE, META_LEARNING_RATE, MOMENTUM, LearnedPreconditioning
from lodo_bench.optimizers.lodo.dense import DensePreconditioner
from lodo_bench.optimizers.lodo.diagonal import DiagonalPreconditioner
from lodo_bench.optimizers.lodo.meta import MetaOptimizer, meta_optimizer
from lodo_bench.optimizers.lodo.residual import ResidualPreconditioner
from lodo_bench.spec.options import Option


@final
class LodoDiagonal(LearnedPreconditioning):
    """LODO-Diagonal: a learning rate of its own for each coordinate, G = α₀ diag(θ).

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam.

    Reference:
        Amid et al., 2022; LODO §5.3.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    complexity = "O(n)"
    reference = "Amid et al., 2022"

    def _build(self, generators: Sequence[Generator]) -> DiagonalPreconditioner:
        return DiagonalPreconditioner(self.x, shared=False)


@final
class LodoGlobal(LearnedPreconditioning):
    """LODO-Global: one learned learning rate, G = α₀ θ I.

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam.

    Reference:
        Baydin et al., 2017; LODO §5.3. The authors' code built the diagonal variant under this name; this follows the
        text.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    complexity = "O(n)"
    reference = "Baydin et al., 2017"

    def _build(self, generators: Sequence[Generator]) -> DiagonalPreconditioner:
        return DiagonalPreconditioner(self.x, shared=True)


@final
class LodoResiduals(LearnedPreconditioning):
    """LODO-Residuals: LODO with the residual network of `ResidualPreconditioner`.

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam.

    Reference:
        LODO §5.3. Deviation: `init_scale`, see `ResidualPreconditioner`.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    options_table = (
        Option("layers", "N", "positive-int", 64, "residual layers N"),
        Option("init_scale", "scale", "variance", 0.01, "size of the first weights; 1 in the authors' code"),
    )
    complexity = "O(n log n)"
    reference = "Liao et al., TMLR 2023"

    def _build(self, generators: Sequence[Generator]) -> ResidualPreconditioner:
        return ResidualPreconditioner(
            generators, self.x, layers=self.options["layers"], init_scale=self.options["init_scale"]
        )


@final
class LodoDense(LearnedPreconditioning):
    """Simplified LODO: G is any n × n matrix, learned by plain gradient descent, without momentum.

    Update rule, with G = α₀ I at the start, g the gradient at x and g_before that at the point before::

        G <- G + α g g_beforeᵀ
        x <- x − G g

    On a quadratic with Hessian H whose center moves by s_t, b = x − x* and A = I − G H obey exactly
    b_{t+1} = A_t b_t − s_{t+1} and A_{t+1} = A_t − α H b_{t+1} b_tᵀ H².

    Reference:
        LODO §4.1.
    """

    hyperparameters = (META_LEARNING_RATE, INITIAL_LEARNING_RATE)
    max_dimension = 10_000
    complexity = "O(n²)"
    reference = "Liao et al., TMLR 2023, §4.1"

    def _build(self, generators: Sequence[Generator]) -> DensePreconditioner:
        return DensePreconditioner(self.x, self._hyperparameters["initial_learning_rate"])

    def _initial_scale(self) -> Tensor:
        """One: α₀ is part of G, whose own gradient the meta-optimizer follows."""
        return self.x.new_ones(())

    def _build_meta(self) -> MetaOptimizer:
        return meta_optimizer("sgd", self.preconditioner.weights)
