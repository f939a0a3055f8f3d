"""Loads data sets into memory, once in a process."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.catalog import CIFAR10, MNIST, DataSet
from lodo_bench.tasks.data.contents import InvalidFileError, locate, read_content
from lodo_bench.tasks.data.formats import Arrays, parse_cifar10, parse_mnist
from lodo_bench.tasks.data.places import Place, data_directory, find

_LOG = logging.getLogger(__name__)
_KEPT = 4  # data sets in memory at a time; a process works with one, tests with some more

PARSERS: Mapping[str, Callable[[Mapping[str, bytes]], Arrays]] = {"mnist": parse_mnist, "cifar10": parse_cifar10}


@dataclass(frozen=True, eq=False, slots=True)
class ImageData:
    """An image data set in memory, as bytes. All who load it share it: do not change it in place.

    Attributes:
        name: what to record results under: `mnist`, or `mnist (stand-in: NAME)` for other data in its stead.
        is_stand_in: whether these are other data.
        folder: where they come from.
        train_images: (N, 28, 28) or (N, 3, 32, 32), uint8.
        train_labels: (N,), uint8, 0 to 9.
        test_images: as `train_images`.
        test_labels: as `train_labels`.
    """

    name: str
    is_stand_in: bool
    folder: Path
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_mnist(directory: str | os.PathLike[str] | None = None) -> ImageData:
    """MNIST: 60,000 training and 10,000 test images (28, 28), or the stand-in that is there.

    Args:
        directory: the data directory, which has the four files in `mnist/`; that of `data_directory()` by default.

    Raises:
        UsageError: if a file is missing, truncated, altered or not in its format; names it, the rule and the remedy.
    """
    return _load(MNIST, data_directory(directory))


def load_cifar10(directory: str | os.PathLike[str] | None = None) -> ImageData:
    """CIFAR-10: 50,000 training and 10,000 test images (3, 32, 32), or the stand-in that is there.

    Args:
        directory: the data directory, which has the six files in `cifar10/` or `cifar10/cifar-10-batches-bin/`; that
            of `data_directory()` by default.

    Raises:
        UsageError: if a file is missing, truncated, altered or not in its format; names it, the rule and the remedy.
    """
    return _load(CIFAR10, data_directory(directory))


@lru_cache(_KEPT)
def _load(data_set: DataSet, directory: Path) -> ImageData:
    place = find(data_set, directory)
    if place.stand_in:
        _LOG.warning("lodo-bench: not the real %s, but %s from '%s'", data_set.name, place.name, place.folder)
    try:
        arrays = PARSERS[data_set.name]({file.name: read_content(locate(place, file), file) for file in place.files})
    except InvalidFileError as flaw:
        raise UsageError(f"{flaw}. {place.remedy}") from flaw
    return _image_data(place, arrays)


def _image_data(place: Place, arrays: Arrays) -> ImageData:
    return ImageData(place.name, place.stand_in is not None, place.folder, *map(torch.from_numpy, arrays))
