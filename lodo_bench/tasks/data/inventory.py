"""Status of data sets on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lodo_bench.tasks.data.catalog import DataFile, DataSet
from lodo_bench.tasks.data.contents import InvalidFileError, MissingFileError, locate_file, read_content
from lodo_bench.tasks.data.loading import PARSERS
from lodo_bench.tasks.data.location import DataLocation, locate_data_set

FileState = Literal["verified", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Status of a file.

    Attributes:
        file: the expected file.
        path: its path; the preferred path if it is missing.
        state: `verified` if size and checksum are as expected.
        problem: description of the damage; empty if there is none.
    """

    file: DataFile
    path: Path
    state: FileState
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DataStatus:
    """Status of a data set.

    Attributes:
        location: its folder and expected files.
        files: status of each file.
        problem: an inconsistency between verified files; empty if there is none.
    """

    location: DataLocation
    files: tuple[FileStatus, ...]
    problem: str = ""

    @property
    def ready(self) -> bool:
        """True if the data set can be loaded."""
        return not self.problem and all(file.state == "verified" for file in self.files)


def verify(data_set: DataSet, directory: str | os.PathLike[str] | None = None) -> DataStatus:
    """Read and verify all files of a data set.

    Raises:
        UsageError: if the declaration of a stand-in is invalid.
    """
    location = locate_data_set(data_set, directory)
    contents: dict[str, bytes] = {}
    files = tuple(_verify_file(location, file, contents) for file in location.files)
    if len(contents) < len(files):
        return DataStatus(location, files)
    try:
        PARSERS[data_set.name](contents)
    except InvalidFileError as error:
        return DataStatus(location, files, str(error))
    return DataStatus(location, files)


def _verify_file(location: DataLocation, file: DataFile, contents: dict[str, bytes]) -> FileStatus:
    """Return the status of a file, and add its content to `contents` if it is valid."""
    path = location.candidates(file)[0]
    try:
        path = locate_file(location, file)
        contents[file.name] = read_content(path, file)
    except MissingFileError:
        return FileStatus(file, path, "missing")
    except InvalidFileError as error:
        return FileStatus(file, path, "damaged", str(error))
    return FileStatus(file, path, "verified")
