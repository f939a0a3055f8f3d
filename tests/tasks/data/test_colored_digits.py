"""The script that makes a stand-in for CIFAR-10 out of MNIST."""

import subprocess
import sys
from pathlib import Path

import torch

from lodo_bench.tasks.data import load_cifar10, load_mnist
from tests.stand_in_data import write_mnist

SCRIPT = Path(__file__).parents[3] / "scripts/colored_digits.py"


def write(directory, monkeypatch):
    monkeypatch.setenv("LODO_BENCH_DATA", str(write_mnist(directory, train=60, test=20)))
    subprocess.run([sys.executable, SCRIPT, directory], check=True)
    return load_cifar10(directory)


def test_the_digits_are_in_one_color_on_a_background_and_the_same_each_time(tmp_path, monkeypatch):
    data, again = (write(tmp_path / name, monkeypatch) for name in ("one", "two"))
    digits = load_mnist(tmp_path / "one")
    assert data.name == "cifar10 (stand-in: colored-digits)"
    assert torch.equal(data.train_images, again.train_images)
    assert torch.equal(data.test_labels, digits.test_labels)
    assert torch.equal(data.train_labels, digits.train_labels[:50])
    inside = digits.train_images[:50] > 250
    for image, mask in zip(data.train_images[:, :, 2:-2, 2:-2], inside, strict=True):
        for channel in image:
            ink = channel[mask].int()
            assert not len(ink) or ink.max() - ink.min() <= 255 - 250
            assert channel[~mask].unique().numel() > 20
