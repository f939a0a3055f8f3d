"""The state of a torch optimizer as nested dictionaries of tensors and plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer as TorchOptimizer

from lodo_bench.state import StateDict

_PLAIN = (bool, int, float, str)
_KEPT = {"defaults", "state", "param_groups"}  # attributes of the base class


def pack(optimizer: TorchOptimizer) -> StateDict:
    """Return the whole state: of its parameters, of its groups, and attributes that are numbers or tensors.

    `state_dict` of the class is not used, as loading that converts tensors to the parameters' dtype, and leaves out
    attributes. Tensors are not copied.

    Raises:
        TypeError: for a value that a checkpoint cannot hold, as a function.
    """
    positions = {id(parameter): str(i) for i, parameter in enumerate(_parameters(optimizer))}
    states: Mapping[Any, Any] = optimizer.state
    return {
        "parameters": {positions[id(k)]: _pack(v) for k, v in states.items() if id(k) in positions},
        "shared": {k: _pack(v) for k, v in states.items() if isinstance(k, str)},
        "groups": [{k: _pack(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups],
        "attributes": {k: _pack(v) for k, v in vars(optimizer).items() if _is_attribute(k, v)},
    }


def unpack(optimizer: TorchOptimizer, packed: Mapping[str, Any], device: torch.device) -> None:
    """Restore a state that `pack` returned for another optimizer of the same construction."""
    parameters = _parameters(optimizer)
    optimizer.state.clear()
    for position, value in packed["parameters"].items():
        optimizer.state[parameters[int(position)]] = _unpack(value, device)
    for key, value in packed["shared"].items():
        optimizer.state[key] = _unpack(value, device)
    for group, values in zip(optimizer.param_groups, packed["groups"], strict=True):
        group.update(_unpack(values, device))
    vars(optimizer).update(_unpack(packed["attributes"], device))


def _parameters(optimizer: TorchOptimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _is_attribute(name: str, value: object) -> bool:
    return name not in _KEPT and isinstance(value, (*_PLAIN, Tensor))


def _pack(value: Any) -> Any:
    if isinstance(value, Tensor):
        owns_storage = value.untyped_storage().nbytes() == value.nbytes  # torch.save writes the storage of a view
        return value.detach() if owns_storage else value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_pack, value)) if type(value) in (list, tuple) else [_pack(item) for item in value]
    if value is None or isinstance(value, (*_PLAIN, torch.dtype)):
        return value
    raise TypeError(f"its state has a {type(value).__name__}, which a checkpoint cannot hold")


def _unpack(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        # A step count stays on the CPU, as the class has put it there: it is a single number.
        return value.clone() if value.dim() == 0 else value.to(device, copy=True)
    if isinstance(value, dict):
        return {key: _unpack(item, device) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_unpack(item, device) for item in value)
    return value
