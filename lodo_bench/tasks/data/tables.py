"""Classified examples from files: CSV and LIBSVM."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.files import read_text

_MAX_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class ClassifiedTable:
    """Examples with their classes.

    Attributes:
        features: (N, d), float64, standardized: of mean 0 and standard deviation 1; constant ones are 0.
        classes: (N,), int64, 0 to K − 1, in the order of the labels.
        labels: the K labels of the file.
    """

    features: Tensor
    classes: Tensor
    labels: tuple[str, ...]


def standardized(features: Tensor) -> Tensor:
    """Return the columns of `features` (N, d) with mean 0 and standard deviation 1; constant ones with 0."""
    centered = features - features.mean(0)
    deviation = centered.square().mean(0).sqrt()
    return centered / torch.where(deviation > 1e-12 * features.abs().amax(0), deviation, torch.inf)


def load_table(path: str) -> ClassifiedTable:
    """Read a CSV or LIBSVM file.

    A CSV file has one example per line, the class in the last column, and may have a header. A LIBSVM file has lines
    `label index:value index:value ...` with indices from 1; features that are not listed are 0.

    Raises:
        UsageError: naming the file, the line and the rule, if it cannot be read or has fewer than two classes.
    """
    return _parse(path, read_text(path))


@lru_cache(maxsize=4)
def _parse(path: str, text: str) -> ClassifiedTable:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UsageError(f"'{path}' is empty. Give a CSV or LIBSVM file with an example per line.")
    tokens = lines[0][1].split()
    is_libsvm = "," not in lines[0][1] and all(":" in token for token in tokens[1:])
    rows = list(_libsvm_rows(lines, path) if is_libsvm else _csv_rows(lines, path))
    labels = _sorted_labels([label for label, _ in rows])
    if not 2 <= len(labels) <= _MAX_CLASSES:
        where = "first" if is_libsvm else "last"
        raise UsageError(
            f"'{path}' has {len(labels):,} different classes in its {where} column: must be 2 to {_MAX_CLASSES:,}."
        )
    index = {label: number for number, label in enumerate(labels)}
    features = torch.tensor([values for _, values in rows], dtype=torch.float64)
    return ClassifiedTable(standardized(features), torch.tensor([index[label] for label, _ in rows]), labels)


def _csv_rows(lines: Sequence[tuple[int, str]], path: str) -> Iterator[tuple[str, list[float]]]:
    cells = list(csv.reader((line for _, line in lines), skipinitialspace=True))
    first = 1 if _is_header(cells[0]) else 0
    if len(cells) == first:
        raise UsageError(f"'{path}' has a header only. Give at least two examples.")
    for (number, _), row in zip(lines[first:], cells[first:], strict=True):
        if len(row) != len(cells[0]) or len(row) < 2:
            raise UsageError(f"'{path}', line {number}: {len(row)} columns: must be {max(len(cells[0]), 2)}.")
        yield row[-1].strip(), [_number(cell, path, number) for cell in row[:-1]]


def _libsvm_rows(lines: Sequence[tuple[int, str]], path: str) -> Iterator[tuple[str, list[float]]]:
    found: list[tuple[str, dict[int, float]]] = []
    for number, line in lines:
        label, *pairs = line.partition("#")[0].split()
        values = {}
        for pair in pairs:
            index, _, value = pair.partition(":")
            if not (index.isdecimal() and int(index) >= 1):
                raise UsageError(
                    f"'{path}', line {number}: invalid '{pair}': must be INDEX:VALUE, with indices from 1."
                )
            values[int(index)] = _number(value, path, number)
        found.append((label, values))
    size = max((index for _, values in found for index in values), default=0)
    if not size:
        raise UsageError(f"'{path}' has no features. Give lines 'LABEL INDEX:VALUE ...', or columns with commas.")
    for label, values in found:
        yield label, [values.get(index, 0.0) for index in range(1, size + 1)]


def _is_header(row: Sequence[str]) -> bool:
    return not any(_is_number(cell) for cell in row)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, path: str, line: int) -> float:
    if not _is_number(cell) or not torch.tensor(float(cell)).isfinite():
        raise UsageError(f"'{path}', line {line}: invalid feature '{cell}': must be a finite number.")
    return float(cell)


def _sorted_labels(labels: Sequence[str]) -> tuple[str, ...]:
    found = set(labels)
    return tuple(sorted(found, key=float) if all(map(_is_number, found)) else sorted(found))
