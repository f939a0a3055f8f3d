"""One step of a parameter group of the drop-in LODO, before it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lodo_bench.optimizers.lodo.drop_in.part import Rates, working_dtype
from lodo_bench.optimizers.lodo.drop_in.structure import Settings


@dataclass(frozen=True)
class GroupStep:
    """The step of a group whose arguments and gradients are sound.

    Attributes:
        members: the parameters of the group.
        parameters: those that have a gradient, at least one.
        settings, rates: of the group.
        values: its other arguments, as Python's numbers.
    """

    members: Sequence[Tensor]
    parameters: Sequence[Tensor]
    settings: Settings
    rates: Rates
    values: Mapping[str, Any]

    @property
    def is_skipped(self) -> bool:
        """True if the group leaves out steps with gradients that are not finite, and this is one."""
        return self.values["skip_nonfinite"] and not bool(self._norm(torch.inf).isfinite())

    @property
    def scale(self) -> Tensor | None:
        """The factor that clips the gradients; None if the group does not clip them."""
        largest = self.values["max_grad_norm"]
        return None if largest is None else (largest / (self._norm(2.0) + 1e-6)).clamp(max=1.0)

    def _norm(self, order: float) -> Tensor:
        """Return the norm of all gradients together, without a copy of any."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norms = [torch.linalg.vector_norm(g, order, dtype=working_dtype(g)) for g in gradients]
        total: Tensor = torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]), order)
        return total
