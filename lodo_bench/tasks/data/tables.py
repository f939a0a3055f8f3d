"""Classified examples from files: CSV and LIBSVM."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from lodo_bench.compute.memory import check_fits
from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import FINITE, Integers, shown
from lodo_bench.spec.numbers import number as parse_number
from lodo_bench.tasks.data.files import read_text

_MAX_CLASSES = 1000
_LEADING_ZEROS = re.compile(r"(?<![0-9.eE])0+(?=[0-9])")
# Of the features: as read, centered, scaled, and a task's own.
_COPIES = 4
INDEX = Integers(1, 2**31 - 1, "")
"""The indices of features."""


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
    `label index:value index:value ...` with indices from 1; features that are not listed are 0. Text after `#` is a
    comment there. Classes that are equal as numbers, such as 1 and +1, are one.

    Raises:
        UsageError: naming the file, the line and the rule, if it cannot be read or has fewer than two classes.
    """
    return _parse(path, read_text(path))


@lru_cache(maxsize=4)
def _parse(path: str, text: str) -> ClassifiedTable:
    first = next((line for line in text.splitlines() if line.partition("#")[0].strip()), "")
    if not first:
        raise UsageError(f"'{path}' is empty. Give a CSV or LIBSVM file with an example per line.")
    is_libsvm = "," not in first and all(":" in token for token in first.partition("#")[0].split()[1:])
    labels, features = _libsvm(path, text) if is_libsvm else _csv(path, text)
    keys = _keys(labels)
    known = sorted(set(keys))
    if not 2 <= len(known) <= _MAX_CLASSES:
        where = "first" if is_libsvm else "last"
        raise UsageError(
            f"'{path}' has {len(known):,} different classes in its {where} column: must be 2 to {_MAX_CLASSES:,}."
        )
    index = {key: number for number, key in enumerate(known)}
    names = dict(zip(reversed(keys), reversed(labels), strict=True))  # as written first
    classes = torch.tensor([index[key] for key in keys])
    return ClassifiedTable(standardized(features), classes, tuple(names[key] for key in known))


def _csv(path: str, text: str) -> tuple[list[str], Tensor]:
    labels, rows, columns, header = [], [], 0, ""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = max(len(row), 2)
                if not any(map(_is_number, row)):
                    header = "a header only"
                    continue
            if len(row) != columns:
                raise UsageError(f"'{path}', line {reader.line_num}: {len(row)} columns: must be {columns}.")
            labels.append(_label(row[-1], path, reader.line_num))
            rows.append([_feature(cell, path, reader.line_num) for cell in row[:-1]])
    except csv.Error as error:
        raise UsageError(f"'{path}', line {reader.line_num}: {error}. Write it as CSV.") from None
    if not rows:
        raise UsageError(f"'{path}' has {header or 'no examples'}. Give at least two examples.")
    return labels, torch.tensor(rows, dtype=torch.float64)


def _libsvm(path: str, text: str) -> tuple[list[str], Tensor]:
    labels: list[str] = []
    found: list[dict[int, float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        tokens = line.partition("#")[0].split()
        if not tokens:
            continue
        values: dict[int, float] = {}
        for pair in tokens[1:]:
            name, _, value = pair.partition(":")
            index = INDEX.read(parse_number(name))
            if index is None:
                raise UsageError(
                    f"'{path}', line {number}: invalid '{shown(pair)}': must be INDEX:VALUE, with indices from 1 to "
                    f"{INDEX.most:,}."
                )
            if index in values:
                raise UsageError(f"'{path}', line {number}: the index {index} appears twice. Give each feature once.")
            values[index] = _feature(value, path, number)
        if "," in tokens[0]:
            raise UsageError(f"'{path}', line {number}: invalid class '{shown(tokens[0])}': must have no comma.")
        labels.append(_label(tokens[0], path, number))
        found.append(values)
    size = max((index for values in found for index in values), default=0)
    if not size:
        raise UsageError(f"'{path}' has no features. Give lines 'LABEL INDEX:VALUE ...', or columns with commas.")
    check_fits(f"'{path}', with {len(found):,} examples of {size:,} features", _COPIES * 8 * len(found) * size, "cpu")
    features = torch.zeros(len(found), size, dtype=torch.float64)
    for row, values in zip(features, found, strict=True):
        if values:
            row[torch.tensor(list(values)) - 1] = torch.tensor(list(values.values()), dtype=torch.float64)
    return labels, features


def _number(cell: str) -> float | None:
    """Return a number as data files have it, also with leading zeros; else None."""
    return FINITE.read(parse_number(_LEADING_ZEROS.sub("", cell.strip())))


def _is_number(cell: str) -> bool:
    return _number(cell) is not None


def _feature(cell: str, path: str, line: int) -> float:
    value = _number(cell)
    if value is None:
        raise UsageError(f"'{path}', line {line}: invalid feature '{shown(cell.strip())}': must be a finite number.")
    return value


def _label(cell: str, path: str, line: int) -> str:
    label = cell.strip()
    if not label or label.lower() == "nan":  # as pandas writes it
        raise UsageError(f"'{path}', line {line}: the class is missing. Leave the line out, or give the class.")
    return label


def _keys(labels: Sequence[str]) -> list[Any]:
    """Return the keys that distinguish and sort classes: their numbers, if all are numbers."""
    numbers = [_number(label) for label in labels]
    return list(labels) if None in numbers else numbers
