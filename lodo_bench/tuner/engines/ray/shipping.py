"""The code that the nodes of a cluster need."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import lodo_bench
from lodo_bench import user_code


def modules_to_ship(names: Sequence[str]) -> list[str]:
    """Return the packages and modules that workers import, as paths.

    This package is always shipped, so that all nodes run the version of the driver, whatever they have installed. A
    task or optimizer that is named by its path is shipped with all modules beside it that it has imported.

    Args:
        names: names of tasks and optimizers. The files among them travel by themselves, by `user_code.provide`.
    """
    files = {Path(name.partition(":")[0]).resolve().parent for name in names if user_code.is_path(name)}
    modules = {re.split("[:.]", name)[0] for name in names if user_code.is_local_module(name)}
    folders = files | {location.parent for name in modules for location in _locations(import_module(name))}
    beside = {str(location) for location in _loaded() if location.parent in folders and _is_code(location)}
    return [str(Path(lodo_bench.__file__).parent), *sorted(beside)]


def _loaded() -> Iterable[Path]:
    """Yield the locations of all top-level modules that are loaded."""
    for name, module in list(sys.modules.items()):
        if "." not in name and name not in ("__main__", lodo_bench.__name__):
            yield from _locations(module)


def _locations(module: ModuleType) -> Iterator[Path]:
    """Yield the folder of a package, or the file of a module; nothing if it has none."""
    folders = getattr(module, "__path__", None)
    if folders is not None:
        yield from map(Path, folders)
    elif file := getattr(module, "__file__", None):
        yield Path(file)


def _is_code(location: Path) -> bool:
    return location.is_dir() or location.suffix == ".py"
