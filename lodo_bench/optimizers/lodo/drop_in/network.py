"""The paper's network of random permutations as a structure, with the benchmark's own implementation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.selection import implementation
from lodo_bench.errors import UsageError
from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.block_network import BlockNetwork, TorchBlockPreconditioner, draw_network, hidden_size
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import ADAM_BETAS, MetaAdam, MetaRule
from lodo_bench.optimizers.lodo.drop_in.structure import Settings, Structure
from lodo_bench.optimizers.lodo.lodo import ReferenceStepper, Stepper, adam_stepper
from lodo_bench.optimizers.lodo.preconditioner import Preconditioner, StepState
from lodo_bench.optimizers.lodo.simple_preconditioners import IdentityPreconditioner


@final
class NetworkStructure(Structure):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ of `BlockPreconditioner`, for a population of one (LODO §3)."""

    block_axes = (2, 3)

    def __init__(self, n: int, settings: Settings, state: Mapping[str, Tensor], momentum: Tensor, eps: float) -> None:
        super().__init__(n, settings, state, momentum, eps)
        row = momentum.view(1, n)
        self._rates = StepState(row.clone(), row, row.new_empty(1, 1), row.new_empty(1, 1), row.new_empty(1))
        preconditioner = self._preconditioner(row)
        self._moments: AdamMoments | None = None
        if isinstance(self.meta, MetaAdam):
            self._moments = AdamMoments(self.state["weights"], *ADAM_BETAS, eps)
            self._moments.first, self._moments.second = state["meta_first"], state["meta_second"]
            self._stepper: Stepper = adam_stepper(preconditioner, self._rates, self._moments)
        else:
            self._stepper = ReferenceStepper(preconditioner, _Bound(self.meta), self._rates)
        preconditioner.forward(row)  # for the next hypergradient

    @classmethod
    @override
    def shapes(cls, n: int, settings: Settings) -> dict[str, tuple[int, ...]]:
        k, layers = settings.block_size, settings.layers
        try:
            hidden = hidden_size(n, layers=layers, block_size=k, hidden_dim=settings.hidden_dim or None)
        except UsageError as error:
            raise ValueError(str(error)) from None
        weights = (1, layers, k, k, hidden // k)
        return {"weights": weights, "permutations": (1, layers, hidden), "embedding_index": (1, n)}

    @classmethod
    @override
    def draw(cls, n: int, settings: Settings, generator: Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        found = draw_network(
            [generator],
            n,
            layers=settings.layers,
            block_size=settings.block_size,
            hidden_dim=settings.hidden_dim or None,
            dtype=dtype,
        )
        return {"weights": found.weights, "permutations": found.permutations, "embedding_index": found.embedding_index}

    @override
    def learn(self, gradient: Tensor, lr: float, meta_lr: float) -> None:
        if not self.settings.layers:
            return  # there is nothing to learn
        self._rates.initial_lr.fill_(lr)
        self._rates.meta_lr.fill_(meta_lr)
        if (moments := self._moments) is not None:
            powers = self.state["meta_powers"]
            moments.beta1_power, moments.beta2_power = powers.tolist()
            self._stepper.update_preconditioner(gradient.view(1, -1))
            powers.copy_(powers.new_tensor([moments.beta1_power, moments.beta2_power]))
        else:
            self._stepper.update_preconditioner(gradient.view(1, -1))

    @override
    def move(self, x: Tensor, gradient: Tensor, lr: float, beta: float) -> None:
        self._rates.initial_lr.fill_(lr)
        self._rates.ema_weight.fill_(beta)
        torch.sub(1, self._rates.ema_weight, out=self._rates.ema_weight)
        self._rates.x.copy_(x)
        self._stepper.update_parameters(gradient.view(1, -1))
        x.copy_(self._rates.x[0])

    def _preconditioner(self, like: Tensor) -> Preconditioner:
        if not self.settings.layers:
            return IdentityPreconditioner(like)
        network = BlockNetwork(*(self.state[name] for name in ("weights", "permutations", "embedding_index")))
        return implementation(TorchBlockPreconditioner, like.device, like.dtype)(network)


class _Bound:
    """A meta-optimizer for `ReferenceStepper`."""

    def __init__(self, meta: MetaRule) -> None:
        self._meta = meta

    def update(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move `parameters` by one step, in place."""
        self._meta.update(parameters, gradient, self._meta.advance(float(learning_rate)))
