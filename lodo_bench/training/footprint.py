"""The memory that a training takes at least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from lodo_bench.spec.training import TrainingSpec
from lodo_bench.training.trainer import Trainer


def state_bytes(spec: TrainingSpec) -> int:
    """Return the bytes of the parameters and of the states of the optimizer and the task, before the first step.

    Data sets, gradients and what an optimizer allocates later come on top.

    Args:
        spec: a training that is possible on this machine.
    """
    return _bytes(Trainer.from_spec(spec).state_dict())


def _bytes(state: object) -> int:
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(map(_bytes, state.values()))
    if isinstance(state, Iterable) and not isinstance(state, str | bytes):
        return sum(map(_bytes, state))
    return 0
