"""What is loaded is what was published or declared, down to the byte; anything else is a message that helps."""

import gzip
import json
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tasks.data import load_cifar10, load_mnist
from lodo_bench.tasks.data.catalog import CIFAR10, MNIST
from tests.stand_in_data import (
    CIFAR10_FILES,
    cifar10_records,
    declaration,
    idx,
    write_cifar10,
    write_mnist,
    write_stand_in,
)

IMAGES = np.arange(3 * 784).reshape(3, 28, 28).astype(np.uint8)
LABELS = np.array([1, 2, 3], np.uint8)
MNIST_CONTENTS = {f.name: idx(IMAGES if "images" in f.name else LABELS) for f in MNIST.files}
TRAIN_IMAGES = MNIST.files[0].name


@pytest.fixture(autouse=True)
def no_data_of_the_surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "none"))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_stand_in_for_mnist(compressed, tmp_path, caplog):
    data = load_mnist(write_mnist(tmp_path, 70, 5, compressed=compressed))
    assert (data.name, data.is_stand_in, data.folder) == ("mnist (stand-in: tiny)", True, tmp_path / "mnist")
    assert data.train_images.shape == (70, 28, 28) and data.test_images.shape == (5, 28, 28)
    assert data.train_labels.shape == (70,) and data.test_labels.shape == (5,)
    tensors = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    assert all(tensor.dtype == torch.uint8 and tensor.is_contiguous() for tensor in tensors)
    assert caplog.messages == [
        f"lodo-bench: using the stand-in mnist (stand-in: tiny) from '{tmp_path / 'mnist'}' instead of the real mnist"
    ]


@pytest.mark.parametrize("subfolder", ["", "cifar-10-batches-bin"])
def test_a_stand_in_for_cifar10(subfolder, tmp_path, caplog):
    data = load_cifar10(write_cifar10(tmp_path, 4, 3, subfolder=subfolder))
    assert (data.name, data.is_stand_in) == ("cifar10 (stand-in: tiny)", True)
    assert data.train_images.shape == (20, 3, 32, 32) and data.test_images.shape == (3, 3, 32, 32)
    assert data.train_labels.shape == (20,) and data.test_labels.shape == (3,)
    assert len(caplog.messages) == 1


def test_the_content_is_that_of_the_files(tmp_path):
    data = load_mnist(write_stand_in(tmp_path, "mnist", MNIST_CONTENTS))
    assert np.array_equal(data.train_images.numpy(), IMAGES) and np.array_equal(data.test_labels.numpy(), LABELS)


def test_files_of_the_real_size(tmp_path):
    pattern = np.random.default_rng(0).integers(0, 256, (1009, 3, 32, 32), dtype=np.uint8)
    images = np.resize(pattern, (10_000, 3, 32, 32))
    labels = (np.arange(10_000) % 10).astype(np.uint8)
    content = cifar10_records(labels, images)
    assert len(content) == 30_730_000
    write_stand_in(tmp_path, "cifar10", {CIFAR10_FILES[0]: content})
    folder = tmp_path / "cifar10"
    for name in CIFAR10_FILES[1:]:
        os.link(folder / CIFAR10_FILES[0], folder / name)
    (folder / "stand-in.json").write_text(json.dumps(declaration("cifar10", dict.fromkeys(CIFAR10_FILES, content))))
    data = load_cifar10(tmp_path)
    assert data.train_images.shape == (50_000, 3, 32, 32) and data.test_images.shape == (10_000, 3, 32, 32)
    assert np.array_equal(data.train_images[40_123].numpy(), images[123])
    assert np.array_equal(data.test_labels.numpy(), labels)


def test_they_are_loaded_once(tmp_path, monkeypatch):
    directory = write_mnist(tmp_path, 5, 2)
    first = load_mnist(directory)
    monkeypatch.setenv("LODO_BENCH_DATA", str(directory))
    monkeypatch.chdir(tmp_path.parent)
    assert load_mnist() is load_mnist(str(directory)) is load_mnist(tmp_path.name) is first


def test_data_sets_do_not_mix(tmp_path):
    write_cifar10(write_mnist(tmp_path, 5, 2), 1, 1)
    assert load_mnist(tmp_path).train_images.shape == (5, 28, 28)
    assert load_cifar10(tmp_path).train_images.shape == (5, 3, 32, 32)


