"""All settings in effect, each with its origin. Imports no PyTorch, so that the answer comes quickly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lodo_bench.api.requests import DEFAULT_DATABASE
from lodo_bench.compute.cpus import available_cpus
from lodo_bench.errors import UsageError
from lodo_bench.files.passwords import without_passwords

Origin = Literal["default", "environment", "file"]
HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in effect.

    Attributes:
        name: the environment variable that changes it, or the setting's own name where it has a file.
        value: as it takes effect, with paths resolved; empty for none.
        origin: `default`, `environment` or `file`.
        source: the variable or the file that it comes from; empty for a default.
        meaning: its effect, in a few words.
    """

    name: str
    value: str
    origin: Origin
    source: str
    meaning: str


@dataclass(frozen=True, slots=True)
class _Variable:
    """An environment variable.

    Args:
        meaning: its effect, in a few words.
        default: returns the value without it.
        fallback: another variable, which the default depends on.
        resolve: turns the text of the variable into the value in effect.
    """

    meaning: str
    default: Callable[[], str] = lambda: ""
    fallback: str = ""
    resolve: Callable[[str], str] = str


def _path(text: str) -> str:
    try:
        return str(Path(text).expanduser().resolve())
    except (RuntimeError, OSError) as error:
        return f"{text} (invalid: {error})"


def _database(location: str) -> str:
    """Return the file of a database, or its URL without the password."""
    if not location:
        return "(invalid: empty)"
    if "://" not in location:
        return _path(location)
    return without_passwords(location)


def _data_directory() -> str:
    from lodo_bench.files.data_directory import data_directory

    try:
        return str(data_directory())
    except UsageError as error:
        return f"(invalid: {error.message.rstrip('.')})"


def _cache_directory() -> str:
    from platformdirs import user_cache_dir

    return user_cache_dir("lodo-bench")


def _temporary_directory() -> str:
    import tempfile

    try:
        return tempfile.gettempdir()
    except OSError as error:
        return f"(invalid: {error.strerror})"


def _cpus() -> str:
    return str(available_cpus())


_VARIABLES: Mapping[str, _Variable] = {
    "LODO_BENCH_DB": _Variable(
        "results database of all commands without --db", lambda: _path(DEFAULT_DATABASE), resolve=_database
    ),
    "LODO_BENCH_DATA": _Variable(
        "directory of the data sets", _data_directory, "XDG_CACHE_HOME", lambda _: _data_directory()
    ),
    "XDG_CACHE_HOME": _Variable(
        "folder of caches, on Linux; here that of this program",
        _cache_directory,
        resolve=lambda _: _cache_directory(),
    ),
    "LOCALAPPDATA": _Variable("folder of caches, on Windows", resolve=_path),
    "HOME": _Variable("home directory", lambda: _path("~"), resolve=_path),
    "TMPDIR": _Variable("folder of temporary files", _temporary_directory, resolve=lambda _: _temporary_directory()),
    "NO_COLOR": _Variable("if set, output has no colors"),
    "FORCE_COLOR": _Variable("if set, output has colors also where there is no terminal"),
    "COLUMNS": _Variable("width of tables", lambda: "the terminal's"),
    "CUDA_VISIBLE_DEVICES": _Variable("GPUs that can be used", lambda: "all"),
    "OMP_NUM_THREADS": _Variable("threads of PyTorch in one process", _cpus),
    "MKL_NUM_THREADS": _Variable("threads of PyTorch's linear algebra", _cpus, "OMP_NUM_THREADS"),
    "NUMBA_NUM_THREADS": _Variable("threads of Numba's parallel loops, which lodo-bench does not use", _cpus),
    "NUMBA_DISABLE_JIT": _Variable("1 switches Numba's compiler off; PyTorch's operations are used", lambda: "0"),
    "NUMBA_CACHE_DIR": _Variable("folder of compiled code", lambda: "beside the package's files", resolve=_path),
    "RAY_ADDRESS": _Variable("cluster that '--address auto' connects to", lambda: "the one of this machine"),
    "RAY_TMPDIR": _Variable("folder in which Ray notes the cluster of this machine", lambda: "/tmp/ray", resolve=_path),
    "RAY_AUTH_MODE": _Variable("token or disabled: authentication at clusters", lambda: "as the cluster asks"),
    "RAY_AUTH_TOKEN": _Variable("token for clusters that ask for one", resolve=lambda _: HIDDEN),
}
_MATTER_EMPTY = ("LODO_BENCH_DB", "NO_COLOR", "CUDA_VISIBLE_DEVICES")
_PREFIXES = ("LODO_BENCH_", "NUMBA_", "RAY_", "TUNE_")
_FILES: Mapping[str, tuple[str, str]] = {
    "numba settings": (".numba_config.yaml", "settings of Numba, which its environment variables replace"),
    "ray token": ("~/.ray/auth_token", "token for clusters that ask for one"),
}


def settings_in_effect() -> list[Setting]:
    """Return all settings: those of this program, and those of its libraries that it depends on or that are set."""
    return [*_known(), *_of_ray(), *_others(), *_files()]


def known_variables() -> frozenset[str]:
    """Return the names of all environment variables that have a meaning here."""
    from lodo_bench.tuner.engines.ray.settings import ENVIRONMENT

    return frozenset({*_VARIABLES, *ENVIRONMENT})


def _known() -> Iterator[Setting]:
    for name, variable in _VARIABLES.items():
        text = os.environ.get(name)
        # An empty one counts as none, but for those whose presence matters.
        if text or (text is not None and name in _MATTER_EMPTY):
            yield Setting(name, variable.resolve(text), "environment", name, variable.meaning)
        elif variable.fallback and os.environ.get(variable.fallback):
            value = variable.default() if name == "LODO_BENCH_DATA" else os.environ[variable.fallback]
            yield Setting(name, value, "environment", variable.fallback, variable.meaning)
        else:
            yield Setting(name, variable.default(), "default", "", variable.meaning)


def _of_ray() -> Iterator[Setting]:
    from lodo_bench.tuner.engines.ray.settings import ENVIRONMENT

    meaning = "set for Ray, unless it is set already"
    for name, value in ENVIRONMENT.items():
        if name in os.environ:
            yield Setting(name, os.environ[name], "environment", name, meaning)
        else:
            yield Setting(name, value, "default", "", meaning)


def _others() -> Iterator[Setting]:
    known = known_variables()
    for name, value in sorted(os.environ.items()):
        if name.startswith(_PREFIXES) and name not in known:
            has_effect = "no effect: lodo-bench has no such setting" if name.startswith(_PREFIXES[0]) else "a library's"
            yield Setting(name, HIDDEN if "TOKEN" in name else value, "environment", name, has_effect)


def _files() -> Iterator[Setting]:
    for name, (path, meaning) in _FILES.items():
        file = Path(_path(path))
        if file.is_file():
            yield Setting(name, str(file), "file", str(file), meaning)
