"""Where a network's weights and biases lie in a flat vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One module: the shapes of its tensors, the weight before the bias.

    Attributes:
        name: e.g. `stage1.block0.conv1`, unique in its network.
        shapes: of its tensors.
        fan_in: how many inputs an output depends on.
    """

    name: str
    shapes: tuple[Shape, ...]
    fan_in: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return sum(map(math.prod, self.shapes))


@final
class Layout:
    """The layers of a network one after the other in a vector of n numbers.

    Args:
        layers: in the order in which the network uses them.

    Attributes:
        layers: as given.
        size: n.
        slices: for each layer, its part of the vector.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._shapes = [shape for layer in layers for shape in layer.shapes]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self.size = sum(self._sizes)
        ends = [0]
        for layer in layers:
            ends.append(ends[-1] + layer.size)
        self.slices = tuple(slice(first, end) for first, end in pairwise(ends))

    def views(self, flat: Tensor) -> list[Tensor]:
        """The tensors of all layers, in order, as views of `flat` (n,): they share its memory."""
        parts = torch.split(flat, self._sizes)
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]
