"""Training recipes: weight decay, gradient clipping and learning-rate schedules around the update of any optimizer."""

from lodo_bench.optimizers.recipe.method import with_recipe
from lodo_bench.optimizers.recipe.options import RECIPE, TUNE, resolve_recipe

__all__ = ["RECIPE", "TUNE", "resolve_recipe", "with_recipe"]
