"""Test functions of nonlinear optimization, with or without gradient noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.errors import UsageError
from lodo_bench.seeding import draw_normal
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks import derivatives
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.functions import FUNCTIONS, AnalyticFunction


@final
class AnalyticFunctions(Task):
    """A test function with a known minimum, such as Rosenbrock's or Rastrigin's, from a fixed starting point.

    ℓ(x) = f(x) + ξᵀ (x − x*), with f the function, x* its minimizer, and ξ drawn from N(0, σ² I) before every step: an
    unbiased loss whose gradient is ∇f(x) + ξ. Without noise, seeds affect the optimizer only. The functions, minima and
    starting points are those of `lodo_bench.tasks.functions.FUNCTIONS`.
    """

    options_table = (
        Option("function", "f", "choice", "rosenbrock", "test function", tuple(FUNCTIONS)),
        Option("dimension", "n", "positive-int", 2, "number of parameters n; some functions have exactly 2"),
        Option("noise_variance", "var", "variance", 0.0, "variance σ² of the noise in each entry of the gradient"),
    )
    step_milestone = 1000
    default_dtype = "float64"
    offers = frozenset({"hessian"})
    state_names = ("_generators", "_noise")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        self._generators = list(generators)
        self._function = FUNCTIONS[self.options["function"]]
        self._deviation = self.options["noise_variance"] ** 0.5
        self._minimizer = self._point(self._function.minimizer)
        self._noise = torch.zeros_like(self._minimizer)

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """Return n.

        Raises:
            UsageError: if the function does not have this many parameters.
        """
        values = cls.with_defaults(options)
        name, dimension = values["function"], int(values["dimension"])
        _check_dimension(name, FUNCTIONS[name], dimension)
        return dimension

    @classmethod
    @override
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        """Return whether there is noise."""
        return bool(cls.with_defaults(options)["noise_variance"])

    @classmethod
    @override
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound:
        """Return the global minimum of f, which no expected loss falls below."""
        function = FUNCTIONS[cls.with_defaults(options)["function"]]
        return LossBound("global minimum", function.minimum * cls.dimension_for(options))

    @classmethod
    @override
    def minimizers(cls, options: Mapping[str, Value]) -> Sequence[Sequence[float]]:
        """Return all global minimizers of f."""
        function = FUNCTIONS[cls.with_defaults(options)["function"]]
        return [_repeated(point, cls.dimension_for(options)) for point in (function.minimizer, *function.others)]

    @override
    def initial_point(self) -> Tensor:
        """Return the function's starting point for every individual."""
        return self._point(self._function.start)

    @override
    def next_batch(self) -> None:
        """Draw the noise, if there is any."""
        if self._deviation:
            draw_normal(self._generators, self._noise).mul_(self._deviation)

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = derivatives.value_and_gradient(self._function.value, x)
        if not self._deviation:
            return loss, gradient
        return loss + (self._noise * (x - self._minimizer)).sum(1), gradient + self._noise

    @override
    def hessian(self, x: Tensor) -> Tensor:
        """Return the second derivatives of f, which the noise does not affect."""
        return derivatives.hessian(self._function.value, x)

    def _point(self, coordinates: Sequence[float]) -> Tensor:
        point = _repeated(coordinates, self.dimension)
        return torch.tensor([point], device=self.device, dtype=self.dtype).repeat(self.population, 1)


def _repeated(coordinates: Sequence[float], dimension: int) -> list[float]:
    return [coordinates[index % len(coordinates)] for index in range(dimension)]


def _check_dimension(name: str, function: AnalyticFunction, dimension: int) -> None:
    if function.dimension not in (None, dimension):
        raise UsageError(
            f"{name} has exactly {function.dimension} parameters, not dimension = {dimension}. Omit the dimension, or "
            "choose another function."
        )
    if dimension < function.least_dimension:
        raise UsageError(
            f"{name} needs at least {function.least_dimension} parameters, not dimension = {dimension}. Give a larger "
            "dimension."
        )
