"""LODO and those of its variants that share its preconditioner (LODO §3, Algorithm 1, and §5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Generator

from lodo_bench.optimizers.lodo.base import INITIAL_LEARNING_RATE, META_LEARNING_RATE, MOMENTUM, LearnedPreconditioning
from lodo_bench.optimizers.lodo.block_network import BlockPreconditioner, draw_network
from lodo_bench.optimizers.lodo.meta import MetaOptimizer, meta_optimizer
from lodo_bench.spec.options import Option

LAYERS = Option("layers", "N", "nonnegative-int", 16, "layers N of the network G̃; with none, LODO is momentum")
BLOCK_SIZE = Option("block_size", "k", "positive-int", 4, "size k of the blocks")
HIDDEN_DIM = Option(
    "hidden_dim",
    "hidden",
    "nonnegative-int",
    0,
    "ñ, a multiple of k and at least n; 0 for the smallest that is at least 2n",
)
META_OPTIMIZER = Option(
    "meta_optimizer", "meta", "choice", "adam", "what learns the preconditioner", choices=("adam", "sgd")
)


class _BlockLodo(LearnedPreconditioning):
    complexity = "O(n log n)"
    reference = "Liao et al., TMLR 2023"

    def _build(self, generators: Sequence[Generator]) -> BlockPreconditioner:
        network = draw_network(
            generators,
            self.x.shape[1],
            layers=self.options["layers"],
            block_size=self.options["block_size"],
            hidden_dim=self.options["hidden_dim"] or None,
            dtype=self.x.dtype,
        )
        return BlockPreconditioner(network.to(self.x.device))


@final
class Lodo(_BlockLodo):
    """LODO: momentum, multiplied by a matrix G(θ) whose parameters are themselves learned from every gradient.

    The update rule is that of `LearnedPreconditioning`, the meta-optimizer Adam with betas 0.9 and 0.999 and ε = 1e-7,
    and S that of `BlockPreconditioner`. With no layers this is momentum at the rate α₀ (1 − β).

    Reference:
        Liao, Dangovski, Foerster, Soljačić, "Learning to Optimize Quasi-Newton Methods", TMLR 2023, §3, Algorithm 1.
        Deviation from the authors' code: the hidden dimension, see `padded_dimension`.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    options_table = (LAYERS, BLOCK_SIZE, HIDDEN_DIM, META_OPTIMIZER)

    def _build_meta(self) -> MetaOptimizer:
        return meta_optimizer(self.options["meta_optimizer"], self.preconditioner.weights)


@final
class LodoNoMomentum(_BlockLodo):
    """LODO-No-Momentum: LODO with β = 0, so that each step follows the latest gradient alone.

    Reference:
        LODO §5.3. The authors' code built another network under this name when tuning; this follows the text.
    """

    hyperparameters = (META_LEARNING_RATE, INITIAL_LEARNING_RATE)
    options_table = (LAYERS, BLOCK_SIZE, HIDDEN_DIM)


@final
class LodoSgd(_BlockLodo):
    """LODO-SGD: LODO whose preconditioner is learned by plain gradient descent, θ <- θ − α h.

    Reference:
        LODO §5.3.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)
    options_table = (LAYERS, BLOCK_SIZE, HIDDEN_DIM)

    def _build_meta(self) -> MetaOptimizer:
        return meta_optimizer("sgd", self.preconditioner.weights)
