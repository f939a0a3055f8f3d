"""Tables of named classes, imported on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Generic, TypeVar, cast

from lodo_bench.errors import UnknownNameError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of classes by name; a path `package.module:Class` serves as a name, too.

    The names are known without importing a single implementation, so that the command line answers quickly.

    Args:
        kind: the kind of its entries, for messages, e.g. `optimizer`.
        base: the class that every entry is a subclass of.
        paths: name -> `module:Class`.
    """

    def __init__(self, kind: str, base: type, paths: Mapping[str, str]) -> None:
        self._kind, self._base = kind, base
        self._entries: dict[str, str | type[T]] = dict(paths)

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names, in the order of the table."""
        return tuple(self._entries)

    def check(self, name: str) -> str:
        """Return `name`.

        Raises:
            UnknownNameError: if it is neither registered nor of the form `module:Class`.
        """
        if name not in self._entries and ":" not in name:
            raise UnknownNameError(self._kind, name, self._entries)
        return name

    def load(self, name: str) -> type[T]:
        """Import and return the class that is registered as `name`, or that is at the path `name`.

        Raises:
            UnknownNameError: if `name` is neither registered nor of the form `module:Class`.
            UsageError: if nothing can be imported from the path, or it is not a subclass of the base.
        """
        entry = self._entries.get(self.check(name))
        if isinstance(entry, str):
            return cast("type[T]", _import(entry))
        return entry or self._load_path(name)

    def name_of(self, cls: type[T]) -> str:
        """Return the name of a class: the one that it is registered under, or its path.

        Raises:
            UsageError: if another process could not import it, as a class that is defined in a function.
        """
        path = f"{cls.__module__}:{cls.__qualname__}"
        for name, entry in self._entries.items():
            if entry in (cls, path):
                return name
        if cls.__module__ == "__main__" or "<locals>" in path:
            raise UsageError(
                f"{self._kind} {cls.__qualname__} cannot be imported by other processes. "
                "Define it at the top level of a module, and not in the script that is run."
            )
        self._load_path(path)
        return path

    @contextmanager
    def registered(self, name: str, cls: type[T]) -> Iterator[None]:
        """Register `cls` as `name` for as long as the block lasts, in this process."""
        before = dict(self._entries)
        self._entries[name] = cls
        try:
            yield
        finally:
            self._entries = before

    def _load_path(self, path: str) -> type[T]:
        try:
            found = _import(path)
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(
                f"cannot import {self._kind} '{path}': {error}. It must be of the form package.module:Class."
            ) from None
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise UsageError(f"{self._kind} '{path}' is not a subclass of lodo_bench.{self._base.__name__}.")
        return cast("type[T]", found)


def _import(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
