"""The unconstrained space in which hyperparameters are searched (LODO App. E)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.study import DecayTransform


class Transform(ABC):
    """A monotonic map from the range of a hyperparameter to the real line."""

    @abstractmethod
    def forward(self, value: float) -> float:
        """Map a value of the hyperparameter to the real line."""

    @abstractmethod
    def inverse(self, coordinate: float) -> float:
        """Map a real number to a value, the nearest that a float can hold inside the hyperparameter's range."""


@final
class Log(Transform):
    """ln x, for rates: x in (0, ∞)."""

    @override
    def forward(self, value: float) -> float:
        return math.log(value)

    @override
    def inverse(self, coordinate: float) -> float:
        return math.exp(min(max(coordinate, _LOG_SMALLEST), _LOG_LARGEST))


@final
class Logit(Transform):
    """ln(x / (1 − x)), for decays: x in (0, 1)."""

    @override
    def forward(self, value: float) -> float:
        return math.log(value) - math.log1p(-value)

    @override
    def inverse(self, coordinate: float) -> float:
        if coordinate < 0:
            odds = math.exp(max(coordinate, _LOG_SMALLEST))
            return odds / (1 + odds)
        return min(1 / (1 + math.exp(-coordinate)), _BELOW_ONE)


@final
class LogComplement(Transform):
    """ln(1 − x), for decays, x in [0, 1), as in the paper authors' code; positive numbers are mapped back to x = 0."""

    @override
    def forward(self, value: float) -> float:
        return math.log1p(-value)

    @override
    def inverse(self, coordinate: float) -> float:
        return min(0.0 - math.expm1(min(coordinate, 0.0)), _BELOW_ONE)


TRANSFORMS: Mapping[str, Transform] = {"log": Log(), "logit": Logit(), "log-complement": LogComplement()}

_EDGE = 0.01  # of the length of a range

_LOG_SMALLEST, _LOG_LARGEST = math.log(5e-308), math.log(1e308)
_BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The unconstrained space of one optimizer, with one axis for each hyperparameter.

    Args:
        hyperparameters: the hyperparameters, in the order of the axes.
        decay_transform: the scale of decays, `logit` or `log-complement`. Rates are on the log scale.
    """

    hyperparameters: Sequence[HyperparameterSpec]
    decay_transform: DecayTransform = "logit"

    @property
    def center(self) -> NDArray[np.float64]:
        """The point of the default values, where a search starts."""
        return self.unconstrain({h.name: h.initial for h in self.hyperparameters})

    def unconstrain(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Map values by name to a point of the space."""
        return np.array([self._transform(h).forward(values[h.name]) for h in self.hyperparameters])

    def constrain(self, point: NDArray[np.float64]) -> dict[str, float]:
        """Map a point of the space to values by name, the nearest ones within the ranges of the hyperparameters."""
        pairs = zip(self.hyperparameters, point, strict=True)
        return {h.name: _within(h, self._transform(h).inverse(float(coordinate))) for h, coordinate in pairs}

    def clip(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the nearest points whose values are within the ranges of the hyperparameters.

        Args:
            points: (..., number of hyperparameters).
        """
        ends = [self._ends(h) for h in self.hyperparameters]
        return np.clip(points, [low for low, _ in ends], [high for _, high in ends])

    def _ends(self, hyperparameter: HyperparameterSpec) -> tuple[float, float]:
        if hyperparameter.range is None:
            return -math.inf, math.inf
        first, second = (self._transform(hyperparameter).forward(end) for end in hyperparameter.range)
        return min(first, second), max(first, second)

    def _transform(self, hyperparameter: HyperparameterSpec) -> Transform:
        return TRANSFORMS[self.decay_transform if hyperparameter.kind == "decay" else "log"]


def at_edge(hyperparameter: HyperparameterSpec, value: float, transform: Transform) -> bool:
    """Return true for a value within 1 % of the length of the hyperparameter's range from one of its ends.

    Args:
        hyperparameter: the hyperparameter; without a range, no value is at its edge.
        value: its value, in the range.
        transform: the scale on which the length is measured.
    """
    if hyperparameter.range is None:
        return False
    low, high = (transform.forward(end) for end in hyperparameter.range)
    at = transform.forward(value)
    return min(abs(at - low), abs(at - high)) <= _EDGE * abs(high - low)


def _within(hyperparameter: HyperparameterSpec, value: float) -> float:
    if hyperparameter.range is None:
        return value
    low, high = hyperparameter.range
    return min(max(value, low), high)
