"""Checks of what the methods of a user's task return."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from lodo_bench.errors import UsageError


def scalar(loss: object, owner: object) -> Tensor:
    """Return the loss that a user's method computed, if it is one that can be differentiated.

    Args:
        loss: the result of the method.
        owner: the task.

    Raises:
        UsageError: if it is not a tensor with a single number, or does not depend on the parameters.
    """
    name = type(owner).__name__
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        found = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise UsageError(
            f"{name}.loss must return a tensor with one number, not {found}. Return the mean, for example."
        )
    if not loss.requires_grad:
        raise UsageError(
            f"the result of {name}.loss has no gradient. Compute it from the parameters with PyTorch's operations, "
            "without detach(), item() or no_grad()."
        )
    return loss.reshape(())


def measured(metrics: object, owner: object) -> dict[str, Tensor]:
    """Return the metrics that a user's method computed for one individual as float64 tensors of shape (1,).

    Args:
        metrics: the result of the method: name -> number, or tensor with one number.
        owner: the task.

    Raises:
        UsageError: if it is something else.
    """
    if not isinstance(metrics, Mapping):
        raise UsageError(f"the metrics of {type(owner).__name__} must be a dictionary of numbers by name.")
    found = {str(name): torch.as_tensor(value, dtype=torch.float64) for name, value in metrics.items()}
    for name, value in found.items():
        if value.numel() != 1:
            raise UsageError(
                f"the metric '{name}' of {type(owner).__name__} has shape {tuple(value.shape)}: "
                "must be a single number. Return the mean, for example."
            )
    return {name: value.detach().reshape(1) for name, value in found.items()}


def check_parameters(module: object, name: str) -> None:
    """Check that `build_module` of the task `name` returned a module that can be trained.

    Raises:
        UsageError: if it did not return a module, or one with complex parameters, or whose shapes are not known yet.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(f"{name}.build_module must return an nn.Module, not {type(module).__name__}.")
    for parameter_name, parameter in module.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise UsageError(
                f"the shape of the parameter '{parameter_name}' of {name} is not known yet. "
                "Call the module on an example in build_module, or use modules that are not lazy."
            )
        if not parameter.is_floating_point():
            raise UsageError(
                f"the parameter '{parameter_name}' of {name} is {parameter.dtype}: must be of real numbers."
            )