def assert_refused(load, directory, *texts):
    with pytest.raises(UsageError) as caught:
        load(directory)
    for text in texts:
        assert text in str(caught.value)
    assert caught.value.remedy in (Remedy.FETCH_DATA, Remedy.CHOOSE_DATA_DIRECTORY)


@pytest.mark.parametrize(
    ("load", "name", "first"),
    [(load_mnist, "mnist", "train-images-idx3-ubyte"), (load_cifar10, "cifar10", "data_batch_1.bin")],
)
def test_missing_data_name_the_remedy(load, name, first, tmp_path):
    assert_refused(load, tmp_path, f"'{tmp_path}/{name}/{first}' is missing", f"Fetch {name}")
    with pytest.raises(UsageError, match="/none/"):
        load()


def without_declaration(directory, name):
    (directory / name / "stand-in.json").unlink()
    return directory


def test_other_data_never_pass_for_the_real(tmp_path):
    write_cifar10(write_mnist(tmp_path, 5, 2), 1, 1)
    for name in ("mnist", "cifar10"):
        without_declaration(tmp_path, name)
    assert_refused(load_mnist, tmp_path, "train-images-idx3-ubyte.gz' is truncated: it has 3,936 bytes", "47,040,016")
    assert_refused(load_cifar10, tmp_path, "data_batch_1.bin' is truncated: it has 3,073 bytes", "30,730,000")


@pytest.mark.parametrize(("load", "data_set"), [(load_mnist, MNIST), (load_cifar10, CIFAR10)])
def test_data_of_the_real_size_but_altered_are_refused(load, data_set, tmp_path):
    folder = tmp_path / data_set.name
    folder.mkdir()
    file = data_set.files[0]
    with (folder / file.name).open("wb") as handle:
        handle.truncate(file.size)
    algorithm, _, digest = file.checksum.partition(":")
    assert_refused(load, tmp_path, f"is altered: the {algorithm} of its content is", f"instead of {digest}", "Fetch")


def damaged(tmp_path, content, name=TRAIN_IMAGES):
    write_stand_in(tmp_path, "mnist", MNIST_CONTENTS)
    (tmp_path / "mnist" / name).write_bytes(content)
    return tmp_path


