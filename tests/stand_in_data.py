"""Small data sets in the formats of the real ones, declared as stand-ins."""

import gzip
import hashlib
import json
import struct
from pathlib import Path

import numpy as np

CIFAR10_FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def write_mnist(directory, train=200, test=50, *, seed=0, compressed=True, name="tiny"):
    """A data directory with a stand-in for MNIST; the images are smooth blobs at a place that depends on the label."""
    rng = np.random.default_rng(seed)
    contents = {}
    for prefix, count in (("train", train), ("t10k", test)):
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        contents[f"{prefix}-images-idx3-ubyte"] = idx(_blobs(rng, labels, 28))
        contents[f"{prefix}-labels-idx1-ubyte"] = idx(labels)
    return write_stand_in(directory, "mnist", contents, compressed=compressed, name=name)


def write_cifar10(directory, batch=40, test=30, *, seed=0, subfolder="", name="tiny"):
    """A data directory with a stand-in for CIFAR-10, five training files of `batch` images each."""
    rng = np.random.default_rng(seed)
    contents = {}
    for file in CIFAR10_FILES:
        labels = rng.integers(0, 10, test if file.startswith("test") else batch, dtype=np.uint8)
        channels = np.stack([_blobs(rng, labels, 32) for _ in range(3)], axis=1)
        contents[file] = cifar10_records(labels, channels)
    return write_stand_in(directory, "cifar10", contents, subfolder=subfolder, name=name)


def idx(array):
    """The idx file of an array of bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def cifar10_records(labels, images):
    """The binary file of labels (N,) and images (N, 3, 32, 32)."""
    return np.concatenate([labels[:, None], images.reshape(len(labels), -1)], axis=1).astype(np.uint8).tobytes()


def write_stand_in(directory, data_set, contents, *, compressed=False, subfolder="", name="tiny"):
    """Write files, by name, and what declares them; returns the data directory."""
    folder = Path(directory) / data_set
    (folder / subfolder).mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        if compressed:
            (folder / subfolder / f"{file}.gz").write_bytes(gzip.compress(content, 1, mtime=0))
        else:
            (folder / subfolder / file).write_bytes(content)
    (folder / "stand-in.json").write_text(json.dumps(declaration(data_set, contents, name)))
    return Path(directory)


def declaration(data_set, contents, name="tiny"):
    """What `stand-in.json` must say for these files."""
    files = {file: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for file, c in contents.items()}
    return {"stand_in_for": data_set, "name": name, "files": files}


def _blobs(rng, labels, size):
    """Images (N, size, size): a bright spot whose place follows the label, and some noise."""
    angle = labels / 10 * 2 * np.pi
    row, column = (size / 2 + size / 4 * wave(angle) for wave in (np.sin, np.cos))
    axis = np.arange(size)
    distance = (axis[None, :, None] - row[:, None, None]) ** 2 + (axis[None, None, :] - column[:, None, None]) ** 2
    noise = rng.integers(0, 30, (len(labels), size, size))
    return (220 * np.exp(-distance / (size / 2)) + noise).astype(np.uint8)
