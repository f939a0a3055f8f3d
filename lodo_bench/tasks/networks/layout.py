"""Positions of a network's weights and biases in a flat parameter vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from lodo_bench.spec.tensors import TensorSpec

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A module of a network and the shapes of its tensors, weight before bias.

    Attributes:
        name: unique within the network, e.g. `stage1.block0.first.convolution`.
        shapes: of its tensors.
        fan_in: number of inputs that each output depends on.
    """

    name: str
    shapes: tuple[Shape, ...]
    fan_in: int

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(map(math.prod, self.shapes))


@final
class Layout:
    """A network's layers, concatenated into a vector of n parameters.

    Args:
        layers: modules, in the order in which the network uses them.

    Attributes:
        layers: as given.
        size: n.
        slices: each layer's slice of the vector.
        tensors: each weight and bias.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.tensors = tuple(_tensor(layer, index) for layer in layers for index in range(len(layer.shapes)))
        self._shapes = [shape for layer in layers for shape in layer.shapes]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self.size = sum(self._sizes)
        ends = [0]
        for layer in layers:
            ends.append(ends[-1] + layer.size)
        self.slices = tuple(slice(first, end) for first, end in pairwise(ends))

    def views(self, flat: Tensor) -> list[Tensor]:
        """Return all tensors, in order, as views of `flat` (n,), whose memory they share."""
        parts = torch.split(flat, self._sizes)
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]


def _tensor(layer: Layer, index: int) -> TensorSpec:
    shape, name = layer.shapes[index], f"{layer.name}.{('weight', 'bias')[index]}"
    if len(shape) < 2:
        return TensorSpec(name, shape)
    return TensorSpec(name, shape, "head" if layer.name == "head" else "matrix")