GOOD = MNIST_CONTENTS[TRAIN_IMAGES]
DAMAGED = {
    "empty": (b"", "is truncated: it has 0 bytes"),
    "truncated": (GOOD[:-1], "is truncated"),
    "longer": (GOOD + b"x", "is too long"),
    "altered": (GOOD[:-1] + b"x", "is altered: the sha256"),
    "gzip, truncated": (gzip.compress(GOOD)[:-9], "its gzip data ends too early"),
    "gzip, altered": (gzip.compress(GOOD)[:-8] + bytes(8), "is not a valid gzip file"),
    "gzip, of something else": (gzip.compress(b"x" * len(GOOD)), "is altered"),
    "gzip, with a tail": (gzip.compress(GOOD) + b"tail", "is not a valid gzip file"),
    "gzip, magic alone": (b"\x1f\x8b", "gzip"),
    "gzip, a bomb": (gzip.compress(bytes(30_000_000)), "is too long"),
    "gzip, of many empty parts": (gzip.compress(b"") * 10_000 + gzip.compress(GOOD), "is too long"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_named(case, tmp_path):
    content, reason = DAMAGED[case]
    assert_refused(load_mnist, damaged(tmp_path, content), f"'{tmp_path}/mnist/{TRAIN_IMAGES}'", reason)


def test_a_raw_file_may_have_the_name_of_a_compressed_one(tmp_path):
    directory = write_stand_in(tmp_path, "mnist", MNIST_CONTENTS)
    (directory / "mnist" / TRAIN_IMAGES).rename(directory / "mnist" / f"{TRAIN_IMAGES}.gz")
    assert load_mnist(directory).train_images.shape == (3, 28, 28)


def test_a_pipe_or_a_directory_in_the_place_of_a_file_is_no_hang(tmp_path):
    directory = write_stand_in(tmp_path, "mnist", MNIST_CONTENTS)
    path = directory / "mnist" / TRAIN_IMAGES
    path.unlink()
    os.mkfifo(path)
    assert_refused(load_mnist, directory, "is not a regular file")
    path.unlink()
    path.mkdir()
    assert_refused(load_mnist, directory, "is not a regular file")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_file_that_must_not_be_read_is_named(tmp_path):
    directory = write_stand_in(tmp_path, "mnist", MNIST_CONTENTS)
    (directory / "mnist" / TRAIN_IMAGES).chmod(0)
    assert_refused(load_mnist, directory, "cannot be read: Permission denied")


def test_a_declared_file_that_is_not_in_its_format_is_named(tmp_path):
    contents = MNIST_CONTENTS | {TRAIN_IMAGES: b"Dear diary"}
    directory = write_stand_in(tmp_path, "mnist", contents)
    assert_refused(load_mnist, directory, f"'{TRAIN_IMAGES}' is not an idx file", "Choose another data directory")


def load_or_refuse(load, directory):
    """The data, or None if the program says what is wrong with them; nothing else may come of it."""
    try:
        return load(directory)
    except UsageError as error:
        assert error.remedy is not None
        return None


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["change", "cut", "insert", "drop"]), st.integers(0, 10**6), st.binary(min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=3,
)


def edited(content, edits):
    content = bytearray(content)
    for kind, where, new in edits:
        at = where % (len(content) + 1)
        if kind == "cut":
            del content[at:]
        elif kind == "drop":
            del content[at : at + len(new)]
        else:
            content[at : at + (len(new) if kind == "change" else 0)] = new
    return bytes(content)


@settings(max_examples=120, deadline=None)
@given(name=st.sampled_from(list(MNIST_CONTENTS)), edits=_EDITS, compressed=st.booleans())
def test_a_broken_file_is_refused_or_makes_no_difference(name, edits, compressed, tmp_path_factory):
    directory = write_stand_in(tmp_path_factory.mktemp("broken"), "mnist", MNIST_CONTENTS, compressed=compressed)
    path = directory / "mnist" / (f"{name}.gz" if compressed else name)
    path.write_bytes(edited(path.read_bytes(), edits))
    data = load_or_refuse(load_mnist, directory)
    if data is not None:
        assert np.array_equal(data.train_images.numpy(), IMAGES) and np.array_equal(data.test_labels.numpy(), LABELS)


@settings(max_examples=120, deadline=None)
@given(name=st.sampled_from(list(MNIST_CONTENTS)), edits=_EDITS)
def test_a_broken_file_with_a_right_checksum_is_refused_or_a_data_set(name, edits, tmp_path_factory):
    contents = MNIST_CONTENTS | {name: edited(MNIST_CONTENTS[name], edits)}
    data = load_or_refuse(load_mnist, write_stand_in(tmp_path_factory.mktemp("broken"), "mnist", contents))
    if data is not None:
        assert data.train_images.shape == data.test_images.shape == (3, 28, 28)
        assert max(data.train_labels.max(), data.test_labels.max()) <= 9


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(CIFAR10_FILES), edits=_EDITS, declared=st.booleans())
def test_a_broken_cifar10_file_is_refused_or_a_data_set(name, edits, declared, tmp_path_factory):
    good = dict.fromkeys(CIFAR10_FILES, cifar10_records(np.array([3, 9]), np.zeros((2, 3, 32, 32))))
    contents = good | {name: edited(good[name], edits)}
    directory = write_stand_in(tmp_path_factory.mktemp("broken"), "cifar10", contents)
    if not declared:
        (directory / "cifar10" / "stand-in.json").write_text(json.dumps(declaration("cifar10", good)))
    data = load_or_refuse(load_cifar10, directory)
    assert data is None or declared or contents == good
    if data is not None:
        assert data.train_images.shape[1:] == data.test_images.shape[1:] == (3, 32, 32)
        assert max(data.train_labels.max(), data.test_labels.max()) <= 9


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"\0\0\x08\x03"]))
def test_any_bytes_in_the_place_of_a_real_file_are_refused(content, start, tmp_path_factory):
    directory = tmp_path_factory.mktemp("nonsense")
    for data_set, load in ((MNIST, load_mnist), (CIFAR10, load_cifar10)):
        (directory / data_set.name).mkdir()
        (directory / data_set.name / data_set.files[0].name).write_bytes(start + content)
        assert load_or_refuse(load, directory) is None
