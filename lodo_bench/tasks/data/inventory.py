"""What there is of a data set, and what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lodo_bench.tasks.data.catalog import DataFile, DataSet
from lodo_bench.tasks.data.contents import InvalidFileError, MissingFileError, locate, read_content
from lodo_bench.tasks.data.loading import PARSERS
from lodo_bench.tasks.data.places import Place, find

State = Literal["checked", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file of a data set.

    Attributes:
        file: what it must be.
        path: where it is; where it should be, if it is missing.
        state: `checked` if it is what it must be.
        problem: what is wrong; empty for nothing.
    """

    file: DataFile
    path: Path
    state: State
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DataStatus:
    """A data set.

    Attributes:
        place: where it is looked for, and whether a stand-in is there.
        files: each of its files.
        problem: what is wrong with the whole, though the files are what they must be; empty for nothing.
    """

    place: Place
    files: tuple[FileStatus, ...]
    problem: str = ""

    @property
    def ready(self) -> bool:
        """Whether it can be loaded."""
        return not self.problem and all(file.state == "checked" for file in self.files)


def examine(data_set: DataSet, directory: str | os.PathLike[str] | None = None) -> DataStatus:
    """Read and check everything that there is of a data set.

    Raises:
        UsageError: if the declaration of a stand-in is not right.
    """
    place = find(data_set, directory)
    contents: dict[str, bytes] = {}
    files = tuple(_examine_file(place, file, contents) for file in place.files)
    if len(contents) < len(files):
        return DataStatus(place, files)
    try:
        PARSERS[data_set.name](contents)
    except InvalidFileError as flaw:
        return DataStatus(place, files, str(flaw))
    return DataStatus(place, files)


def _examine_file(place: Place, file: DataFile, contents: dict[str, bytes]) -> FileStatus:
    """The status of a file; puts its content into `contents` if it is right."""
    path = place.candidates(file)[0]
    try:
        path = locate(place, file)
        contents[file.name] = read_content(path, file)
    except MissingFileError:
        return FileStatus(file, path, "missing")
    except InvalidFileError as flaw:
        return FileStatus(file, path, "damaged", str(flaw))
    return FileStatus(file, path, "checked")
