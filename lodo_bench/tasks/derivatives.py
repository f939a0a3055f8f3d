"""Derivatives of functions of a population, by automatic differentiation.

A function maps x (P, n) to losses (P,), row by row: the loss of an individual depends on its row alone, so the gradient
of the sum over all individuals consists of the gradients of each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PopulationFunction = Callable[[Tensor], Tensor]


def value_and_gradient(function: PopulationFunction, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return values (P,) and gradients (P, n) of `function` at `x` (P, n)."""
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        values = function(point)
        (gradient,) = torch.autograd.grad(values.sum(), point)
    return values.detach(), gradient


def hessian(function: PopulationFunction, x: Tensor) -> Tensor:
    """Return the second derivatives of `function` at `x` (P, n), as (P, n, n), with n more backward passes."""
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(function(point).sum(), point, create_graph=True)
        rows = [torch.autograd.grad(slope.sum(), point, retain_graph=True)[0] for slope in gradient.unbind(1)]
    return torch.stack(rows, dim=1)
