"""Exceptions of a training, turned into data."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from lodo_bench.errors import UsageError, in_words
from lodo_bench.spec.compute import Device

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a computation, in words."""

    reason: str


def capture_failure(compute: Callable[[], T], device: Device) -> T | Failure:
    """Return the result of `compute`, or the exception, such as exhausted memory, that ended it.

    Raises:
        UsageError: if `compute` raises it: invalid input is not an outcome.
    """
    try:
        return compute()
    except UsageError:
        raise
    except Exception as error:
        failure = Failure(in_words(error))
    free_memory(device)  # only here is the exception released, and with it the tensors that its traceback refers to
    return failure


def free_memory(device: Device) -> None:
    """Release the GPU memory that a failed computation has left behind, so that the next one can have it."""
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
