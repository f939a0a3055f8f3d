"""Optimizers with a recipe: subclasses that prepare each step of any optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import MetaTrained, Optimizer, Oracle
from lodo_bench.optimizers.recipe.gradients import GradientRecipe, RecipeOracle
from lodo_bench.optimizers.recipe.options import RECIPE, TUNE, has_schedule, is_decoupled, tuned_entries
from lodo_bench.optimizers.recipe.schedule import learning_rate_factor
from lodo_bench.spec.options import Value
from lodo_bench.spec.tensors import Problem

_DEFAULTS: Mapping[str, Value] = {option.name: option.default for option in RECIPE}
_SCHEDULED = ("warmup", "final_factor", "cooldown")


def with_recipe(kind: type[Optimizer], recipe: Mapping[str, Value]) -> type[Optimizer]:
    """Return an optimizer's class with a recipe: `kind` itself if the recipe is empty, else a subclass of it.

    A step clips the gradient of each individual, adds L2 decay to it, shrinks x by decoupled decay, sets the learning
    rate of this step, and then takes the step of `kind`. Tuned entries are appended to the hyperparameters. Compiled
    loops, which are found by the exact class, are those of the plain optimizer only.

    Args:
        kind: the optimizer.
        recipe: as `resolve_recipe` returns it.
    """
    return _with_recipe(kind, tuple(recipe.items())) if recipe else kind


@cache
def _with_recipe(kind: type[Optimizer], entries: tuple[tuple[str, Value], ...]) -> type[Optimizer]:
    recipe = dict(entries)
    base = _MetaTrainedWithRecipe if issubclass(kind, MetaTrained) else _WithRecipe
    attributes: dict[str, Any] = {
        "__doc__": kind.__doc__,
        "recipe": recipe,
        "hyperparameters": (*kind.hyperparameters, *tuned_entries(recipe)),
        "is_scheduled": kind.is_scheduled or has_schedule(recipe),
    }
    return type(f"{kind.__name__}WithRecipe", (base, kind), attributes)


class _Recipe(Optimizer):
    """The values of a recipe for each individual.

    Attributes:
        recipe: the entries that differ from their defaults.
    """

    recipe: ClassVar[Mapping[str, Value]]

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
        problem: Problem | None = None,
    ) -> None:
        own = {name: values.clone() for name, values in hyperparameters.items()}  # learning rates will change
        super().__init__(x, own, generators, options, problem)
        decay = self._entry("weight_decay") if "weight_decay" in self.recipe else None
        self._decoupled_decay = decay if is_decoupled(self.recipe) else None
        self._gradient_recipe = GradientRecipe(
            self._entry("clip_norm") if "clip_norm" in self.recipe else None,
            decay if self._decoupled_decay is None else None,
        )

    def _entry(self, name: str) -> Tensor:
        """Return a number of the recipe for each individual, (P, 1)."""
        value = self.recipe.get(name, _DEFAULTS[name])
        return (
            self.hyperparameter(name).to(self.x) if value == TUNE else self.x.new_full((len(self.x), 1), float(value))
        )


class _WithRecipe(_Recipe):
    """The steps of an optimizer with a recipe; the other base class of its subclasses is the optimizer."""

    state_names = ("_num_scheduled",)
    _num_scheduled = 0  # the number of steps taken

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        prepared = self._gradient_recipe(gradient, self.x)
        factor = self._factor(self._num_scheduled)
        if self._decoupled_decay is not None:
            rate = self.given_learning_rate.to(self.x) * factor
            self.x.addcmul_(self.x, rate * self._decoupled_decay, value=-1)
        if has_schedule(self.recipe):
            self.scale_learning_rate(factor)
        super().step(prepared, RecipeOracle(oracle, self._gradient_recipe, self.x))  # type: ignore[safe-super]
        self._num_scheduled += 1

    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        super().load_state_dict(state, device)
        if has_schedule(self.recipe) and self._num_scheduled:
            self.scale_learning_rate(self._factor(self._num_scheduled - 1))

    def _factor(self, step: int) -> float | Tensor:
        """Return the factor of the learning rate at a step: a number, or (P, 1) if it depends on tuned values."""
        shape, planned_steps = str(self.recipe.get("schedule", "constant")), self.problem.planned_steps
        # One number at a time: the rounding of a vectorized cosine depends on the position in the population.
        factors = [learning_rate_factor(shape, step, planned_steps, **numbers) for numbers in self._schedules]
        is_tuned = any(self.recipe.get(name) == TUNE for name in _SCHEDULED)
        # A tensor even for a single individual: a number would be rounded in another way.
        return self.x.new_tensor(factors).unsqueeze(1) if is_tuned else factors[0]

    @cached_property
    def _schedules(self) -> Sequence[Mapping[str, float]]:
        """The numbers of the schedule: of each individual if any of them is tuned, otherwise once for all."""
        given = {name: self.recipe.get(name, _DEFAULTS[name]) for name in _SCHEDULED}
        count = len(self.x) if TUNE in given.values() else 1
        columns = {
            name: self.hyperparameter(name).flatten().tolist() if value == TUNE else [float(value)] * count
            for name, value in given.items()
        }
        return [{name: column[index] for name, column in columns.items()} for index in range(count)]


class _MetaTrainedWithRecipe(_Recipe, MetaTrained):
    """The updates of a meta-trained optimizer with a recipe, also in its meta-training; there is no learning rate."""

    @override
    def compute_update(self, gradient: Tensor) -> Tensor:
        with torch.no_grad():
            prepared = self._gradient_recipe(gradient, self.x)
        return super().compute_update(prepared)  # type: ignore[safe-super]
