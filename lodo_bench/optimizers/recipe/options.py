"""The entries of a training recipe: their ranges, their defaults, and what they are in a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import override

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.base import MetaTrained, Optimizer
from lodo_bench.spec.options import HyperparameterSpec, Kind, Option, Value, resolve

# The value of an entry that a search is to find.
TUNE = "tune"


@dataclass(frozen=True, slots=True)
class RecipeOption(Option):
    """An entry of a recipe; at its default it changes nothing.

    Args:
        tuned_kind: its kind as a hyperparameter, `rate` or `decay`.
        tuned_default: the value at which a search starts; None if it cannot be tuned.
    """

    tuned_kind: Kind = "decay"
    tuned_default: float | None = None

    @override
    def validate(self, value: Value, owner: str, name: str | None = None) -> Value:
        if value == TUNE and self.tuned_default is not None:
            return TUNE
        return Option.validate(self, value, owner, name)

    def hyperparameter(self, default: float) -> HyperparameterSpec:
        """Return the hyperparameter that a tuned entry becomes."""
        return HyperparameterSpec(self.name, self.alias, self.tuned_kind, default, self.description)


RECIPE: tuple[RecipeOption, ...] = (
    RecipeOption("weight_decay", "wd", "variance", 0.0, "weight decay λ", tuned_kind="rate", tuned_default=0.01),
    RecipeOption(
        "decay",
        "decay",
        "choice",
        "decoupled",
        "decoupled: x <- (1 − lr λ) x before the update, as in AdamW; l2: λ x is added to the gradient",
        ("decoupled", "l2"),
    ),
    RecipeOption(
        "clip_norm",
        "clip",
        "variance",
        0.0,
        "gradients with a larger norm are scaled down to it; 0 for no clipping",
        tuned_kind="rate",
        tuned_default=1.0,
    ),
    RecipeOption(
        "schedule",
        "schedule",
        "choice",
        "constant",
        "learning rate after the warm-up: constant, or a linear or cosine decay to the end, or wsd, which decays late",
        ("constant", "linear", "cosine", "wsd"),
    ),
    RecipeOption("warmup", "warmup", "decay", 0.0, "fraction of the steps in which the rate rises", tuned_default=0.1),
    RecipeOption("final_factor", "final", "decay", 0.0, "final learning rate, relative to its peak", tuned_default=0.1),
    RecipeOption("cooldown", "cooldown", "decay", 0.2, "fraction of the steps in which wsd decays", tuned_default=0.2),
)
_DEFAULTS: Mapping[str, Value] = {option.name: option.default for option in RECIPE}


def resolve_recipe(name: str, kind: type[Optimizer], given: Mapping[str, Value]) -> dict[str, Value]:
    """Return a recipe for an optimizer, validated, by full name and without the entries that change nothing.

    Args:
        name: the optimizer's name, for messages.
        kind: its class.
        given: values by name or alias; `tune` for those that a search is to find.

    Raises:
        UsageError: for an unknown entry, a value out of range, entries that do not belong together, or a recipe that
            this optimizer cannot have.
    """
    found = resolve(RECIPE, given, f"optimizer {name}", "recipe entry")
    _check_combination(found)
    _check_learning_rate(name, kind, found)
    _check_tuned(name, kind, found)
    return {entry: value for entry, value in found.items() if value != _DEFAULTS[entry] and _matters(entry, found)}


def tuned_entries(recipe: Mapping[str, Value]) -> tuple[HyperparameterSpec, ...]:
    """Return the hyperparameters that the tuned entries of a recipe become."""
    tuned = (option for option in RECIPE if recipe.get(option.name) == TUNE)
    return tuple(o.hyperparameter(o.tuned_default) for o in tuned if o.tuned_default is not None)


def is_decoupled(recipe: Mapping[str, Value]) -> bool:
    """Return true if the recipe has decoupled weight decay."""
    return recipe.get("weight_decay", 0) != 0 and recipe.get("decay", "decoupled") == "decoupled"


def has_schedule(recipe: Mapping[str, Value]) -> bool:
    """Return true if the recipe changes the learning rate from step to step."""
    return recipe.get("schedule", "constant") != "constant" or recipe.get("warmup", 0) != 0


def _matters(entry: str, recipe: Mapping[str, Value]) -> bool:
    if entry == "decay":
        return recipe["weight_decay"] != 0
    return entry != "final_factor" or recipe["schedule"] != "constant"


def _check_combination(recipe: Mapping[str, Value]) -> None:
    if "decay" in recipe and "weight_decay" not in recipe:
        raise UsageError("the recipe has a decay but no weight_decay. Give weight_decay, too.")
    if "final_factor" in recipe and "schedule" not in recipe:
        raise UsageError("the recipe has a final_factor but no schedule. Give the schedule, too, e.g. cosine.")
    if recipe.get("final_factor") == TUNE and recipe["schedule"] == "constant":
        raise UsageError("final_factor = tune has no effect with schedule = constant. Choose another schedule.")
    if "cooldown" in recipe and recipe.get("schedule") != "wsd":
        raise UsageError("the recipe has a cooldown, which applies to schedule = wsd only. Omit it, or give schedule.")


def _check_learning_rate(name: str, kind: type[Optimizer], recipe: Mapping[str, Value]) -> None:
    if kind.has_learning_rate():
        return
    if has_schedule(recipe) or is_decoupled(recipe):
        raise UsageError(
            f"{name} has no learning rate, which a schedule, a warm-up and decoupled weight decay need. "
            "Omit schedule and warmup and use decay = l2, or leave this optimizer out."
        )


def _check_tuned(name: str, kind: type[Optimizer], recipe: Mapping[str, Value]) -> None:
    tuned = [entry for entry, value in recipe.items() if value == TUNE]
    if tuned and issubclass(kind, MetaTrained):
        raise UsageError(f"{tuned[0]} cannot be tuned for {name}, which is meta-trained instead. Give a number.")
    own = {word for parameter in kind.hyperparameters for word in (parameter.name, parameter.alias)}
    for entry in tuned:
        if entry in own:
            raise UsageError(
                f"{entry} cannot be tuned for {name}, which has a hyperparameter of this name. "
                "That one is tuned; give a number in the recipe, or omit the entry."
            )
