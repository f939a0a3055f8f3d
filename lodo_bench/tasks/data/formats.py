"""File formats of image data sets: bytes -> arrays."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lodo_bench.tasks.data.contents import InvalidFileError

Bytes = NDArray[np.uint8]

CLASSES = 10
_IDX_UNSIGNED_BYTE = 8
_MAX_DIMENSIONS = 4
_MNIST_SHAPE = (28, 28)
_CIFAR10_SHAPE = (3, 32, 32)
_CIFAR10_RECORD = 1 + 3 * 32 * 32


class Arrays(NamedTuple):
    """Images (N, *shape) and labels (N,) of the training and the test set, as bytes."""

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes


def parse_mnist(contents: Mapping[str, bytes]) -> Arrays:
    """Parse the four idx files of MNIST, given by name; images are (N, 28, 28).

    Raises:
        InvalidFileError: if a file is malformed, or images and labels do not match.
    """
    train = _mnist_half("train", contents)
    test = _mnist_half("t10k", contents)
    return Arrays(*train, *test)


def parse_cifar10(contents: Mapping[str, bytes]) -> Arrays:
    """Parse the six files of CIFAR-10's binary version, given by name; images are (N, 3, 32, 32), in RGB order.

    Raises:
        InvalidFileError: if a file is malformed.
    """
    train = _cifar10_half([f"data_batch_{i}.bin" for i in range(1, 6)], contents)
    return Arrays(*train, *_cifar10_half(["test_batch.bin"], contents))


def parse_idx(content: bytes, name: str) -> Bytes:
    """Parse an idx file of unsigned bytes.

    The format is: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each dimension as a
    big-endian 32-bit integer, and the elements in C order.

    Raises:
        InvalidFileError: if the file is malformed.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise InvalidFileError(
            f"'{name}' is not an idx file: it must begin with two zero bytes, a type and a number of dimensions"
        )
    kind, dimensions = content[2], content[3]
    if dimensions > _MAX_DIMENSIONS:
        raise InvalidFileError(
            f"'{name}' has {dimensions} dimensions; data sets have no more than {_MAX_DIMENSIONS} dimensions"
        )
    if kind != _IDX_UNSIGNED_BYTE:
        raise InvalidFileError(
            f"'{name}' holds elements of type {kind}; it must hold unsigned bytes, type {_IDX_UNSIGNED_BYTE}"
        )
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise InvalidFileError(f"'{name}' is truncated: it ends within its header")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    count = 1
    for length in shape:
        count *= length  # in Python's integers, which do not overflow
    if count != len(content) - header or not count or not dimensions:
        raise InvalidFileError(f"'{name}' has {len(content) - header:,} elements; its header says {_times(shape)}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def _mnist_half(prefix: str, contents: Mapping[str, bytes]) -> tuple[Bytes, Bytes]:
    images_name, labels_name = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    images, labels = (parse_idx(contents[name], name) for name in (images_name, labels_name))
    if images.shape[1:] != _MNIST_SHAPE:
        raise InvalidFileError(
            f"'{images_name}' has shape {_times(images.shape)}; it must contain images of {_times(_MNIST_SHAPE)}"
        )
    if labels.shape != images.shape[:1]:
        raise InvalidFileError(
            f"'{labels_name}' has shape {_times(labels.shape)}; it must contain a label for each of the "
            f"{len(images):,} images"
        )
    _check_labels(labels, labels_name)
    return images, labels


def _cifar10_half(names: Sequence[str], contents: Mapping[str, bytes]) -> tuple[Bytes, Bytes]:
    records = np.concatenate([_cifar10_records(contents[name], name) for name in names])
    return np.ascontiguousarray(records[:, 1:]).reshape(-1, *_CIFAR10_SHAPE), records[:, 0].copy()


def _cifar10_records(content: bytes, name: str) -> Bytes:
    count, rest = divmod(len(content), _CIFAR10_RECORD)
    if rest or not count:
        raise InvalidFileError(
            f"'{name}' has {len(content):,} bytes; it must be whole records of {_CIFAR10_RECORD:,} bytes"
        )
    records = np.frombuffer(content, np.uint8).reshape(count, _CIFAR10_RECORD)
    _check_labels(records[:, 0], name)
    return records


def _check_labels(labels: Bytes, name: str) -> None:
    if labels.max() >= CLASSES:
        raise InvalidFileError(f"'{name}' has a label {labels.max()}; labels must be from 0 to {CLASSES - 1}")


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "nothing"
