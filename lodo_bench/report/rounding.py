"""Decimal rounding: to significant digits, or to the digit of an error, written plainly wherever that is readable."""

from __future__ import annotations

import math
from decimal import Decimal

# An error has two significant digits at most: more would be noise.
ERROR_DIGITS = 2
# Values between these are written without an exponent; with thousands separators, up to a larger one.
_LOW, _HIGH, _HIGH_GROUPED = 1e-4, 1e6, 1e12
# A value that is known better than to this many digits hides its error rather than filling the line with digits.
_MAX_DIGITS = 7


def rounded(value: float, digits: int, *, grouped: bool = False) -> str:
    """Return a number with at most this many significant digits, such as `4501`, `0.00104` or `1.2e-08`.

    Args:
        value: any number.
        digits: significant digits; zeros at the end of a fraction are left out.
        grouped: write thousands separators.
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if _needs_exponent(abs(value), grouped):
        return f"{value:.{digits}g}"
    text = _plain(value, _leading(value, digits) - digits + 1, grouped)
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_error(value: float, error: float, *, grouped: bool = False) -> str:
    """Return a value and its error, rounded to the same digit, such as `4500 ± 760` or `0.00104 ± 0.00002`.

    The error has two significant digits, or one where the value itself has no further decimals, as in a published
    table.

    Args:
        value: a finite number.
        error: its error, >= 0.
        grouped: write thousands separators.
    """
    if not math.isfinite(error) or error == 0:
        return f"{rounded(value, 4, grouped=grouped)} ± {rounded(error, ERROR_DIGITS, grouped=grouped)}"
    first = _leading(error, ERROR_DIGITS)
    place = max(first - ERROR_DIGITS + 1, min(_last_decimal(value), first))
    if value:
        place = min(place, _leading(value, 1))
    if value and first <= _leading(value, 1) - _MAX_DIGITS:
        place = _leading(value, 1) - _MAX_DIGITS + 1
        return f"{at_place(value, place, abs(value), grouped=grouped)} ± {rounded(error, ERROR_DIGITS)}"
    scale = max(abs(value), error)
    return " ± ".join(at_place(number, place, scale, grouped=grouped) for number in (value, error))


def at_place(value: float, place: int, scale: float, *, grouped: bool = False) -> str:
    """Return a number rounded to the decimal place 10^`place`.

    Args:
        value: a finite number.
        place: exponent of the last digit.
        scale: the largest number beside it, > 0: all are written with exponents or none.
        grouped: write thousands separators.
    """
    if not _needs_exponent(scale, grouped):
        return _plain(value, place, grouped)
    if value == 0:
        return "0"
    return f"{value:.{max(_leading(value, 1) - place, 0)}e}"


def place_of(error: float, digits: int = ERROR_DIGITS) -> int:
    """Return the exponent of the last of this many significant digits of an error > 0."""
    return _leading(error, digits) - digits + 1


def _needs_exponent(scale: float, grouped: bool) -> bool:
    return scale < _LOW or scale >= (_HIGH_GROUPED if grouped else _HIGH)


def _leading(value: float, digits: int) -> int:
    """Return the exponent of the first digit of `value` after rounding to this many significant digits."""
    return int(f"{abs(value):.{digits - 1}e}".partition("e")[2])


def _last_decimal(value: float) -> int:
    """Return the exponent of the last digit of the shortest decimal that is `value`; 0 for whole numbers."""
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return min(int(exponent), 0)


def _plain(value: float, place: int, grouped: bool) -> str:
    number = round(value, -place) if place > 0 else value
    return f"{number + 0.0:{',' if grouped else ''}.{max(-place, 0)}f}"
