"""Numbers as users write them, and the ranges that they must be in."""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import COUNT, FINITE, POSITIVE, SECONDS, SEED, STEPS, check, check_fields, number, shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", 0),
        ("10", 10),
        ("-3", -3),
        ("+5", 5),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.25", -0.25),
        ("1e400", math.inf),
        ("9" * 5000, math.inf),
        (str(2**64), 2**64),
    ],
)
def test_digits_with_a_sign_a_point_and_a_power_of_ten_are_a_number(text, found):
    assert number(text) == found
    assert type(number(text)) is type(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " 5",
        "5 ",
        "5\n",
        "1_0",
        "010",
        "-01.5",
        "0x10",
        "0b1",
        "1e",
        "e3",
        ".",
        "+",
        "--1",
        "1,5",
        "1 000",
        "٣",
        "１",
        "½",
        "²",
        "nan",
        "inf",
        "-Infinity",
        "10**30",
        "1e3.5",
        "true",
        "1j",
        "1\x00",
    ],
)
def test_everything_else_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize("value", [8, 8.0, 8e0, np.int64(8), np.float32(8), Fraction(8)])
def test_a_whole_number_of_any_type_is_a_count(value):
    assert check(value, COUNT, "seeds") == 8
    assert type(check(value, COUNT, "seeds")) is int


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        1.5,
        True,
        None,
        "8",
        [8],
        math.nan,
        math.inf,
        10**6 + 1,
        10**400,
        1e300,
        Decimal(8),
        pytest.param(10**5000, id="thousands of digits"),
    ],
)
def test_what_is_no_count_is_refused_with_the_largest_one(value):
    with pytest.raises(UsageError, match=r"^invalid seeds = .*: must be an integer from 1 to 1,000,000") as caught:
        check(value, COUNT, "seeds")
    assert len(str(caught.value)) < 250


def test_a_number_that_is_too_large_is_told_why():
    with pytest.raises(UsageError, match=r"\(a list of them is kept in memory\)\.$"):
        check(10**12, COUNT, "seeds")


def test_the_largest_numbers_are_allowed():
    assert check(10**6, COUNT, "seeds") == 10**6
    assert check(10**15, STEPS, "steps") == 10**15
    assert check(2**63 - 1, SEED, "seed") == 2**63 - 1
    assert check(1e9, SECONDS, "seconds") == 1e9


def test_a_float_beyond_which_integers_are_skipped_is_no_integer():
    assert SEED.read(2.0**53 - 1) == 2**53 - 1
    assert SEED.read(2.0**53) is None


@pytest.mark.parametrize("value", [10**400, Fraction(10**400), math.inf, math.nan, True, "1", None])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(UsageError, match=r"^invalid target = .*: must be a finite number\.$"):
        check(value, FINITE, "target")


def test_numbers_of_numpy_become_those_of_python():
    found = check(np.float32(0.5), POSITIVE, "rate")
    assert (found, type(found)) == (0.5, float)


def test_values_are_shown_in_short():
    assert shown("a" * 1000) == f"{'a' * 30}... (1,000 characters)"
    assert shown(10**5000) == "an integer of thousands of digits"


@dataclass(frozen=True, slots=True)
class _Record:
    seeds: int = 8
    steps: int | None = None
    studies: tuple[int, ...] = ()

    def __post_init__(self):
        check_fields(self, seeds=COUNT, steps=STEPS, studies=COUNT)


def test_fields_are_checked_and_converted():
    record = _Record(np.int64(3), 1e3, (1.0, 2))
    assert (record.seeds, record.steps, record.studies) == (3, 1000, (1, 2))
    assert [type(value) for value in (record.seeds, record.steps, *record.studies)] == [int] * 4
    assert _Record().steps is None


@pytest.mark.parametrize("values", [{"seeds": None}, {"steps": 0}, {"studies": (1, "2")}])
def test_a_field_out_of_range_is_named(values):
    with pytest.raises(UsageError, match=f"^invalid {next(iter(values))} = "):
        _Record(**values)
