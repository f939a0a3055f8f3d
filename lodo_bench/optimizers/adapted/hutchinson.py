"""Estimates of the diagonal of the Hessian, for optimizers whose `step` takes them (Sophia, AdaHessian)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer as TorchOptimizer


def takes_hessian(cls: type[TorchOptimizer]) -> bool:
    """Return true if `step` has an argument `hessian`, one tensor for each parameter."""
    return "hessian" in inspect.signature(cls.step).parameters


def is_due(optimizer: TorchOptimizer) -> bool:
    """Return true if the next step uses a new estimate: every `update_period` steps, from the first one on."""
    return bool(optimizer.param_groups[0].get("step", 0) % getattr(optimizer, "update_period", 1) == 0)


def hessian_diagonal(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    gradient_at: Callable[[Sequence[Tensor]], Sequence[Tensor]],
    distribution: str,
) -> list[Tensor]:
    """Return Hutchinson's estimate z ⊙ H z, with H z from a difference of gradients: (g(x + h z) − g(x)) / h.

    The step h = √ε (1 + rms(x)), with the rounding error ε of the dtype, balances rounding and curvature. It costs one
    gradient beyond that at x.

    Args:
        parameters: x, in parts.
        before: g(x), in the same parts.
        gradient_at: returns the gradient after a displacement of the parameters, in the same parts.
        distribution: of z: `gaussian`, or `rademacher` (±1).
    """
    zs = [_draw(parameter, distribution) for parameter in parameters]
    size = sum(parameter.numel() for parameter in parameters)
    rms = (sum(float(parameter.detach().square().sum()) for parameter in parameters) / size) ** 0.5
    h = float(torch.finfo(parameters[0].dtype).eps) ** 0.5 * (1 + rms)
    after = gradient_at([h * z for z in zs])
    return [z * (new - old) / h for z, new, old in zip(zs, after, before, strict=True)]


def _draw(like: Tensor, distribution: str) -> Tensor:
    if distribution == "rademacher":
        return torch.randint_like(like, 0, 2).mul_(2).sub_(1).detach()
    return torch.randn_like(like).detach()
