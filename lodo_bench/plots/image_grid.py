"""Grids of small images as PNG files."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ZOOM = 4  # side of an image pixel
_GAP = 4  # width of the frame around each image
_FRAME = 128  # its gray level


def write_grid(file: BinaryIO, images: NDArray[np.uint8], columns: int) -> None:
    """Write images as a PNG file, row by row.

    Args:
        file: binary file to write to.
        images: (B, H, W), pixel values.
        columns: images per row, at least 1.
    """
    Image.fromarray(grid(images, columns)).save(file, format="PNG")


def grid(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Return one enlarged image of all, gray between them and where the last row is not full."""
    count, height, width = images.shape
    rows = -(-count // columns)
    cell_height, cell_width = height * _ZOOM + _GAP, width * _ZOOM + _GAP
    whole = np.full((rows * cell_height + _GAP, columns * cell_width + _GAP), _FRAME, np.uint8)
    for index, image in enumerate(images):
        top, left = _GAP + index // columns * cell_height, _GAP + index % columns * cell_width
        enlarged = image.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
        whole[top : top + height * _ZOOM, left : left + width * _ZOOM] = enlarged
    return whole
