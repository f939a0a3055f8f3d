"""What changes of an object while it works, taken down and put back bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from lodo_bench.errors import StateError

State = dict[str, Any]


class Checkpointable:
    """Something that can be stopped, and gone on with elsewhere, in another object that was built in the same way.

    A class names the attributes that change while it works; those of its base classes count as well. An attribute is a
    tensor, a random generator, a number, a text, None, something `Checkpointable`, or a list, tuple or dictionary of these.
    What follows from the arguments that an object was built with does not belong to its state.

    Attributes:
        state_names: the attributes that this class adds to the state.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> State:
        """The state: nested dictionaries and lists of tensors and plain values, as `torch.load` reads them safely.

        Tensors share their memory with the object: write or copy them before it goes on.
        """
        return {name: _taken(getattr(self, name)) for name in self._names()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Become what an object was when it told `state`.

        Tensors that are there already keep their memory and are overwritten, as others may hold views of them.

        Args:
            state: as `state()` gave it, wherever its tensors now are.
            device: for tensors that are not there yet.

        Raises:
            StateError: if it is the state of something else.
        """
        names = self._names()
        if set(state) != set(names):
            raise StateError(f"{type(self).__name__} has {sorted(names)}, not {sorted(state)}")
        for name in names:
            setattr(self, name, _put(getattr(self, name), state[name], device))

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(name for kind in reversed(cls.__mro__) for name in vars(kind).get("state_names", ()))


def _taken(value: Any) -> Any:
    if isinstance(value, Checkpointable):
        return value.state_dict()
    if isinstance(value, Generator):
        return value.get_state()
    if isinstance(value, Tensor):
        # A view would take the whole memory that it is a view of to the file.
        whole = value.untyped_storage().nbytes() == value.nbytes
        return value.detach() if whole else value.detach().clone()
    if isinstance(value, list | tuple):
        return [_taken(item) for item in value]
    if isinstance(value, dict):
        return {name: _taken(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a state")


def _put(current: Any, kept: Any, device: torch.device) -> Any:
    """What takes the place of `current`: itself with another content where it can have it, otherwise a new value."""
    if isinstance(current, Checkpointable):
        current.load_state_dict(_checked(kept, dict), device)
        return current
    if isinstance(current, Generator):
        current.set_state(_checked(kept, Tensor).cpu())
        return current
    if isinstance(kept, Tensor):
        if not isinstance(current, Tensor):
            return kept.to(device, copy=True)
        if (current.shape, current.dtype) != (kept.shape, kept.dtype):
            raise StateError(f"{tuple(current.shape)} {current.dtype} is not {tuple(kept.shape)} {kept.dtype}")
        current.detach().copy_(kept)
        return current
    if isinstance(kept, list):
        fits = isinstance(current, list | tuple) and len(current) == len(kept)
        pairs = zip(current if fits else [None] * len(kept), kept, strict=True)
        return [_put(item, value, device) for item, value in pairs]
    if isinstance(kept, dict):
        before = current if isinstance(current, dict) else {}
        return {name: _put(before.get(name), value, device) for name, value in kept.items()}
    return kept


def _checked(kept: Any, kind: type) -> Any:
    if not isinstance(kept, kind):
        raise StateError(f"a {kind.__name__} was expected, not a {type(kept).__name__}")
    return kept
