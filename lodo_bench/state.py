"""Bit-exact `state_dict()` and `load_state_dict()` for optimizers and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from torch import Generator, Tensor

from lodo_bench.errors import StateError

# Nested dictionaries and lists of tensors and plain values, as `torch.load` reads them safely.
StateDict = dict[str, Any]
T = TypeVar("T")


class Checkpointable:
    """An object whose state can be saved, and loaded into another object that was built in the same way.

    A class names in `state_names` the attributes that change during training; those of its base classes count as well.
    Each is a tensor, a random generator, a number, a string, None, a `Checkpointable`, or a list, tuple or dictionary
    of these. Attributes that follow from the constructor's arguments do not belong to the state.

    Attributes:
        state_names: the attributes that this class adds to the state.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> StateDict:
        """Return the state.

        Its tensors share memory with the object: write or copy them before training continues.
        """
        return {name: _save(getattr(self, name)) for name in self._names()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Restore the state that another object returned from `state_dict`, bit for bit.

        Existing tensors are overwritten in place, because others may hold views of them.

        Args:
            state: a state, with its tensors on any device.
            device: the device of tensors that do not exist yet.

        Raises:
            StateError: if it is the state of a different object.
        """
        names = self._names()
        if set(state) != set(names):
            raise StateError(f"{type(self).__name__} has {sorted(names)}, not {sorted(state)}")
        for name in names:
            setattr(self, name, _load(getattr(self, name), state[name], device))

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(name for kind in reversed(cls.__mro__) for name in vars(kind).get("state_names", ()))


def _save(value: object) -> object:
    if isinstance(value, Checkpointable):
        return value.state_dict()
    if isinstance(value, Generator):
        return value.get_state()
    if isinstance(value, Tensor):
        # torch.save writes the whole storage of a view.
        owns_storage = value.untyped_storage().nbytes() == value.nbytes
        return value.detach() if owns_storage else value.detach().clone()
    if isinstance(value, list | tuple):
        return [_save(item) for item in value]
    if isinstance(value, dict):
        return {name: _save(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a state")


def _load(current: object, saved: object, device: torch.device) -> object:
    """Return the replacement of `current`: itself with the saved content where possible, otherwise a new value."""
    if isinstance(current, Checkpointable):
        current.load_state_dict(_expect(saved, dict), device)
        return current
    if isinstance(current, Generator):
        current.set_state(_expect(saved, Tensor).cpu())
        return current
    if isinstance(saved, Tensor):
        if not isinstance(current, Tensor):
            return saved.to(device, copy=True)
        if (current.shape, current.dtype) != (saved.shape, saved.dtype):
            raise StateError(f"{tuple(current.shape)} {current.dtype} is not {tuple(saved.shape)} {saved.dtype}")
        current.detach().copy_(saved)
        return current
    if isinstance(saved, list):
        items = current if isinstance(current, list | tuple) and len(current) == len(saved) else [None] * len(saved)
        return [_load(item, value, device) for item, value in zip(items, saved, strict=True)]
    if isinstance(saved, dict):
        before = current if isinstance(current, dict) else {}
        return {name: _load(before.get(name), value, device) for name, value in saved.items()}
    return saved


def _expect(saved: object, kind: type[T]) -> T:
    if not isinstance(saved, kind):
        raise StateError(f"expected {kind.__name__}, not {type(saved).__name__}")
    return saved
