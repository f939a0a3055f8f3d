"""The rescaled space that hyperparameters are searched in (LODO App. E)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.study import DecayTransform


class Transform(ABC):
    """A monotonic map between a hyperparameter's natural values and the real line."""

    @abstractmethod
    def forward(self, value: float) -> float:
        """Natural value -> rescaled."""

    @abstractmethod
    def inverse(self, rescaled: float) -> float:
        """Rescaled -> natural value, the nearest one that a float can hold inside the hyperparameter's range."""


@final
class Log(Transform):
    """ln x, for rates: x in (0, ∞)."""

    def forward(self, value: float) -> float:
        """See `Transform`."""
        return math.log(value)

    def inverse(self, rescaled: float) -> float:
        """See `Transform`."""
        return math.exp(min(max(rescaled, _LOG_SMALLEST), _LOG_LARGEST))


@final
class Logit(Transform):
    """ln(x / (1 − x)), for decays: x in (0, 1)."""

    def forward(self, value: float) -> float:
        """See `Transform`."""
        return math.log(value) - math.log1p(-value)

    def inverse(self, rescaled: float) -> float:
        """See `Transform`."""
        if rescaled < 0:
            odds = math.exp(max(rescaled, _LOG_SMALLEST))
            return odds / (1 + odds)
        return min(1 / (1 + math.exp(-rescaled)), _BELOW_ONE)


@final
class LogComplement(Transform):
    """ln(1 − x), for decays, x in [0, 1), as in the paper authors' code; above 0 it stands for x = 0."""

    def forward(self, value: float) -> float:
        """See `Transform`."""
        return math.log1p(-value)

    def inverse(self, rescaled: float) -> float:
        """See `Transform`."""
        return min(0.0 - math.expm1(min(rescaled, 0.0)), _BELOW_ONE)


TRANSFORMS: Mapping[str, Transform] = {"log": Log(), "logit": Logit(), "log-complement": LogComplement()}

_LOG_SMALLEST, _LOG_LARGEST = math.log(5e-308), math.log(1e308)
_BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The space of one optimizer's hyperparameters, one axis for each, in the order of `parameters`.

    Args:
        parameters: the hyperparameters.
        decay_transform: the scale of decays, `logit` or `log-complement`. Rates are on the log scale.
    """

    parameters: Sequence[HyperparameterSpec]
    decay_transform: DecayTransform = "logit"

    @property
    def center(self) -> NDArray[np.float64]:
        """The rescaled defaults, where a search starts."""
        return self.rescaled({p.name: p.initial for p in self.parameters})

    def rescaled(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Natural values by name -> a point of the space."""
        return np.array([self._transform(p).forward(values[p.name]) for p in self.parameters])

    def natural(self, point: NDArray[np.float64]) -> dict[str, float]:
        """A point of the space -> natural values by name."""
        pairs = zip(self.parameters, point, strict=True)
        return {p.name: self._transform(p).inverse(float(coordinate)) for p, coordinate in pairs}

    def _transform(self, parameter: HyperparameterSpec) -> Transform:
        return TRANSFORMS[self.decay_transform if parameter.kind == "decay" else "log"]
