"""Table of the optimizers by name. To add one, write its file and add its row here."""

from collections.abc import Mapping

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.adapted.adapter import AdaptedOptimizer, adapt, is_adaptable, with_options, with_space
from lodo_bench.optimizers.adapted.space import read_space
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
    adapt,
    "torch.optim.Optimizer",
)


def load_optimizer(spec: OptimizerSpec) -> type[Optimizer]:
    """Return the class of an optimizer, with its search space, the defaults under its options, and its recipe.

    Raises:
        UsageError: if there is none.
    """
    return with_recipe(with_options(_load(spec.name, spec.space), spec.options), spec.recipe)


def optimizer_spec(
    name: str,
    options: Mapping[str, Value],
    recipe: Mapping[str, Value] | None = None,
    space: str | None = None,
) -> OptimizerSpec:
    """Return the specification of an optimizer, with validated structural options and a validated recipe.

    Options and entries of the recipe at their default are left out, so that each optimizer has exactly one
    specification.

    Args:
        name: the optimizer's name.
        options: structural options, by name or alias.
        recipe: entries of `lodo_bench.optimizers.recipe.RECIPE`, likewise; None for the plain update.
        space: the search space of an adapted optimizer, the path of a file or the name of a shipped one; None for its
            own.

    Raises:
        UsageError: for an unknown optimizer, option or entry, a value out of range, or a space where none is used.
    """
    kind = _load(name, "" if space is None else _read_space(name, space))
    given = resolve(kind.options_table, options, f"optimizer {name}", "option")
    defaults = {p.name: p.default for p in kind.options_table}
    return OptimizerSpec(
        name=OPTIMIZERS.check(name),
        options={option: value for option, value in given.items() if value != defaults[option]},
        version=OPTIMIZERS.version(name),
        space=kind.space.to_json() if issubclass(kind, AdaptedOptimizer) else "",
        recipe=resolve_recipe(name, kind, recipe or {}),
    )


def _read_space(name: str, space: str) -> str:
    cls = OPTIMIZERS.find(name)
    if not is_adaptable(cls):
        raise UsageError(
            f"optimizer {name} states its hyperparameters itself: a search space is for adapted torch optimizers, such "
            f"as torch.optim.AdamW. Omit it."
        )
    return read_space(space, cls, name).to_json()


def _load(name: str, space: str) -> type[Optimizer]:
    """Return a class; an adapted one with a search space as JSON, or with its own if that is empty."""
    cls = OPTIMIZERS.find(name) if space else None
    return with_space(name, cls, space) if is_adaptable(cls) else OPTIMIZERS.load(name)
