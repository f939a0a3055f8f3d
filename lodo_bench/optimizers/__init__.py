"""Table of the optimizers by name. To add one, write its file and add its row here."""

from collections.abc import Mapping

from lodo_bench.optimizers.base import Optimizer
from lodo_bench.optimizers.recipe import resolve_recipe, with_recipe
from lodo_bench.registry import Registry
from lodo_bench.spec.options import Value, resolve
from lodo_bench.spec.training import OptimizerSpec

OPTIMIZERS: Registry[Optimizer] = Registry(
    "optimizer",
    Optimizer,
    {
        "adam": "lodo_bench.optimizers.adam:Adam",
        "momentum": "lodo_bench.optimizers.momentum:Momentum",
        "rmsprop": "lodo_bench.optimizers.rmsprop:RMSprop",
        "yogi": "lodo_bench.optimizers.yogi:Yogi",
        "l2lbgdbgd": "lodo_bench.optimizers.l2lbgdbgd:L2LBGDBGD",
        "lodo": "lodo_bench.optimizers.lodo:Lodo",
        "lodo-diagonal": "lodo_bench.optimizers.lodo:LodoDiagonal",
        "lodo-global": "lodo_bench.optimizers.lodo:LodoGlobal",
        "lodo-residuals": "lodo_bench.optimizers.lodo:LodoResiduals",
        "lodo-no-momentum": "lodo_bench.optimizers.lodo:LodoNoMomentum",
        "lodo-sgd": "lodo_bench.optimizers.lodo:LodoSgd",
        "lodo-dense": "lodo_bench.optimizers.lodo:LodoDense",
        "lars": "lodo_bench.optimizers.lars:LARS",
        "l-bfgs": "lodo_bench.optimizers.lbfgs:LBFGS",
        "o-lbfgs": "lodo_bench.optimizers.lbfgs:OLBFGS",
        "bfgs": "lodo_bench.optimizers.bfgs:BFGS",
        "levenberg-marquardt": "lodo_bench.optimizers.newton:LevenbergMarquardt",
        "newton": "lodo_bench.optimizers.newton:Newton",
    },
)


def load_optimizer(spec: OptimizerSpec) -> type[Optimizer]:
    """Return the class of an optimizer, with its search space and its recipe.

    Raises:
        UsageError: if there is none.
    """
    return with_recipe(OPTIMIZERS.load(spec.name), spec.recipe)


def optimizer_spec(name: str, options: Mapping[str, Value], recipe: Mapping[str, Value] | None = None) -> OptimizerSpec:
    """Return the specification of an optimizer, with validated structural options and a validated recipe.

    Options and entries of the recipe at their default are left out, so that each optimizer has exactly one
    specification.

    Args:
        name: the optimizer's name.
        options: structural options, by name or alias.
        recipe: entries of `lodo_bench.optimizers.recipe.RECIPE`, likewise; None for the plain update.

    Raises:
        UsageError: for an unknown optimizer, option or entry, or a value out of range.
    """
    kind = OPTIMIZERS.load(name)
    given = resolve(kind.options_table, options, f"optimizer {name}", "option")
    defaults = {p.name: p.default for p in kind.options_table}
    changed = {option: value for option, value in given.items() if value != defaults[option]}
    return OptimizerSpec(
        OPTIMIZERS.check(name), changed, OPTIMIZERS.version(name), recipe=resolve_recipe(name, kind, recipe or {})
    )
