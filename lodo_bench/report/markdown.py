"""Reports as markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.targets import Targets
from lodo_bench.analysis.verdict import Mark
from lodo_bench.report.empty_columns import without_empty_columns
from lodo_bench.report.section import ReportSection, Table, TableRow, build_section

MARKS: Mapping[Mark, str] = {
    "": "{}",
    "best": "**{}**",
    "tied": "{} †",
    "undecided": "{} ?",
    "better": "{} ▲",
    "worse": "{} ▼",
}
"""Mark of a cell -> its markdown, where `{}` is the text."""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a markdown table with aligned columns: the first `left` columns to the left, the others to the right."""
    lines = [[_escaped(text) for text in line] for line in (headers, *rows)]
    widths = [max(2, *(len(line[column]) for line in lines)) for column in range(len(headers))]

    def cells(line: Sequence[str]) -> str:
        pads = [
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(pads)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([cells(lines[0]), cells(rule), *(cells(line) for line in lines[1:])])


def _escaped(text: str) -> str:
    """Escape the pipes of a cell, and the backslashes directly before them, which would undo that."""
    return re.sub(r"(\\*)\|", r"\1\1\|", text)


def render(comparison: Comparison, targets: Targets | None = None) -> str:
    """Render the report on one task."""
    return render_section(build_section(comparison, targets))


def render_section(section: ReportSection) -> str:
    """Render a section, ending with a newline."""
    parts = [f"## {section.title}", _table(section.table)]
    if section.verdicts:
        parts.append(_list(section.verdicts))
    if section.costs is not None:
        parts += ["Cost:", _table(section.costs)]
    parts += [
        "Hyperparameters:",
        _list(section.hyperparameters),
        _list(f"**{note.text}**" if note.warning else note.text for note in section.footnotes),
    ]
    return "\n\n".join(parts) + "\n"


def _table(whole: Table) -> str:
    content = without_empty_columns(whole)
    left = sum(not head.numeric for head in content.heads)
    return table([head.title for head in content.heads], [_cells(row) for row in content.rows], left=left)


def _cells(row: TableRow) -> list[str]:
    texts = [MARKS[cell.mark].format(cell.text) for cell in row.cells]
    return [f"*{texts[0]}*", *texts[1:]] if row.is_bound else texts


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
