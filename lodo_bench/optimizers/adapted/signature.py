"""The arguments that a constructor declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from lodo_bench.errors import UnknownNameError, UsageError

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def declared_arguments(cls: type, owner: str) -> Mapping[str, inspect.Parameter]:
    """Return the constructor's arguments by name, in order, without the first, which takes the tensors to optimize.

    Arguments that it accepts as `**kwargs`, without a name, are not among them: some constructors ignore those.

    Raises:
        UsageError: if Python does not know the signature; the message calls the class `owner`.
    """
    try:
        parameters = list(inspect.signature(cls).parameters.values())
    except ValueError:
        raise UsageError(
            f"the constructor of {owner} has no signature. Write a subclass that lists its arguments."
        ) from None
    return {parameter.name: parameter for parameter in parameters[1:] if parameter.kind in _NAMED}


def check_arguments(names: Iterable[str], cls: type, owner: str) -> None:
    """Check that the constructor declares all of these arguments.

    Args:
        names: names of arguments.
        cls: the class of the optimizer.
        owner: its name, for the message.

    Raises:
        UnknownNameError: for one that it does not list, even if it would swallow it as one of its `**kwargs`.
    """
    known = declared_arguments(cls, owner)
    for name in names:
        if name not in known:
            raise UnknownNameError("constructor argument", name, known, of=owner)


def missing_arguments(covered: Iterable[str], cls: type, owner: str) -> list[str]:
    """Return the arguments without a default that are not among the `covered` ones."""
    given = set(covered)
    declared = declared_arguments(cls, owner).values()
    return [each.name for each in declared if each.default is inspect.Parameter.empty and each.name not in given]
