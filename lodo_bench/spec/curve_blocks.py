"""Long curves have fewer losses than steps: which steps share one.

Each of the first 2^20 steps has a loss of its own. Later steps share the mean of a block, and the blocks grow with the
step number: 2^17 of them, equally long, lie between 2^k and 2^(k + 1) steps. A block so has at most a 131,072nd of the
steps before it, and the layout of a curve does not depend on how long it becomes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXACT_STEPS = 2**20
_BLOCKS = 2**17


def block_size(step: int) -> int:
    """Return the size of the block that begins after `step` steps (>= 0)."""
    return 1 if step < EXACT_STEPS else (1 << (step.bit_length() - 1)) // _BLOCKS


def next_change(step: int) -> int:
    """Return the number of steps (> `step`) after which blocks are larger than the one that begins after `step`."""
    return EXACT_STEPS if step < EXACT_STEPS else 1 << step.bit_length()


def num_blocks(steps: int) -> int:
    """Return the number of blocks of a curve of `steps` steps, of which the last may be incomplete."""
    if steps <= EXACT_STEPS:
        return steps
    octaves = (steps - 1).bit_length() - EXACT_STEPS.bit_length()  # complete ones
    begin = EXACT_STEPS << octaves
    return EXACT_STEPS + octaves * _BLOCKS + -(-(steps - begin) // block_size(begin))


def block_ends(steps: int) -> NDArray[np.int64]:
    """Return the number of steps after which each block ends, for a curve of `steps` steps; (K,)."""
    parts, begin = [np.arange(1, min(steps, EXACT_STEPS) + 1)], EXACT_STEPS
    while begin < steps:
        size = block_size(begin)
        parts.append(np.arange(begin + size, min(2 * begin, steps + size - 1) + 1, size))
        begin *= 2
    ends = np.concatenate(parts)
    ends[-1:] = steps
    return ends
