"""The layout of a table in a given width, in which no number and no name is ever broken or cut.

A table that is too wide is divided into blocks of columns, each of which begins with the column of the names; a long
name has a line of its own above its values. If not even one column fits beside the names, every row becomes a record:
its name, and a line for each value. Only prose, such as a description, is wrapped, between words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from lodo_bench.cli.views.words import wrapped
from lodo_bench.report.formatting import NOTHING

_GAP = 2
_INDENT = 2
# A text that is longer than this, and has spaces, is prose, which is wrapped rather than given a block of its own.
_PROSE = 32
# A name that is longer than this share of the width has a line of its own where the table does not fit otherwise.
_LONG_NAME = 1 / 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        text: its text.
        style: such as `bold green`.
        pad: blanks after the text, so that numbers with and without a mark are aligned.
    """

    text: str
    style: str = ""
    pad: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: titles, which columns are numeric and aligned to the right, and rows, which begin with a name."""

    titles: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Cell]]


def table_lines(grid: Grid, width: int, rule: str = "─") -> list[Text]:
    """Return the lines of a table.

    Args:
        grid: the table, with at least one column.
        width: of the terminal, in columns.
        rule: the character below the titles.
    """
    names = _names_width(grid, width)
    least = [names, *(_least_width(grid, index, width - _GAP - names) for index in range(1, len(grid.titles)))]
    blocks = _blocks(least, width)
    if any(_total(least, block) > width for block in blocks):
        return list(_records(grid, width))
    lines: list[Text] = []
    for block in blocks:
        lines += [Text()] if lines else []
        lines += _block(grid, _grown(grid, least, block, width), width, rule)
    return lines


def _cells(grid: Grid, index: int) -> list[str]:
    return [row[index].text for row in grid.rows]


def _longest(grid: Grid, index: int) -> int:
    return max((cell_len(row[index].text) + row[index].pad for row in grid.rows), default=0)


def _natural_width(grid: Grid, index: int) -> int:
    return max(cell_len(grid.titles[index]), _longest(grid, index))


def _names_width(grid: Grid, width: int) -> int:
    """Return the width of the first column: of all its names, or of the short ones if the table does not fit."""
    every = range(len(grid.titles))
    whole = _natural_width(grid, 0)
    if _total([_natural_width(grid, index) for index in every], every) <= width:
        return whole
    short = [length for length in map(cell_len, _cells(grid, 0)) if length <= max(_LONG_NAME * width, _PROSE / 2)]
    return min(whole, max([cell_len(grid.titles[0]), *short]))


def _least_width(grid: Grid, index: int, beside: int) -> int:
    """Return the width that a column needs beside the names: its title is wrapped between words, and so is prose."""
    cells, title = _cells(grid, index), max(map(cell_len, grid.titles[index].split()), default=0)
    whole = _longest(grid, index)
    if not grid.numeric[index] and any(cell_len(text) > _PROSE and " " in text for text in cells):
        words = max(cell_len(line) for text in cells for line in wrapped(text, 1))
        whole = min(whole, max(words, min(_PROSE, beside)))
    return max(whole, title)


def _total(widths: Sequence[int], block: Sequence[int]) -> int:
    return sum(widths[index] for index in block) + _GAP * (len(block) - 1)


def _blocks(least: Sequence[int], width: int) -> list[list[int]]:
    """Return the columns of each block: the names, and as many others as fit."""
    blocks = [[0]]
    for index in range(1, len(least)):
        if len(blocks[-1]) > 1 and _total(least, [*blocks[-1], index]) > width:
            blocks.append([0])
        blocks[-1].append(index)
    return blocks


def _grown(grid: Grid, least: Sequence[int], block: Sequence[int], width: int) -> dict[int, int]:
    """Return the widths of a block's columns, which share the space that is left over."""
    left, widths = width - _total(least, block), {0: least[0]}
    for index in block[1:]:
        growth = min(_natural_width(grid, index) - least[index], left)
        widths[index], left = least[index] + growth, left - growth
    return widths


def _block(grid: Grid, widths: dict[int, int], width: int, rule: str) -> Iterator[Text]:
    titles = [Cell(title, "bold") for title in grid.titles]
    yield from _row(grid, titles, widths, at_bottom=True)
    yield Text(rule * (sum(widths.values()) + _GAP * (len(widths) - 1)), "dim")
    for row in grid.rows:
        name = row[0]
        if cell_len(name.text) > widths[0]:
            yield from (Text(line, name.style) for line in wrapped(name.text, width))
            row = [Cell(""), *row[1:]]
        yield from _row(grid, row, widths, at_bottom=False)


def _row(grid: Grid, row: Sequence[Cell], widths: dict[int, int], *, at_bottom: bool) -> Iterator[Text]:
    """Yield the lines of a row; the cells of titles stand at the bottom."""
    parts = {index: wrapped(row[index].text, width) for index, width in widths.items()}
    height = max(map(len, parts.values()))
    for number in range(height):
        line = Text()
        for index, width in widths.items():
            offset = height - len(parts[index]) if at_bottom else 0
            text = parts[index][number - offset] if 0 <= number - offset < len(parts[index]) else ""
            pad = " " * (row[index].pad if grid.numeric[index] else 0)
            space = " " * (width - cell_len(text) - len(pad))
            line.append(space if grid.numeric[index] else "")
            line.append(text, row[index].style)
            line.append((pad if grid.numeric[index] else space) + " " * _GAP)
        yield line


def _records(grid: Grid, width: int) -> Iterator[Text]:
    column = max((cell_len(title) for title in grid.titles[1:]), default=0) + _GAP
    for number, (name, *cells) in enumerate(grid.rows):
        if number:
            yield Text()
        for part in wrapped(f"{grid.titles[0]} {name.text}".strip() if grid.numeric[0] else name.text, width):
            yield Text(part, name.style or "bold")
        for title, cell in zip(grid.titles[1:], cells, strict=True):
            if cell.text == NOTHING:
                continue
            yield from _field(title, cell, column, width)


def _field(title: str, cell: Cell, column: int, width: int) -> Iterator[Text]:
    """Yield a value beside its title, or below it where that is too narrow."""
    indent = " " * _INDENT
    parts = wrapped(cell.text, max(width - _INDENT - column, 1))
    if max(map(cell_len, parts)) > width - _INDENT - column or math.ceil(width / 2) < column:
        yield Text(f"{indent}{title}")
        parts, column, title = wrapped(cell.text, width - 2 * _INDENT), _INDENT, ""
    for part in parts:
        yield Text.assemble(indent, title.ljust(column), (part, cell.style))
        title = ""
