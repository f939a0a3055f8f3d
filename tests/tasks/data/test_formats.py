"""From bytes to arrays: the right ones, or a flaw that is told."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodo_bench.tasks.data.contents import InvalidFileError
from lodo_bench.tasks.data.formats import parse_cifar10, parse_idx, parse_mnist
from tests.stand_in_data import CIFAR10_FILES, cifar10_records, idx

IMAGES = np.arange(3 * 784, dtype=np.uint32).reshape(3, 28, 28).astype(np.uint8)
LABELS = np.array([9, 0, 4], np.uint8)
HALF = {"images-idx3": idx(IMAGES), "labels-idx1": idx(LABELS)}


def mnist(**changes):
    files = {f"{prefix}-{kind}-ubyte": content for prefix in ("train", "t10k") for kind, content in HALF.items()}
    return files | {name.replace("_", "-") + "-ubyte": content for name, content in changes.items()}


def test_idx_files_are_read_in_the_order_of_their_elements():
    arrays = parse_mnist(mnist(t10k_images_idx3=idx(IMAGES[:1]), t10k_labels_idx1=idx(LABELS[:1])))
    assert np.array_equal(arrays.train_images, IMAGES) and np.array_equal(arrays.train_labels, LABELS)
    assert np.array_equal(arrays.test_images, IMAGES[:1]) and np.array_equal(arrays.test_labels, LABELS[:1])
    assert all(array.dtype == np.uint8 and array.flags.writeable for array in arrays)


def test_an_idx_file_byte_by_byte():
    content = bytes.fromhex("0000 08 02 00000002 00000003") + bytes([1, 2, 3, 4, 5, 6])
    assert parse_idx(content, "x").tolist() == [[1, 2, 3], [4, 5, 6]]


BAD_IDX = {
    "empty": (b"", "is not an idx file"),
    "three bytes": (b"\0\0\x08", "is not an idx file"),
    "text": (b"Dear diary", "is not an idx file"),
    "of floats": (b"\0\0\x0d\x01" + bytes(8), "elements of type 13; it must hold unsigned bytes"),
    "within its header": (b"\0\0\x08\x03\0\0\0\x01", "ends within its header"),
    "without dimensions": (b"\0\0\x08\x00\x07", "its header says nothing"),
    "without elements": (b"\0\0\x08\x01\0\0\0\0", "has 0 elements; its header says 0"),
    "short": (idx(IMAGES)[:-1], "has 2,351 elements; its header says 3×28×28"),
    "long": (idx(IMAGES) + b"x", "has 2,353 elements"),
    "as if overflowing": (b"\0\0\x08\x04" + struct.pack(">4I", 2**31, 2**31, 4, 1), "has 0 elements"),
    "of 255 dimensions": (b"\0\0\x08\xff" + struct.pack(">255I", *[1] * 255) + b"x", "more than 4 dimensions"),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_refused(case):
    content, reason = BAD_IDX[case]
    with pytest.raises(InvalidFileError, match=reason):
        parse_idx(content, "x")


BAD_MNIST = {
    "other images": ({"train_images_idx3": idx(IMAGES[:, :27])}, "3×27×28; it must contain images of 28×28"),
    "labels for images": ({"train_images_idx3": idx(LABELS)}, "it must contain images"),
    "images for labels": ({"t10k_labels_idx1": idx(IMAGES)}, "a label for each of the 3 images"),
    "too few labels": ({"t10k_labels_idx1": idx(LABELS[:2])}, "has shape 2; it must contain a label for each of the 3"),
    "a label 10": ({"train_labels_idx1": idx(LABELS + 1)}, "has a label 10; labels must be from 0 to 9"),
}


@pytest.mark.parametrize("case", BAD_MNIST)
def test_mnist_files_must_match(case):
    changes, reason = BAD_MNIST[case]
    with pytest.raises(InvalidFileError, match=reason):
        parse_mnist(mnist(**changes))


def cifar10_images(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10, count, dtype=np.uint8), rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def test_cifar10_files_are_read_in_their_order():
    parts = [cifar10_images(count, count) for count in (2, 1, 3, 1, 2, 4)]
    files = {name: cifar10_records(*part) for name, part in zip(CIFAR10_FILES, parts, strict=True)}
    arrays = parse_cifar10(files)
    assert np.array_equal(arrays.train_labels, np.concatenate([labels for labels, _ in parts[:5]]))
    assert np.array_equal(arrays.train_images, np.concatenate([images for _, images in parts[:5]]))
    assert np.array_equal(arrays.test_labels, parts[5][0]) and np.array_equal(arrays.test_images, parts[5][1])
    assert all(array.dtype == np.uint8 and array.flags.writeable for array in arrays)


def test_a_cifar10_record_byte_by_byte():
    record = bytes([7]) + bytes([1]) * 1024 + bytes([2]) * 1024 + bytes([3] * 32 + [4] * 32) + bytes(960)
    image = parse_cifar10(dict.fromkeys(CIFAR10_FILES, record)).test_images[0]
    assert (image[0] == 1).all() and (image[1] == 2).all()
    assert (image[2, 0] == 3).all() and (image[2, 1] == 4).all() and (image[2, 2:] == 0).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has 0 bytes; it must be whole records of 3,073 bytes"),
        (bytes(3072), "has 3,072 bytes"),
        (bytes(3074), "has 3,074 bytes"),
        (bytes(3073) + bytes([10]) + bytes(3072), "'data_batch_3.bin' has a label 10"),
    ],
)
def test_a_bad_cifar10_file_is_refused(content, reason):
    with pytest.raises(InvalidFileError, match=reason):
        parse_cifar10({**dict.fromkeys(CIFAR10_FILES, bytes(3073)), "data_batch_3.bin": content})


_IDX_LIKE = st.builds(
    lambda head, shape, rest: head + struct.pack(f">B{len(shape)}I", len(shape), *shape) + rest,
    st.sampled_from([b"\0\0\x08", b"\0\0\x09", b"\0\1\x08"]),
    st.lists(st.integers(0, 4) | st.integers(0, 2**32 - 1), max_size=6),
    st.binary(max_size=30),
)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=60) | _IDX_LIKE)
def test_nonsense_is_no_idx_file_or_a_right_one(content):
    try:
        array = parse_idx(content, "x")
    except InvalidFileError:
        return
    assert idx(array) == content
