"""Mean and standard deviation, rounded once: the values are added up as integers.

The results are those of Python's module `statistics`, digit for digit, in a fraction of its time, which a report of
thousands of rows would notice.
"""

from __future__ import annotations

import math
from collections.abc import Collection

_ROOT_BITS = 64  # more than the 53 of a float, so that the root's last bit can say that digits follow


def exact_mean(values: Collection[float]) -> float:
    """Return the mean of finite values, at least one."""
    numerators, denominator = _fractions(values)
    return sum(numerators) / (denominator * len(numerators))


def exact_deviation(values: Collection[float]) -> float:
    """Return the sample standard deviation of finite values, at least two.

    Raises:
        OverflowError: if it is greater than any float.
    """
    numerators, denominator = _fractions(values)
    count, total = len(numerators), sum(numerators)
    squares = count * sum(each * each for each in numerators) - total * total
    return _root(squares, count * (count - 1) * denominator * denominator)


def _fractions(values: Collection[float]) -> tuple[list[int], int]:
    """Return values as the numerators of fractions with one denominator; those of floats are powers of 2."""
    ratios = [value.as_integer_ratio() for value in values]
    denominator = max(own for _, own in ratios)
    return [numerator * (denominator // own) for numerator, own in ratios], denominator


def _root(numerator: int, denominator: int) -> float:
    """Return the square root of a fraction, rounded once.

    An odd last bit of the integer root stands for all digits that follow it, so that the division rounds correctly.
    """
    shift = max(0, _ROOT_BITS - (numerator.bit_length() - denominator.bit_length()) // 2)
    whole, rest = divmod(numerator << 2 * shift, denominator)
    root = math.isqrt(whole)
    if rest or root * root != whole:
        root |= 1
    return root / (1 << shift)
