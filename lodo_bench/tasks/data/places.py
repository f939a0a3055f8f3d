"""Where data sets lie, and what may lie there in their stead."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.catalog import DataFile, DataSet

DATA_VARIABLE = "LODO_BENCH_DATA"
STAND_IN = "stand-in.json"
_LARGEST_DECLARATION = 100_000


def data_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """The directory that holds a folder for each data set.

    It is `directory`, else the one that the environment variable LODO_BENCH_DATA names, else `lodo-bench` in the user's
    cache directory.

    Raises:
        UsageError: if that depends on a home directory and there is none.
    """
    chosen = directory or os.environ.get(DATA_VARIABLE)
    try:
        return (Path(chosen).expanduser() if chosen else _cache()).resolve()
    except (RuntimeError, OSError) as error:
        place = f"'{chosen}'" if chosen else "the cache directory"
        raise UsageError(
            f"{place} cannot be used for data: {error}. Name another by --data-dir or {DATA_VARIABLE}."
        ) from (error)


def _cache() -> Path:
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "lodo-bench"


@dataclass(frozen=True, slots=True)
class Place:
    """A data set's folder, and what its files there must be.

    Attributes:
        data_set: what should be there.
        folder: where; it need not exist.
        files: what each file must be: as published, or as a stand-in declares.
        stand_in: the name of the stand-in that is there; None for the real data.
    """

    data_set: DataSet
    folder: Path
    files: tuple[DataFile, ...]
    stand_in: str | None = None

    @property
    def name(self) -> str:
        """What results got from these data are recorded under, e.g. `mnist` or `mnist (stand-in: tiny)`."""
        return self.data_set.name + (f" (stand-in: {self.stand_in})" if self.stand_in else "")

    @property
    def remedy(self) -> str:
        """What to do if something is wrong here."""
        if self.stand_in:
            return f"Mend the stand-in, or name another directory by --data-dir or {DATA_VARIABLE}."
        return (
            f"Get the data with 'lodo-bench data fetch {self.data_set.name}', "
            f"or name the directory that has them by --data-dir or {DATA_VARIABLE}."
        )

    def candidates(self, file: DataFile) -> tuple[Path, ...]:
        """Where a file may be, raw or compressed, the best place first."""
        folders = dict.fromkeys((self.folder, self.folder / self.data_set.archive_folder))
        return tuple(folder / f"{file.name}{suffix}" for folder in folders for suffix in ("", ".gz"))


def find(data_set: DataSet, directory: str | os.PathLike[str] | None = None) -> Place:
    """The place of a data set in `directory`, or in `data_directory()`.

    A folder with a file `stand-in.json` holds a stand-in: files of the same formats, but other content, as that file
    declares. Nothing else makes one, so that nothing passes for the real data.

    Raises:
        UsageError: if the declaration of a stand-in is not right.
    """
    folder = data_directory(directory) / data_set.name
    path = folder / STAND_IN
    try:
        if not path.is_file():
            return Place(data_set, folder, data_set.files)
        with path.open("rb") as handle:
            content = handle.read(_LARGEST_DECLARATION + 1)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}. {_mending(data_set)}") from error
    try:
        name, files = _declared(content, data_set)
    except ValueError as error:
        raise UsageError(f"'{path}' does not declare a stand-in: {error}. {_mending(data_set)}") from error
    return Place(data_set, folder, files, name)


def _mending(data_set: DataSet) -> str:
    return (
        f'It must be of the form {{"stand_in_for": "{data_set.name}", "name": "tiny", "files": '
        f'{{"{data_set.files[0].name}": {{"size": BYTES, "sha256": HEX}}, ...}}}}. Mend it, or name another '
        f"directory by --data-dir or {DATA_VARIABLE}."
    )


def _declared(content: bytes, data_set: DataSet) -> tuple[str, tuple[DataFile, ...]]:
    """Name and files of a stand-in. Raises ValueError, saying what is wrong."""
    if len(content) > _LARGEST_DECLARATION:
        raise ValueError(f"it is larger than {_LARGEST_DECLARATION:,} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON document") from None
    _check_keys(document, {"stand_in_for", "name", "files"}, "it")
    if document["stand_in_for"] != data_set.name:
        raise ValueError(f'"stand_in_for" must be "{data_set.name}"')
    name = document["name"]
    if not (isinstance(name, str) and re.fullmatch(r"[\w .,+-]{1,60}", name) and name.strip()):
        raise ValueError('"name" must be up to 60 letters, digits, spaces or . , + - _')
    files = document["files"]
    _check_keys(files, {file.name for file in data_set.files}, '"files"')
    return name, tuple(_declared_file(file, files[file.name]) for file in data_set.files)


def _declared_file(file: DataFile, entry: Any) -> DataFile:
    _check_keys(entry, {"size", "sha256"}, f'"{file.name}"')
    size, digest = entry["size"], entry["sha256"]
    if type(size) is not int or not 1 <= size <= file.size:
        raise ValueError(f'"size" of "{file.name}" must be from 1 to {file.size}, the real file\'s')
    if not (isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)):
        raise ValueError(f'"sha256" of "{file.name}" must be 64 hexadecimal digits in lower case')
    return DataFile(file.name, size, f"sha256:{digest}")


def _check_keys(value: Any, keys: set[str], what: str) -> None:
    if not isinstance(value, dict) or set(value) != keys:
        raise ValueError(f"{what} must be an object with the keys {', '.join(sorted(keys))}")
