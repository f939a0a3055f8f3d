"""A table that grows."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float64, np.int64)


class Rows(Generic[Number]):
    """Rows of numbers, to which more are appended; the memory is at most twice that of the rows.

    Args:
        width: P, the numbers in a row.
        dtype: the kind of the numbers.
    """

    def __init__(self, width: int, dtype: type[Number]) -> None:
        self._table: NDArray[Number] = np.empty((0, width), dtype)
        self._count = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._count

    @property
    def values(self) -> NDArray[Number]:
        """The rows, (K, P); not a copy."""
        return self._table[: self._count]

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, (k, P)."""
        needed = self._count + len(rows)
        if needed > len(self._table):
            table = np.empty((max(needed, 2 * len(self._table)), self._table.shape[1]), self._table.dtype)
            table[: self._count] = self.values
            self._table = table
        self._table[self._count : needed] = rows
        self._count = needed

    def replace(self, rows: NDArray[Any]) -> None:
        """Replace all rows by others, (k, P)."""
        self._table, self._count = np.array(rows, self._table.dtype), len(rows)
