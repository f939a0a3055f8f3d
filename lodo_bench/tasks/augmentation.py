"""Random crops and horizontal flips of small images, on their own device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PADDING = 4
_OFFSETS = 2 * PADDING + 1
# Number of ways to crop and flip an image.
NUM_VARIANTS = 2 * _OFFSETS * _OFFSETS


def augment(images: Tensor, variants: Tensor) -> Tensor:
    """Pad each image with 4 zeros per side, crop it to its original size, and maybe flip it.

    Args:
        images: (B, C, H, W), normalized, so that 0 is the mean color.
        variants: (B,), integers below `NUM_VARIANTS`: 2 (9 r + c) + f for the crop whose first row and column are r
            and c in the padded image, flipped left to right if f = 1.

    Returns:
        (B, C, H, W).
    """
    batch, _, height, width = images.shape
    flipped, offsets = (variants % 2).bool(), variants // 2
    rows = torch.arange(height, device=images.device) + (offsets // _OFFSETS).unsqueeze(1)
    columns = torch.arange(width, device=images.device).repeat(batch, 1)
    columns = torch.where(flipped.unsqueeze(1), width - 1 - columns, columns) + (offsets % _OFFSETS).unsqueeze(1)
    padded = F.pad(images, (PADDING,) * 4)
    each = torch.arange(batch, device=images.device).view(-1, 1, 1)
    return padded[each, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2)
