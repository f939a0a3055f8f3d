"""The buffers of a module in training, such as the running averages of batch normalization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from lodo_bench.state import Checkpointable


@final
class ModuleBuffers(Checkpointable):
    """Keeps the buffers such that every batch updates them once, however often it is evaluated.

    Each evaluation on a batch starts from the buffers at the batch's beginning, so equal parameters give equal
    results; the first one determines the buffers of the next batch.

    Args:
        module: whose buffers are updated in place.
    """

    state_names = ("current", "_at_start", "_evaluated")

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.start_batch()

    @property
    def current(self) -> Sequence[Tensor]:
        """The buffers, in the order of `module.buffers()`."""
        return list(self._module.buffers())

    @current.setter
    def current(self, _: Sequence[Tensor]) -> None:
        """Accept what `load_state_dict` has already written into the buffers."""

    def start_batch(self) -> None:
        """Begin a batch with the current buffers."""
        self._at_start = [buffer.clone() for buffer in self.current]
        self._evaluated = False

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Evaluate the loss on the current batch."""
        kept = [buffer.clone() for buffer in self.current] if self._evaluated else None
        self._write(self._at_start)
        try:
            yield
        finally:
            if kept is not None:
                self._write(kept)
            self._evaluated = True

    @torch.no_grad()
    def _write(self, values: Sequence[Tensor]) -> None:
        for buffer, value in zip(self.current, values, strict=True):
            buffer.copy_(value)
