"""A report on a terminal of any width, theme and encoding: no number and no name is broken or lost."""

import re
from itertools import pairwise

import pytest

from tests.cli.views.sections import LONG_NAME, LOSSES, NAMES, SPEEDS, TARGETS, VERDICT
from tests.cli.views.terminals import on_terminal, plain_lines

PROGRAM = "tests.cli.views.sections"
TEXTS = (*NAMES, *LOSSES, *SPEEDS, *TARGETS)


def tables(lines):
    """The lines above the verdict."""
    return lines[: next(i for i, line in enumerate(lines) if line.startswith(("•", "*")))]


@pytest.mark.parametrize("columns", [50, 60, 80, 120, 200])
def test_every_name_and_number_is_whole(columns):
    lines = plain_lines(on_terminal(PROGRAM, columns))
    assert max(map(len, lines)) <= columns
    shown = [part for line in tables(lines) for part in re.split(r"\s{2,}", line.strip())]
    for text in TEXTS:
        assert any(part.removesuffix(" †").removesuffix(" ?") == text for part in shown), text
    assert "…" not in "".join(lines)
    assert not any("published" in line for line in lines)  # has dashes only
    assert VERDICT in " ".join(" ".join(lines).split())


@pytest.mark.parametrize(("columns", "blocks"), [(60, 3), (80, 2), (120, 1), (200, 1)])
def test_a_wide_table_is_divided_and_names_its_rows_again(columns, blocks):
    lines = tables(plain_lines(on_terminal(PROGRAM, columns)))
    assert sum(line.startswith("adam ") for line in lines) == blocks
    assert sum(line.startswith(LONG_NAME) for line in lines) == blocks


def test_rows_of_a_very_narrow_terminal_are_records():
    lines = plain_lines(on_terminal(PROGRAM, 30))
    assert "adam" in lines
    assert any(line.strip() == SPEEDS[3] for line in lines)
    start, _, end = TARGETS[3].partition(" (")  # longer than the terminal, and broken between words
    assert any(line.strip() == start and below.strip() == f"({end}" for line, below in pairwise(lines))


def test_the_best_is_bold_and_green_and_the_tied_has_its_sign():
    written = on_terminal(PROGRAM, 120).decode()
    assert "\x1b[1;32m9.81 ± 0.15\x1b[0m" in written
    assert "\x1b[32m9.95 ± 0.21 †\x1b[0m" in written
    assert "**" not in written


def test_marks_do_not_move_the_numbers():
    lines = plain_lines(on_terminal(PROGRAM, 120))
    ends = {line.index(text) + len(text) for text in LOSSES for line in tables(lines) if text in line}
    assert len(ends) == 1


def test_without_color_there_is_none():
    written = on_terminal(PROGRAM, 120, NO_COLOR="1").decode()
    assert "\x1b[1m9.81 ± 0.15\x1b[0m" in written
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", written)


def test_without_styles_the_marks_are_those_of_markdown():
    written = on_terminal(PROGRAM, 120, TERM="dumb").decode()
    assert "\x1b" not in written
    assert "**9.81 ± 0.15**" in written and "9.95 ± 0.21 †" in written
    assert "148,700 ± 16,100 [a]" in written  # in a line of 120 columns


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_every_encoding_can_show_it(encoding):
    lines = plain_lines(on_terminal(PROGRAM, 80, PYTHONIOENCODING=encoding), encoding)
    text = "\n".join(lines)
    assert "?" not in text.replace(" ?", "")
    assert "<= 10" in text
    assert ("9.81 ± 0.15" if encoding != "ascii" else "9.81 +/- 0.15") in text
    heads = [index for index, line in enumerate(lines) if line.startswith("optimizer")]
    assert all(set(lines[index + 1]) == {"-"} for index in heads)
    rows = [line for line in tables(lines)[heads[-1] + 2 :] if "[" in line]
    assert len({len(line) for line in rows}) == 1  # still aligned
