"""Loading of data sets into memory, once per process."""

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
from lodo_bench.files.data_directory import data_directory
from lodo_bench.tasks.data.catalog import CIFAR10, MNIST, DataSet
from lodo_bench.tasks.data.contents import InvalidFileError, locate_file, read_content
from lodo_bench.tasks.data.formats import Arrays, parse_cifar10, parse_mnist
from lodo_bench.tasks.data.location import DataLocation, locate_data_set

_LOG = logging.getLogger(__name__)
_CACHE_SIZE = 4  # a process needs one data set, tests a few more

PARSERS: Mapping[str, Callable[[Mapping[str, bytes]], Arrays]] = {"mnist": parse_mnist, "cifar10": parse_cifar10}


@dataclass(frozen=True, eq=False, slots=True)
class ImageData:
    """An image data set in memory, as bytes. The tensors are shared: do not modify them in location.

    Attributes:
        name: name that results are recorded under: `mnist`, or `mnist (stand-in: NAME)` for a stand-in.
        is_stand_in: True for a stand-in.
        folder: source of the data.
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
    """Load MNIST: 60,000 training and 10,000 test images (28, 28), or its stand-in.

    Args:
        directory: data directory with the four files in `mnist/`; `data_directory()` by default.

    Raises:
        UsageError: if a file is missing, truncated, altered or malformed.
    """
    return _load(MNIST, data_directory(directory))


def load_cifar10(directory: str | os.PathLike[str] | None = None) -> ImageData:
    """Load CIFAR-10: 50,000 training and 10,000 test images (3, 32, 32), or its stand-in.

    Args:
        directory: data directory with the six files in `cifar10/` or `cifar10/cifar-10-batches-bin/`;
            `data_directory()` by default.

    Raises:
        UsageError: if a file is missing, truncated, altered or malformed.
    """
    return _load(CIFAR10, data_directory(directory))


@lru_cache(_CACHE_SIZE)
def _load(data_set: DataSet, directory: Path) -> ImageData:
    location = locate_data_set(data_set, directory)
    if location.stand_in:
        text = "lodo-bench: using the stand-in %s from '%s' instead of the real %s"
        _LOG.warning(text, location.name, location.folder, data_set.name)
    try:
        contents = {file.name: read_content(locate_file(location, file), file) for file in location.files}
        arrays = PARSERS[data_set.name](contents)
    except InvalidFileError as error:
        raise UsageError(f"{error}.", remedy=location.remedy, data_set=data_set.name) from error
    return _image_data(location, arrays)


def _image_data(location: DataLocation, arrays: Arrays) -> ImageData:
    return ImageData(location.name, location.stand_in is not None, location.folder, *map(torch.from_numpy, arrays))
