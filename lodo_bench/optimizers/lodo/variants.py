"""Variants of LODO with other preconditioners (LODO §4.1 and §5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.lodo.lodo import (
    INITIAL_LEARNING_RATE,
    META_LEARNING_RATE,
    MOMENTUM,
    GradientDescent,
    LearnedPreconditioning,
    ReferenceStepper,
    Stepper,
    adam_stepper,
)
from lodo_bench.optimizers.lodo.preconditioner import StepState
from lodo_bench.optimizers.lodo.residual_network import ResidualPreconditioner
from lodo_bench.optimizers.lodo.simple_preconditioners import DensePreconditioner, DiagonalPreconditioner
from lodo_bench.spec.options import Option


@final
class LodoDiagonal(LearnedPreconditioning):
    """LODO-Diagonal: one learned learning rate per coordinate, G = α₀ diag(θ).

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam.

    Reference:
        Amid et al., 2022; LODO §5.3.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    is_random = False
    complexity = "O(n)"
    reference = "Amid et al., 2022"

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        return adam_stepper(DiagonalPreconditioner(self.x, shared=False), state)


@final
class LodoGlobal(LearnedPreconditioning):
    """LODO-Global: one learned learning rate, G = α₀ θ I.

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam.

    Reference:
        Baydin et al., 2017; LODO §5.3. The authors' code has the diagonal variant under this name; this follows the
        text.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    is_random = False
    complexity = "O(n)"
    reference = "Baydin et al., 2017"

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        return adam_stepper(DiagonalPreconditioner(self.x, shared=True), state)


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
        Option("init_scale", "scale", "variance", 0.01, "scale of the initial weights; 1 in the authors' code"),
    )
    complexity = "O(n log n)"
    reference = "Liao et al., TMLR 2023"

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        layers, init_scale = self.options["layers"], self.options["init_scale"]
        preconditioner = ResidualPreconditioner(generators, self.x, layers=layers, init_scale=init_scale)
        return adam_stepper(preconditioner, state)


@final
class LodoDense(LearnedPreconditioning):
    """Simplified LODO: G is any n × n matrix, learned by plain gradient descent, without momentum.

    Update rule, with G = α₀ I at the start, g the gradient at x and g_before the gradient at the previous point::

        G <- G + α g g_beforeᵀ
        x <- x − G g

    On a quadratic with Hessian H whose center moves by s_t, b = x − x* and A = I − G H satisfy exactly
    b_{t+1} = A_t b_t − s_{t+1} and A_{t+1} = A_t − α H b_{t+1} b_tᵀ H².

    Reference:
        LODO §4.1.
    """

    hyperparameters = (META_LEARNING_RATE, INITIAL_LEARNING_RATE)
    max_dimension = 10_000
    is_random = False
    complexity = "O(n²)"
    reference = "Liao et al., TMLR 2023, §4.1"

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        preconditioner = DensePreconditioner(self.x, self._hyperparameters["initial_learning_rate"])
        # α₀ is part of G, whose own gradient the meta-optimizer follows.
        state = replace(state, initial_lr=self.x.new_ones(len(self.x), 1))
        return ReferenceStepper(preconditioner, GradientDescent(), state)

    @override
    def _set_learning_rate(self, factor: float | Tensor) -> None:
        self.stepper.state.initial_lr.fill_(1).mul_(factor)  # scales all of G, which starts at the given α₀
