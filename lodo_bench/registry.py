"""Tables of named classes, imported on demand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module, metadata
from typing import Generic, TypeVar, cast

from lodo_bench import user_code
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.text import PLAIN, is_plain

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of classes by name.

    A name is one of the table; one that an installed package declares as an entry point; the path of a class,
    `package.module.Class`, where a colon may stand for the last dot; or a file and its class, `./file.py:Class`. The
    names of the table are known without importing a single implementation, so that the command line answers quickly.

    Args:
        kind: the kind of its entries, for messages, e.g. `optimizer`.
        base: the class that every entry is a subclass of.
        paths: name -> `module:Class`.
        adapt: turns a class with a name, which is not a subclass of the base, into one, or returns None if it cannot.
        adapted: what it can turn, for messages.
    """

    def __init__(
        self,
        kind: str,
        base: type,
        paths: Mapping[str, str],
        adapt: Callable[[str, object], type[T] | None] = lambda *_: None,
        adapted: str = "",
    ) -> None:
        self._kind, self._base, self._adapt = kind, base, adapt
        self._bases = " or ".join(filter(None, (f"lodo_bench.{base.__name__}", adapted)))
        self._entries: dict[str, str | type[T]] = dict(paths)

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names, in the order of the table."""
        return tuple(self._entries)

    @cached_property
    def entry_points(self) -> Mapping[str, metadata.EntryPoint]:
        """The names that installed packages declare, in the group `lodo_bench.optimizers` or `lodo_bench.tasks`."""
        found = metadata.entry_points(group=f"lodo_bench.{self._kind}s")
        return {entry.name: entry for entry in found if entry.name not in self._entries}

    def check(self, name: str) -> str:
        """Return the one form of `name`.

        Raises:
            UnknownNameError: if it is not registered and cannot be a path.
            UsageError: for a name with control characters, which could not be stored.
        """
        if not is_plain(name):
            raise UsageError(f"invalid {self._kind} '{name}': a name is a text {PLAIN}.")
        if name in self._entries or name in self.entry_points or user_code.is_outside(name):
            return user_code.canonical(name)
        raise UnknownNameError(self._kind, name, (*self._entries, *self.entry_points))

    def load(self, name: str) -> type[T]:
        """Import and return the class with this name.

        Raises:
            UnknownNameError: if it is not registered and cannot be a path.
            UsageError: if nothing can be imported from the path, or it is not of this kind.
        """
        found = self.find(name)
        if isinstance(found, type) and issubclass(found, self._base):
            return cast("type[T]", found)
        adapted = self._adapt(self.check(name), found)
        if adapted is None:
            raise UsageError(f"{self._kind} '{name}' is not a subclass of {self._bases}.")
        return adapted

    def find(self, name: str) -> object:
        """Import and return what has this name, as it is.

        Raises:
            UnknownNameError: if it is not registered and cannot be a path.
            UsageError: if nothing can be imported from the path.
        """
        name = self.check(name)
        entry = self._entries.get(name)
        if isinstance(entry, str):
            return _import(entry)
        return user_code.load(self._path(name), self._kind) if entry is None else entry

    def version(self, name: str) -> str:
        """Return the version of code outside this package; empty for a registered name."""
        name = self.check(name)
        return "" if name in self._entries else user_code.version_of(self._path(name))

    def check_version(self, name: str, expected: str, found: str) -> None:
        """Check that the version found, of code and data with this name, is the expected one.

        Raises:
            UsageError: with both versions, if it is not.
        """
        if found != expected:
            raise UsageError(
                f"{self._kind} '{name}' has changed: expected {expected}, found {found}. Restore the former one, or "
                f"start anew."
            )

    def name_of(self, cls: type) -> str:
        """Return the name of a class: the one that it is registered under, or its path.

        Raises:
            UsageError: if another process could not import it, as a class that is defined in a function.
        """
        path = f"{cls.__module__}:{cls.__qualname__}"
        for name, entry in self._entries.items():
            if entry in (cls, path):
                return name
        if not issubclass(cls, self._base):
            path = _public_path(cls)
        if cls.__module__ == "__main__" or "<locals>" in path:
            raise UsageError(
                f"{self._kind} {cls.__qualname__} cannot be imported by other processes. "
                "Define it at the top level of a module, and not in the script that is run."
            )
        self.load(path)
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

    def _path(self, name: str) -> str:
        entry = self.entry_points.get(name)
        return name if entry is None else entry.value


def _public_path(cls: type) -> str:
    """Return the path of a class by which it is usually imported: the shortest of those that lead to it."""
    packages = cls.__module__.split(".")
    for count in range(1, len(packages)):
        package = ".".join(packages[:count])
        if getattr(sys.modules.get(package), cls.__qualname__, None) is cls:
            return f"{package}.{cls.__qualname__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def _import(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
