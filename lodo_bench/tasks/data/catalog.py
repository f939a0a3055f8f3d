"""Catalog of the data sets: their files, checksums and mirrors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lodo_bench.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a data set, described by its uncompressed content.

    Attributes:
        name: name of the uncompressed file; a compressed one has the suffix `.gz`.
        size: size in bytes.
        checksum: algorithm and hexadecimal digest, e.g. `sha256:ba89...`.
    """

    name: str
    size: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file on a mirror: a gzip file, or an archive of several files.

    Attributes:
        name: file name; ends in `.tar.gz` for an archive.
        mirrors: URLs of the same file, tried in order.
        files: the data files that it contains.
        size: size in bytes; None unless all mirrors have the same bytes.
        checksum: algorithm and digest, likewise; None to verify the contained files only.
    """

    name: str
    mirrors: tuple[str, ...]
    files: tuple[DataFile, ...]
    size: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set.

    Attributes:
        name: name, also of its folder in the data directory.
        title: description and authors.
        archive_folder: folder inside its archive; the files may also be in a folder of this name on disk.
        downloads: files on the mirrors.
    """

    name: str
    title: str
    archive_folder: str
    downloads: tuple[Download, ...]

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Data files of all downloads."""
        return tuple(file for download in self.downloads for file in download.files)


_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_MNIST_FILES = (
    DataFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    DataFile(
        "train-labels-idx1-ubyte", 60_008, "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    DataFile(
        "t10k-images-idx3-ubyte", 7_840_016, "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    DataFile(
        "t10k-labels-idx1-ubyte", 10_008, "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
)
_CIFAR10_BYTES = 10_000 * (1 + 3 * 32 * 32)
# The SHA-256 of the single files is not published; their MD5 is, by several projects that unpack the same archive.
_CIFAR10_FILES = (
    DataFile("data_batch_1.bin", _CIFAR10_BYTES, "md5:5dd7e06a14cb22eb9f671a540d1b7c25"),
    DataFile("data_batch_2.bin", _CIFAR10_BYTES, "md5:5ea93a67294ea407fff1d09f752e9692"),
    DataFile("data_batch_3.bin", _CIFAR10_BYTES, "md5:942cd6a4bcdd0dd3c604fbe906cb4421"),
    DataFile("data_batch_4.bin", _CIFAR10_BYTES, "md5:ae636b3ba5c66a11e91e8cb52e771fcb"),
    DataFile("data_batch_5.bin", _CIFAR10_BYTES, "md5:53f37980c15c3d472c316c40844f3f0d"),
    DataFile("test_batch.bin", _CIFAR10_BYTES, "md5:803d5f7f4d78ea53de84dbe85f74fb6d"),
)

MNIST = DataSet(
    name="mnist",
    title="70,000 handwritten digits, 28×28 (LeCun, Cortes, Burges)",
    archive_folder="",
    downloads=tuple(
        Download(f"{file.name}.gz", tuple(f"{mirror}{file.name}.gz" for mirror in _MNIST_MIRRORS), (file,))
        for file in _MNIST_FILES
    ),
)
CIFAR10 = DataSet(
    name="cifar10",
    title="60,000 color images of 10 classes, 32×32, binary version (Krizhevsky)",
    archive_folder="cifar-10-batches-bin",
    downloads=(
        Download(
            name="cifar-10-binary.tar.gz",
            mirrors=(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
                "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
            ),
            files=_CIFAR10_FILES,
            size=170_052_171,
            checksum="sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
)

DATA_SETS: Mapping[str, DataSet] = {data_set.name: data_set for data_set in (MNIST, CIFAR10)}


def get_data_set(name: str) -> DataSet:
    """Return a data set by name.

    Raises:
        UnknownNameError: for an unknown name.
    """
    if name not in DATA_SETS:
        raise UnknownNameError("data set", name, DATA_SETS)
    return DATA_SETS[name]
