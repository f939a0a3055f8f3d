"""A trial of Triton: a small kernel is compiled and launched on the GPU."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_SIZE = 16


@triton.jit
def _square(values, results, SIZE: tl.constexpr):
    at = tl.arange(0, SIZE)
    value = tl.load(values + at)
    tl.store(results + at, value * value)


def run():
    """Square some numbers, and check the results.

    Raises:
        Exception: whatever Triton, its compilers or the driver raise.
    """
    values = torch.arange(_SIZE, device="cuda", dtype=torch.float32)
    results = torch.empty_like(values)
    _square[1,](values, results, SIZE=_SIZE)
    if not torch.equal(results, values * values):
        raise ArithmeticError(f"the squares of 0 to {_SIZE - 1} are wrong")
