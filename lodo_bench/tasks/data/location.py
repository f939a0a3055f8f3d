"""The data directory, and stand-ins: declared substitutes for data sets."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.files.data_directory import data_directory
from lodo_bench.tasks.data.catalog import DataFile, DataSet

STAND_IN = "stand-in.json"
_MAX_DECLARATION_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class DataLocation:
    """A data set's folder and the files expected in it.

    Attributes:
        data_set: the data set.
        folder: folder of the files; it need not exist.
        files: expected files: as published, or as declared by a stand-in.
        stand_in: name of the stand-in; None for the real data.
    """

    data_set: DataSet
    folder: Path
    files: tuple[DataFile, ...]
    stand_in: str | None = None

    @property
    def name(self) -> str:
        """Name that results are recorded under, e.g. `mnist` or `mnist (stand-in: tiny)`."""
        return self.data_set.name + (f" (stand-in: {self.stand_in})" if self.stand_in else "")

    @property
    def remedy(self) -> Remedy:
        """Remedy for missing or invalid files: a stand-in cannot be downloaded."""
        return Remedy.CHOOSE_DATA_DIRECTORY if self.stand_in else Remedy.FETCH_DATA

    def candidates(self, file: DataFile) -> tuple[Path, ...]:
        """Return the possible paths of a file, uncompressed and compressed, in order of preference."""
        folders = dict.fromkeys((self.folder, self.folder / self.data_set.archive_folder))
        return tuple(folder / f"{file.name}{suffix}" for folder in folders for suffix in ("", ".gz"))


def locate_data_set(data_set: DataSet, directory: str | os.PathLike[str] | None = None) -> DataLocation:
    """Return the location of a data set in `directory`, or in `data_directory()`.

    A folder with a file `stand-in.json` contains a stand-in: files of the same formats with other content, whose sizes
    and checksums that file declares. Undeclared files are never accepted in place of the real ones.

    Raises:
        UsageError: if the declaration of a stand-in is invalid.
    """
    folder = data_directory(directory) / data_set.name
    path = folder / STAND_IN
    try:
        if not path.is_file():
            return DataLocation(data_set, folder, data_set.files)
        with path.open("rb") as handle:
            content = handle.read(_MAX_DECLARATION_BYTES + 1)
    except OSError as error:
        raise _invalid(f"'{path}' cannot be read: {error.strerror}", data_set) from error
    try:
        name, files = _parse_declaration(content, data_set)
    except ValueError as error:
        raise _invalid(f"'{path}' does not declare a stand-in: {error}", data_set) from error
    return DataLocation(data_set, folder, files, name)


def _invalid(problem: str, data_set: DataSet) -> UsageError:
    return UsageError(
        f'{problem}. It must be of the form {{"stand_in_for": "{data_set.name}", "name": "tiny", "files": '
        f'{{"{data_set.files[0].name}": {{"size": BYTES, "sha256": HEX}}, ...}}}}.',
        remedy=Remedy.CHOOSE_DATA_DIRECTORY,
    )


def _parse_declaration(content: bytes, data_set: DataSet) -> tuple[str, tuple[DataFile, ...]]:
    """Parse the declaration of a stand-in: its name and files. Raises ValueError if it is invalid."""
    if len(content) > _MAX_DECLARATION_BYTES:
        raise ValueError(f"it is larger than {_MAX_DECLARATION_BYTES:,} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not a JSON document") from None
    _check_keys(document, {"stand_in_for", "name", "files"}, "it")
    if document["stand_in_for"] != data_set.name:
        raise ValueError(f'"stand_in_for" must be "{data_set.name}"')
    name = document["name"]
    if not (isinstance(name, str) and re.fullmatch(r"[\w .,+-]{1,60}", name) and name.strip()):
        raise ValueError('"name" must be up to 60 letters, digits, spaces or . , + - _')
    files = document["files"]
    _check_keys(files, {file.name for file in data_set.files}, '"files"')
    return name, tuple(_parse_file(file, files[file.name]) for file in data_set.files)


def _parse_file(file: DataFile, entry: Any) -> DataFile:
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
