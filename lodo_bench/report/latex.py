"""Reports as LaTeX tables, which need the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.targets import Targets
from lodo_bench.analysis.verdict import Mark
from lodo_bench.report.empty_columns import without_empty_columns
from lodo_bench.report.section import ReportSection, Table, TableRow, build_section

_ESCAPES: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "±": r"$\pm$",
    "≤": r"$\le$",
    "×": r"$\times$",
    "–": "--",
    "−": "$-$",
    "†": r"$^\dagger$",
    "§": r"\S{}",
    "¶": r"\P{}",
    "σ": r"$\sigma$",
    "β": r"$\beta$",
    "²": "$^2$",
    "³": "$^3$",
}
_EXPONENT = re.compile(r"(?<=\d)e([+-]\d+)\b")
_MARKS: Mapping[Mark, str] = {
    "": "{}",
    "best": r"\textbf{{{}}}",
    "tied": r"{}$^\dagger$",
    "undecided": r"{}$^?$",
    "better": r"{}$^\blacktriangle$",
    "worse": r"{}$^\blacktriangledown$",
}


def render(comparison: Comparison, targets: Targets | None = None) -> str:
    """Render the report on one task: a table with a caption, and its verdicts and footnotes below it."""
    return render_section(build_section(comparison, targets))


def render_section(section: ReportSection) -> str:
    """Render a section, ending with a newline."""
    notes = [*section.verdicts, *(f"Hyperparameters of {text}." for text in section.hyperparameters)]
    notes += [note.text for note in section.footnotes]
    lines = [
        "% Needs \\usepackage{booktabs}.",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(section.title)}}}",
        *_table(section.table),
        *([] if section.costs is None else [r"\par\medskip", *_table(section.costs)]),
        r"\par\medskip\footnotesize\raggedright",
        *(rf"{escaped(text)}\par" for text in notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Escape text for LaTeX; an exponent becomes a power of ten."""
    shown = "".join(_ESCAPES.get(character, character) for character in text)
    return _EXPONENT.sub(lambda found: rf"$\times 10^{{{int(found[1])}}}$", shown)


def _table(whole: Table) -> list[str]:
    content = without_empty_columns(whole)
    kinds = "".join("r" if head.numeric else "l" for head in content.heads)
    return [
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _line([escaped(head.title) for head in content.heads]),
        r"\midrule",
        *(_line(_cells(row)) for row in content.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _line(cells: list[str]) -> str:
    # The empty group keeps a cell that starts with a bracket or a star from being an argument of the previous line.
    return "{}" + " & ".join(cells) + r" \\"


def _cells(row: TableRow) -> list[str]:
    texts = [_MARKS[cell.mark].format(escaped(cell.text)) for cell in row.cells]
    return [rf"\emph{{{texts[0]}}}", *texts[1:]] if row.is_bound else texts
