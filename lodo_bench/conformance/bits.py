"""Comparison to the last bit, and states that have been in a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lodo_bench.errors import ConformanceError
from lodo_bench.state import Checkpointable, StateDict


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Return true if shape, dtype and every bit are equal; so NaN equals itself."""
    if (first.shape, first.dtype) != (second.shape, second.dtype):
        return False
    return torch.equal(*(tensor.detach().reshape(-1).contiguous().view(torch.uint8) for tensor in (first, second)))


def saved_state(item: Checkpointable) -> StateDict:
    """Return the state of an object as it comes back from a checkpoint.

    Raises:
        ConformanceError: if it cannot be written to a file or read back.
    """
    try:
        return _reload(item.state_dict())
    except Exception as error:  # whatever pickle raises
        raise ConformanceError(
            f"The state of {type(item).__name__} cannot be saved and read back: {error} Keep in the attributes of "
            "state_names only tensors, generators, numbers, strings, None, and lists and dictionaries of these."
        ) from error


def _reload(state: Mapping[str, Any]) -> StateDict:
    file = io.BytesIO()
    torch.save(dict(state), file)
    file.seek(0)
    found: StateDict = torch.load(file, weights_only=True)
    return found
