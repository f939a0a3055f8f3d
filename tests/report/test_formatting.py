"""Numbers have the digits that their error allows, and are readable however large or small they are."""

import math
import random

import pytest

from lodo_bench.analysis.statistics import Summary
from lodo_bench.report.formatting import (
    NOTHING,
    interval,
    mean_alone,
    mean_and_spread,
    mean_speed,
    median_and_range,
    number,
    ratio,
    speed,
)
from lodo_bench.report.rounding import with_error

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4501.3, 760.2, "4500 ± 760"),
        (4500, 760, "4500 ± 760"),
        (9.8053, 0.1512, "9.81 ± 0.15"),
        (16.8344, 0.1211, "16.83 ± 0.12"),
        (0.00104, 2.14e-5, "0.00104 ± 0.00002"),
        (1.2e-8, 3e-9, "1.2e-08 ± 3e-09"),
        (1.23456e-8, 3.21e-9, "1.23e-08 ± 3.2e-09"),
        (1.23456e8, 4.2e6, "1.235e+08 ± 4.2e+06"),
        (50_000, 8.2, "50000 ± 8"),
        (99.961, 9.972, "100 ± 10"),  # the digit of the rounded error
        (15, 4500, "20 ± 4500"),  # a value smaller than its error keeps one digit
        (0, 3, "0 ± 3"),
        (-4.512, 0.312, "-4.51 ± 0.31"),
        (0.5, 1e-9, "0.5000000 ± 1e-09"),  # not a line full of digits
        (7.412345, 0.0, "7.412 ± 0"),
        (1e155, INF, "1e+155 ± inf"),
    ],
)
def test_a_value_ends_at_the_digit_of_its_error(value, error, text):
    assert with_error(value, error) == text
    assert mean_and_spread(Summary(value, error, 8, 0)) == text
    assert mean_alone(Summary(value, error, 8, 0)) == text.partition(" ± ")[0]


def test_rounded_texts_are_never_far_from_the_numbers():
    generator = random.Random(1)
    for _ in range(2000):
        value = generator.choice([-1, 1]) * 10 ** generator.uniform(-12, 12)
        error = abs(value) * 10 ** generator.uniform(-5, 0)
        first, second = map(float, with_error(value, error).split(" ± "))
        assert abs(first - value) <= 0.06 * error
        assert abs(second - error) <= 0.06 * error


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (None, NOTHING),
        (Summary(NAN, NAN, 0, 2), NOTHING),
        (Summary(148748.3, 16076.1, 8, 0), "149,000 ± 16,000"),
        (Summary(17766.2, 900.4, 8, 0), "17,770 ± 900"),
        (Summary(0.15712, 0.00213, 8, 0), "0.1571 ± 0.0021"),
        (Summary(5120, NAN, 1, 0), "5,120"),
    ],
)
def test_speeds_have_thousands_separators(summary, text):
    assert mean_speed(summary) == text


@pytest.mark.parametrize(
    ("value", "text"), [(12345.4, "12,345"), (1e7, "10,000,000"), (0.157, "0.157"), (NAN, NOTHING)]
)
def test_a_single_speed_has_all_its_digits(value, text):
    assert speed(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(4500.6, 2, "4500"), (123456.7, 4, "123500"), (1.5e6, 4, "1.5e+06"), (1e-4, 4, "0.0001"), (1.20e-5, 3, "1.2e-05")],
)
def test_large_numbers_are_written_out(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.31, "1.3×"), (899.6, "900×"), (1.04, "1.0×"), (12.4, "12×"), (0.523, "0.52×"), (9.96, "10×"), (NAN, NOTHING)],
)
def test_ratios_have_two_digits(value, text):
    assert ratio(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], NOTHING),
        ([3.14159], "3.142"),
        ([9.8012, 9.7034, 9.9421], "9.80 [9.70 to 9.94]"),
        ([5.8e-4, 1.4e-3, 5.7e-5], "0.00058 [0.000057 to 0.00140]"),  # the smallest keeps two digits
        ([2.0, 4.0, 1.0, 3.0], "2.5 [1.0 to 4.0]"),
        ([9.8012, NAN, 9.9421], "9.942 [9.801 to diverged]"),
        ([INF, NAN, 1.0], "diverged [1 to diverged]"),
        ([2.0, 2.0], "2 [2 to 2]"),
    ],
)
def test_several_searches_have_a_median_and_a_range(values, text):
    assert median_and_range(values) == text
    assert median_and_range(reversed(values)) == text


@pytest.mark.parametrize(
    ("ends", "text"), [((9.70234, 9.94421), "9.70 to 9.94"), ((NAN, 1.0), ""), ((900.2, 4000.1), "900 to 4000")]
)
def test_intervals_end_at_the_digit_of_their_width(ends, text):
    assert interval(*ends) == text
