"""The data directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.files.paths import user_path

DATA_VARIABLE = "LODO_BENCH_DATA"


def data_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the data directory, which has a folder for each data set.

    It is `directory` if given, else the value of the environment variable LODO_BENCH_DATA, else `lodo-bench` in the
    user's cache directory.

    Raises:
        UsageError: if `directory` is empty, or it depends on a home directory that does not exist.
    """
    chosen = (os.environ.get(DATA_VARIABLE) or None) if directory is None else directory
    folder = None if chosen is None else user_path(chosen, "data directory")
    try:
        return (_cache_directory() if folder is None else folder).resolve()
    except (RuntimeError, OSError) as error:
        name = "the cache directory" if chosen is None else f"'{chosen}'"
        message = f"{name} cannot be the data directory: {error}."
        raise UsageError(message, remedy=Remedy.CHOOSE_DATA_DIRECTORY) from error


def _cache_directory() -> Path:
    if sys.platform == "win32":
        base = _chosen("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = _chosen("XDG_CACHE_HOME") or Path.home() / ".cache"
    return base / "lodo-bench"


def _chosen(variable: str) -> Path | None:
    given = os.environ.get(variable)
    return user_path(given, f"folder of caches, {variable},") if given else None
