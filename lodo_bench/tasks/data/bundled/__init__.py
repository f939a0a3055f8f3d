"""Small data sets that are installed with the package.

`LICENSES.md` beside this file gives their origin and licenses.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import final

import numpy as np
import torch
from torch import Tensor


@final
class Digits:
    """Handwritten digits: 1,797 images of 8×8 pixels.

    Every sixth image belongs to the test set, and every sixth to the validation set.

    Attributes:
        pixels: (1797, 64), 0 to 16, as float32.
        classes: (1797,), 0 to 9, as int64.
    """

    def __init__(self) -> None:
        with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as content:
            self.pixels = torch.from_numpy(content["images"]).flatten(1).float()
            self.classes = torch.from_numpy(content["classes"]).long()

    def part(self, name: str) -> tuple[Tensor, Tensor]:
        """Return pixels (N, 64), scaled to [0, 1], and classes (N,) of `training`, `validation` or `test`."""
        remainder = torch.arange(len(self.classes)) % 6
        chosen = {"training": remainder < 4, "validation": remainder == 4, "test": remainder == 5}[name]
        return self.pixels[chosen] / 16, self.classes[chosen]


@cache
def load_digits() -> Digits:
    """Return the handwritten digits."""
    return Digits()


def load_manual() -> str:
    """Return the text of an early edition of this package's own documentation, 53 kB of English."""
    return resources.files(__package__).joinpath("manual.txt").read_text("utf-8")
