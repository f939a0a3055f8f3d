"""Streams of batches, each of which follows from an individual's generator and can be restored from a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.sockets import provide_sockets
from lodo_bench.errors import UsageError
from lodo_bench.seeding import global_randomness
from lodo_bench.state import Checkpointable

_CPU = torch.device("cpu")
_END = object()


class BatchStream(ABC, Checkpointable):
    """The batches of one individual, one after the other.

    The first batch exists from the beginning; the first `advance` therefore changes nothing.

    Attributes:
        batch: the current batch.
        count: the number of calls of `advance`.
    """

    state_names: ClassVar[tuple[str, ...]] = ("count",)

    def __init__(self) -> None:
        self.count = 0
        self.batch: Any = None

    def advance(self) -> None:
        """Go to the next batch."""
        if self.count:
            self._draw()
        self.count += 1

    @abstractmethod
    def _draw(self) -> None:
        """Replace `batch` by the one after it."""


@final
class DrawnBatches(BatchStream):
    """Batches that are each drawn from the generator, independently of those before.

    A checkpoint contains the generator's state before the last draw, and loading it repeats that draw; so a batch may
    be any object.

    Args:
        generator: the individual's.
        draw: returns a batch; must depend on the generator only.
    """

    state_names = ("_generator", "_before")

    def __init__(self, generator: Generator, draw: Callable[[Generator], Any]) -> None:
        super().__init__()
        self._generator, self._function = generator, draw
        self._draw()

    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        super().load_state_dict(state, device)
        self._generator.set_state(self._before)
        self._draw()

    @override
    def _draw(self) -> None:
        self._before = self._generator.get_state()
        self.batch = self._function(self._generator)


@final
class EpochBatches(BatchStream):
    """The batches of one epoch after the other.

    At the start of each epoch, a seed is drawn from the individual's generator; a generator with this seed is passed
    to `epoch`, and PyTorch's global generators have it whenever the iterable computes a batch. A checkpoint contains
    the seed and the position in the epoch, and loading it repeats the epoch up to there.

    Args:
        generator: the individual's.
        epoch: returns an iterable over the batches of an epoch, e.g. a `DataLoader`; must depend on its generator, and
            PyTorch's global ones, only.
        convert: applied to each batch.
        owner: the task's name, for messages.
    """

    state_names = ("_generator", "_seed", "_position")

    def __init__(
        self,
        generator: Generator,
        epoch: Callable[[Generator], Iterable[Any]],
        convert: Callable[[Any], Any],
        owner: str,
    ) -> None:
        super().__init__()
        self._generator, self._epoch, self._convert, self._owner = generator, epoch, convert, owner
        provide_sockets()  # for the workers of a `DataLoader`
        self._start(self._next_seed())
        self._draw()

    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        super().load_state_dict(state, device)
        position = self._position
        self._start(self._seed)
        for _ in range(position):
            self._draw()

    @override
    def _draw(self) -> None:
        batch = self._next()
        if batch is _END:
            self._start(self._next_seed())
            batch = self._next()
        if batch is _END:
            raise UsageError(f"an epoch of {self._owner} has no batches. Let it yield at least one.")
        self._position += 1
        self.batch = self._convert(batch)

    def _next_seed(self) -> int:
        device = self._generator.device
        return int(torch.randint(2**62, (), generator=self._generator, device=device))

    def _start(self, seed: int) -> None:
        self._seed, self._position = seed, 0
        with global_randomness(seed, _CPU):
            self._iterator: Iterator[Any] = iter(self._epoch(Generator().manual_seed(seed)))
            self._random = torch.get_rng_state()

    def _next(self) -> Any:
        """Return the next batch of the epoch, computed with the epoch's own global randomness, or `_END`."""
        with global_randomness(self._seed, _CPU):
            torch.set_rng_state(self._random)
            batch = next(self._iterator, _END)
            self._random = torch.get_rng_state()
        return batch


def placed(batch: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Return a batch with all its tensors on `device`, those of real numbers in `dtype`.

    Lists, tuples and dictionaries are searched for tensors; other objects are left as they are.
    """
    if isinstance(batch, Tensor):
        return batch.to(device, dtype if batch.is_floating_point() else None)
    if isinstance(batch, dict):
        return {name: placed(item, device, dtype) for name, item in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(placed(item, device, dtype) for item in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(placed(item, device, dtype) for item in batch)
    return batch
