"""The search space of an optimizer about which nothing is known but its constructor."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.adapted.signature import declared_arguments, missing_arguments
from lodo_bench.spec.space import Argument, Space

_LEARNING_RATE = 0.001  # where the constructor has no default


def inferred_space(cls: type, owner: str) -> Space:
    """Return a space with `lr` as a rate and the elements of `betas` as decays, without ranges.

    All else keeps the constructor's defaults, and so do `lr` and elements of `betas` whose default is not a value of
    their kind, such as 0 or None. An `lr` without a default starts at 0.001.

    Raises:
        UsageError: if other arguments have no default.
    """
    tuned = tuple(_tuned(cls, owner))
    missing = missing_arguments((argument.argument for argument in tuned), cls, owner)
    if missing:
        raise UsageError(
            f"the constructor of {owner} requires {', '.join(missing)}. Write a space file that gives values under "
            f"'fixed', or names an argument that takes the number of steps as 'horizon'."
        )
    return Space(tuned)


def _tuned(cls: type, owner: str) -> Iterator[Argument]:
    for name, parameter in declared_arguments(cls, owner).items():
        default = parameter.default
        if name == "lr":
            rate = _LEARNING_RATE if default is inspect.Parameter.empty else default
            if _is_number(rate) and 0 < rate < float("inf"):
                yield Argument(name, "rate", float(rate))
        elif name == "betas" and isinstance(default, tuple | list):
            for index, element in enumerate(default):
                if _is_number(element) and 0 < element < 1:
                    yield Argument(f"{name}[{index}]", "decay", float(element))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
