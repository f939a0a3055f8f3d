"""Tables of named classes, imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Generic, TypeVar, cast

from lodo_bench.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """A literal table from names to `module:Class` paths.

    The names are known without importing a single implementation, so that the command line answers quickly.

    Args:
        kind: what the table holds, for messages, e.g. `optimizer`.
        paths: name -> `module:Class`.
    """

    def __init__(self, kind: str, paths: Mapping[str, str]) -> None:
        self._kind = kind
        self._paths = dict(paths)

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names, in the order of the table."""
        return tuple(self._paths)

    def check(self, name: str) -> str:
        """Return `name`.

        Raises:
            UnknownNameError: if nothing is registered under it.
        """
        if name not in self._paths:
            raise UnknownNameError(self._kind, name, self._paths)
        return name

    def load(self, name: str) -> type[T]:
        """Import and return the class registered as `name`.

        Raises:
            UnknownNameError: if nothing is registered under it.
        """
        module, _, attribute = self._paths[self.check(name)].partition(":")
        return cast("type[T]", getattr(import_module(module), attribute))
