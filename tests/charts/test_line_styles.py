"""Each optimizer looks the same everywhere, and like no other in the same picture."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.analysis.published import published_optimizers
from lodo_bench.charts.line_styles import LINE_STYLES, line_style_of, line_styles_of
from lodo_bench.optimizers import OPTIMIZERS
from tests.builders import examples

WHITE, DARK = "#ffffff", "#1b1f24"
TASKS = ("quadratic", "rosenbrock", "mnist", "cifar10")
NAMES = st.sampled_from([*LINE_STYLES, "mine", "yours", "another"])


def luminance(color):
    """Of WCAG 2, from 0 to 1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_every_registered_optimizer_has_its_look():
    assert set(LINE_STYLES) == set(OPTIMIZERS.names)


@pytest.mark.parametrize("name", LINE_STYLES)
def test_no_line_is_faint(name):
    color = LINE_STYLES[name].color
    assert contrast(color.light, WHITE) >= 3
    assert contrast(color.dark, DARK) >= 3


@pytest.mark.parametrize("task", TASKS)
def test_no_two_of_a_table_are_alike_in_color_and_line_nor_in_line_and_marker(task):
    looks = [LINE_STYLES[name] for name in published_optimizers(task)]
    for one, other in combinations(looks, 2):
        assert (one.color, one.dash) != (other.color, other.dash)
        assert (one.dash, one.marker) != (other.dash, other.marker)


def test_an_optimizer_of_the_user_always_looks_the_same():
    assert line_style_of("mine") == line_style_of("mine")
    assert line_style_of("mine") != line_style_of("yours")


@examples
@given(st.lists(NAMES, max_size=12))
def test_the_lines_of_a_picture_are_all_different_and_keep_their_colors(names):
    looks = line_styles_of(names)
    assert len(set(looks)) == len(names)
    assert [look.color for look in looks] == [line_style_of(name).color for name in names]
    if names:
        assert looks[0] == line_style_of(names[0])


def test_of_several_lines_of_one_optimizer_neither_style_nor_marker_is_the_same():
    first, second, third = line_styles_of(["lodo"] * 3)
    assert len({look.dash for look in (first, second, third)}) == 3
    assert len({look.marker for look in (first, second, third)}) == 3
