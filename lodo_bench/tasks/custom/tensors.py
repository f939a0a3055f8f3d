"""Common base of the tasks whose parameter vector consists of named tensors."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import groupby
from typing import Any, ClassVar, cast, get_args

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.options import Value
from lodo_bench.spec.tensors import Role, TensorSpec
from lodo_bench.spec.training import Capability
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.custom.batches import BatchStream, DrawnBatches, EpochBatches, placed


class _Offers:
    """`Task.offers` of a class, found from its tensors when it is read: `matrices` if one of them is a matrix."""

    def __get__(self, instance: object, owner: type[TensorTask]) -> frozenset[Capability]:
        found: tuple[Capability, ...] = ("matrices",) if any(s.role == "matrix" for s in owner.specs({})) else ()
        return frozenset(found)


class TensorTask(Task):
    """A task whose `x` is the concatenation of named tensors.

    While the methods of a subclass run, the default device of new tensors is the task's, except in `epoch`, where it is
    the CPU.

    Attributes:
        roles: name of a tensor -> its role, where the default does not fit.
    """

    roles: ClassVar[Mapping[str, Role]] = {}
    offers = cast("frozenset[Capability]", _Offers())

    @classmethod
    @abstractmethod
    def _describe(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, tuple[int, ...], Role]]:
        """Return name, shape and default role of each tensor for these options, of which none is missing."""

    @classmethod
    def specs(cls, options: Mapping[str, Value]) -> Sequence[TensorSpec]:
        """Return the tensors for these options, in the order in which `x` contains them.

        Raises:
            UsageError: if there are none, or `roles` names another tensor or an unknown role.
        """
        return _specs(cls, tuple(cls.with_defaults(options).items()), cls.data_version(options))

    def setup(self) -> None:
        """Prepare what the other methods use, e.g. load data; called first, once for each object."""

    def draw_batch(self, generator: Generator) -> Any:
        """Return a batch: a tensor, or any object that `loss` understands; None by default.

        Tensors in lists, tuples and dictionaries are moved to the task's device, and real numbers to its dtype.

        Args:
            generator: the only source of randomness, on the task's device; a batch must not depend on earlier ones.
        """
        return None

    def epoch(self, generator: Generator) -> Iterable[Any]:
        """Return an iterable over the batches of an epoch, e.g. a `DataLoader`; replaces `draw_batch` if it is defined.

        Args:
            generator: a random generator of the CPU, seeded for this epoch. PyTorch's global generator has the same
                seed while the iterable computes a batch; other sources of randomness must not be used.
        """
        return ()

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return sum(spec.size for spec in cls.specs(options))

    @property
    @override
    def tensors(self) -> Sequence[TensorSpec]:
        return self.specs(self.options)

    @property
    @override
    def layers(self) -> Sequence[slice]:
        """Slices of x, one per module: tensors in a row whose names are the same up to the last dot."""
        return list(self._slices())

    def _stream(self, generator: Generator) -> BatchStream:
        if type(self).epoch is TensorTask.epoch:
            return DrawnBatches(generator, lambda generator: self._placed(self.draw_batch, generator))
        return EpochBatches(generator, self.epoch, lambda batch: self._placed(lambda: batch), type(self).__name__)

    def _placed(self, draw: Callable[..., Any], *arguments: Generator) -> Any:
        with self._default_device():
            return placed(draw(*arguments), self.device, self.dtype)

    def _default_device(self) -> AbstractContextManager[object]:
        """Return a context in which new tensors are on the task's device; without a cost on the CPU."""
        return nullcontext() if self.device.type == "cpu" else self.device

    def _slices(self) -> Iterator[slice]:
        start = 0
        for _, group in groupby(self.tensors, lambda spec: spec.name.rpartition(".")[0] or spec.name):
            end = start + sum(spec.size for spec in group)
            yield slice(start, end)
            start = end


@cache
def _specs(cls: type[TensorTask], options: tuple[tuple[str, Value], ...], data_version: str) -> tuple[TensorSpec, ...]:
    described = cls._describe(dict(options))
    if not described:
        raise UsageError(f"{cls.__name__} has no parameters. Give it at least one.")
    names = {name for name, _, _ in described}
    for name, role in cls.roles.items():
        if name not in names:
            raise UnknownNameError("parameter", name, names, of=f"roles of {cls.__name__}")
        if role not in get_args(Role):
            raise UsageError(f"invalid role '{role}' of '{name}' in {cls.__name__}: must be {_words(get_args(Role))}.")
    return tuple(TensorSpec(name, shape or (1,), cls.roles.get(name, role)) for name, shape, role in described)


def _words(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def views(flat: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """Return consecutive parts of `flat` (n,) in these shapes, as views that share its memory."""
    parts = torch.split(flat, [math.prod(shape) for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
