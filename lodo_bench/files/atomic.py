"""Files that commands write: whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lodo_bench.errors import UsageError


@contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of the one called `name` when the block has ended.

    Until then what was there stays as it was; if the block raises, for good. What is no ordinary file, such as a pipe,
    is written to directly.

    Raises:
        UsageError: if it cannot be made.
    """
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"cannot write '{name}': it is a directory. Name a file in it.")
    if path.exists() and not path.is_file():
        with _opened(path, name, "wb") as file:
            yield file
        return
    path = path.resolve()  # of a link, what it leads to is replaced
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with _opened(unfinished, name, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _opened(path: Path, name: str, mode: str) -> BinaryIO:
    try:
        return open(path, mode)  # type: ignore[return-value]
    except OSError as error:
        raise UsageError(f"cannot write '{name}': {error.strerror}. Name another file with --output.") from None
