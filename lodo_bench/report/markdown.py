"""Reports as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.targets import Targets
from lodo_bench.analysis.verdict import Mark
from lodo_bench.report.layout import build_section
from lodo_bench.report.table import Cell, ReportSection, Table, TableRow

_MARKS: Mapping[Mark, str] = {"": "{}", "best": "**{}**", "tied": "{} †", "undecided": "{} ?"}


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A markdown table with aligned columns; the first `left` columns to the left, numbers to the right."""
    lines = [[cell.replace("|", r"\|") for cell in line] for line in (headers, *rows)]
    widths = [max(2, *(len(line[column]) for line in lines)) for column in range(len(headers))]

    def cells(line: Sequence[str]) -> str:
        pads = [
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(pads)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([cells(lines[0]), cells(rule), *(cells(line) for line in lines[1:])])


def render(comparison: Comparison, targets: Targets | None = None) -> str:
    """The whole report on one task."""
    return render_section(build_section(comparison, targets))


def render_section(section: ReportSection) -> str:
    """A section as markdown, with a line end."""
    parts = [f"## {section.title}", _table(section.table)]
    if section.verdicts:
        parts.append(_list(section.verdicts))
    parts += [
        "Hyperparameters:",
        _list(section.hyperparameters),
        _list(f"**{note.text}**" if note.warning else note.text for note in section.notes),
    ]
    return "\n\n".join(parts) + "\n"


def _table(content: Table) -> str:
    left = sum(not head.numeric for head in content.heads)
    return table([head.title for head in content.heads], [_cells(line) for line in content.lines], left=left)


def _cells(line: TableRow) -> list[str]:
    texts = [_cell(cell) for cell in line.cells]
    return [f"*{texts[0]}*", *texts[1:]] if line.aside else texts


def _cell(cell: Cell) -> str:
    return _MARKS[cell.mark].format(cell.text)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
