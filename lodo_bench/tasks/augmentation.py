"""Random crops and reflections of small pictures, on the device where they are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PADDING = 4
_OFFSETS = 2 * PADDING + 1
# How many ways there are to crop and reflect a picture.
VARIANTS = 2 * _OFFSETS * _OFFSETS


def augmented(pictures: Tensor, variants: Tensor) -> Tensor:
    """Each picture padded with 4 zeros on all sides, cropped to its size again somewhere, and maybe reflected.

    Args:
        pictures: (B, C, H, W), normalized, so that zero is the mean color.
        variants: (B,), numbers below `VARIANTS`: 2 (9 r + c), r and c being the row and the column of the padded
            picture where the crop begins, plus 1 where the crop is reflected left to right.

    Returns:
        (B, C, H, W).
    """
    batch, _, height, width = pictures.shape
    reflected, offsets = (variants % 2).bool(), variants // 2
    rows = torch.arange(height, device=pictures.device) + (offsets // _OFFSETS).unsqueeze(1)
    columns = torch.arange(width, device=pictures.device).repeat(batch, 1)
    columns = torch.where(reflected.unsqueeze(1), width - 1 - columns, columns) + (offsets % _OFFSETS).unsqueeze(1)
    padded = F.pad(pictures, (PADDING,) * 4)
    each = torch.arange(batch, device=pictures.device).view(-1, 1, 1)
    return padded[each, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2)
