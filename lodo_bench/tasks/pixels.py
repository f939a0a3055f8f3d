"""What the network of `mnist` sees of an image when it is to predict one of its pixels (LODO App. F.2, Fig. 9)."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 28
PIXELS = SIDE * SIDE


def visible_inputs(images: Tensor, pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Five channels for each image, which say what comes before a pixel, in the order of reading, and where it is.

    With the pixel at row r and column c, the visible pixels are those in the rows above r, and in row r those left of
    c::

        1   brightness / 256, 0 where it is not visible
        2   1 in the columns up to and including c, −1 in the others
        3   1 where a pixel is visible, −1 where not
        4   2 · row / 28 − 1
        5   2 · column / 28 − 1

    Args:
        images: (B, 28, 28), brightnesses 0, ..., 255 as bytes.
        pixels: (B,), 28 r + c.
        dtype: of the result.

    Returns:
        (B, 5, 28, 28), in new memory.
    """
    places = torch.arange(PIXELS, device=images.device)
    columns = torch.arange(SIDE, device=images.device)
    visible = (places < pixels.unsqueeze(1)).view(-1, SIDE, SIDE)
    reached = columns <= (pixels % SIDE).unsqueeze(1)
    ramp = columns.to(dtype) / SIDE * 2 - 1
    inputs = torch.empty(len(images), 5, SIDE, SIDE, device=images.device, dtype=dtype)
    inputs[:, 0] = images * visible
    inputs[:, 0] /= 256
    inputs[:, 1] = (reached.to(dtype) * 2 - 1).unsqueeze(1)
    inputs[:, 2] = visible.to(dtype) * 2 - 1
    inputs[:, 3] = ramp.unsqueeze(1)
    inputs[:, 4] = ramp
    return inputs
