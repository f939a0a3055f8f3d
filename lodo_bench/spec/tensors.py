"""The tensors of which a flat parameter vector consists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["matrix", "embedding", "head", "vector"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor of a model: a run of consecutive entries of the flat vector, in row-major order.

    Args:
        name: unique within the model, e.g. `block0.attention.weight`.
        shape: at least one dimension.
        role: `matrix` (a hidden weight with two dimensions or more), `embedding` (a table of vectors), `head` (the
            output's weight), or `vector` (biases, gains, and everything with one dimension).
    """

    name: str
    shape: tuple[int, ...]
    role: Role = "vector"

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Problem:
    """The part of its task that an optimizer knows beforehand.

    Attributes:
        tensors: the tensors whose concatenation is the vector `x` of each individual.
        planned_steps: the number of steps that the training will take, at least 1.
    """

    tensors: Sequence[TensorSpec]
    planned_steps: int

    @classmethod
    def flat(cls, dimension: int) -> Problem:
        """Return a problem of a single vector, and an unknown number of steps, taken as 1."""
        return cls((TensorSpec("x", (dimension,)),), 1)
