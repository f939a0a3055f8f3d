"""Stochastic rounding to bfloat16, the same in every backend.

A number is rounded up with the probability of its distance to the lower neighbor, so that short steps, which rounding
to nearest would lose, count on average. The random bits are a hash of the number's place and of the step: they need no
memory, and training continues with the same ones.
"""

from __future__ import annotations

import torch
from torch import Tensor

PLACE_FACTOR, STEP_FACTOR = 0x9E3779B9, 0x85EBCA6B
MIXING = ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1))
"""Shifts and factors of a hash of 32 bits (C. Wellons, hash-prospector): x <- (x ^ x >> shift) · factor, in turn."""
NOISE_BITS = 16

_WORD = 2**32 - 1


def seed_of(step: int) -> int:
    """Return the seed of a step, of 32 bits."""
    return step * STEP_FACTOR & _WORD


def rounded(values: Tensor, seed: int) -> Tensor:
    """Return numbers in bfloat16, each one of its two neighbors, at random; infinities and NaN stay what they are."""
    noise = torch.arange(values.numel(), device=values.device).mul_(PLACE_FACTOR).add_(seed).bitwise_and_(_WORD)
    for shift, factor in MIXING:
        noise.bitwise_xor_(noise >> shift).mul_(factor).bitwise_and_(_WORD)
    noise = noise.bitwise_and_(2**NOISE_BITS - 1).to(torch.int32)
    bits = values.to(torch.float32).contiguous().view(-1).view(torch.int32)
    return (bits + noise >> NOISE_BITS).to(torch.int16).view(torch.bfloat16).view(values.shape)
