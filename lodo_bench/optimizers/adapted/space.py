"""The search spaces of adapted optimizers: shipped, stated by the class, inferred, or the user's own.

docs/search-spaces.md documents the form of the files and lists those that are shipped.
"""

from __future__ import annotations

from lodo_bench.optimizers.adapted.inference import inferred_space
from lodo_bench.optimizers.adapted.signature import check_arguments
from lodo_bench.spec.space import Argument, FixedValue, Space

__all__ = ["Argument", "FixedValue", "Space", "check_arguments", "read_space", "space_of"]

ATTRIBUTE = "lodo_bench_space"

# The modules that read YAML are imported when a space is chosen: training, which finds it in its specification, needs
# none of them.


def space_of(name: str, cls: type) -> Space:
    """Return the search space of an optimizer: the shipped one, else that which the class states, else an inferred one.

    Args:
        name: the optimizer's name, for messages.
        cls: its class. A class attribute `lodo_bench_space`, a mapping of the form of a space file, states its space.

    Raises:
        SpaceError: if what the class states is invalid.
        UsageError: if no space can be inferred, because arguments other than `lr` have no default.
    """
    from lodo_bench.optimizers.adapted.space_files import shipped_space, stated_space

    shipped = shipped_space(cls)
    if shipped is not None:
        return shipped
    stated = getattr(cls, ATTRIBUTE, None)
    return inferred_space(cls, name) if stated is None else stated_space(stated, cls, name)


def read_space(path: str, cls: type, name: str) -> Space:
    """Read the search space of an optimizer from a file.

    Args:
        path: the path of a YAML file, or the name of a shipped one, such as `sgd-nesterov`.
        cls: the class of the optimizer.
        name: its name, for messages.

    Raises:
        SpaceError: naming the file, the line, the key and the rule that it breaks.
    """
    from lodo_bench.optimizers.adapted.space_files import load_space

    return load_space(path, cls, name)
