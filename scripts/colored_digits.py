"""Write a stand-in for CIFAR-10: the digits of MNIST in color, on colored backgrounds.

    python scripts/colored_digits.py DIRECTORY

The files go to `DIRECTORY/cifar10`, in the binary format of CIFAR-10, with the declaration that lodo-bench recognizes a
stand-in by. MNIST is read from the usual data directory. The images are the same each time.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lodo_bench.tasks.data import load_mnist

NAME = "colored-digits"
FILES = [f"data_batch_{number}.bin" for number in range(1, 6)]
SIDE = 32
PATCH = 4  # colors of a background along each side, between which it changes smoothly


def colored(digits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return images (N, 3, 32, 32), uint8, of digits (N, 28, 28), each in one color on a background of its own."""
    margin = (SIDE - digits.shape[-1]) // 2
    ink = F.pad(digits, 4 * (margin,)).unsqueeze(1) / 255
    colors = torch.rand(len(digits), 3, 1, 1, generator=generator)
    patches = torch.rand(len(digits), 3, PATCH, PATCH, generator=generator)
    backgrounds = F.interpolate(patches, size=SIDE, mode="bilinear", align_corners=True)
    return (255 * torch.lerp(backgrounds, colors.expand_as(backgrounds), ink)).round().byte()


def records(digits: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> bytes:
    """Return the records of a file of CIFAR-10: the class, and the image in the order RGB."""
    images = colored(digits, generator).flatten(1)
    return torch.cat([labels.unsqueeze(1), images], 1).numpy().astype(np.uint8).tobytes()


def write(directory: Path) -> None:
    """Write the six files and their declaration."""
    data, generator = load_mnist(), torch.Generator().manual_seed(0)
    parts = zip(
        data.train_images.chunk(6), data.train_labels.chunk(6), strict=True
    )  # as many as CIFAR-10 has, and more
    contents = {name: records(*part, generator) for name, part in zip(FILES, parts, strict=False)}
    contents["test_batch.bin"] = records(data.test_images, data.test_labels, generator)
    directory.mkdir(parents=True, exist_ok=True)
    declared = {}
    for name, content in contents.items():
        (directory / name).write_bytes(content)
        declared[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    declaration = {"stand_in_for": "cifar10", "name": NAME, "files": declared}
    (directory / "stand-in.json").write_text(json.dumps(declaration, indent=2) + "\n")


def main() -> None:
    """Write the stand-in to the directory that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="data directory; the files go to its folder cifar10")
    write(parser.parse_args().directory / "cifar10")


if __name__ == "__main__":
    main()
