"""The formats of reports, and which one an output file asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lodo_bench.errors import UsageError, check_choice

if TYPE_CHECKING:
    from lodo_bench.analysis.comparison import Comparison
    from lodo_bench.analysis.targets import Targets
    from lodo_bench.results.store import Store


@dataclass(frozen=True, slots=True)
class ReportData:
    """What a report is made of.

    Attributes:
        reports: the comparisons, each with its targets if any were asked for.
        task: the task that was asked for, if it was only one.
        store: for what else a format shows.
    """

    reports: Sequence[tuple[Comparison, Targets | None]]
    task: str | None
    store: Store


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the endings of its files, and what writes it, with a line end."""

    suffixes: tuple[str, ...]
    render: Callable[[ReportData], str]


def format_of(name: str | None, output: str | None, formats: Mapping[str, Iterable[str]], default: str) -> str:
    """The format of this name, or the one that the ending of the output file tells, or the default without a file.

    Args:
        name: what the user asks for.
        output: the file.
        formats: name -> endings of files.
        default: for standard output.

    Raises:
        UsageError: if it cannot be told, or the ending is that of another format.
    """
    known = {suffix: kind for kind, suffixes in formats.items() for suffix in suffixes}
    told = known.get(Path(output).suffix.lower()) if output else None
    if name is not None:
        check_choice(name, tuple(formats), "format")
        if told not in (None, name):
            raise UsageError(f"--format {name} and --output {output} contradict each other: that is a file of {told}.")
        return name
    if output and told is None:
        raise UsageError(
            f"what format is '{output}' to have? Name one with --format ({', '.join(formats)}), or give the file one "
            f"of the endings {', '.join(known)}."
        )
    return told or default


def _markdown(material: ReportData) -> str:
    from lodo_bench.report.markdown import render

    return "\n".join(render(*report) for report in material.reports)


def _latex(material: ReportData) -> str:
    from lodo_bench.report.latex import render

    return "\n".join(render(*report) for report in material.reports)


def _csv(material: ReportData) -> str:
    from lodo_bench.report.csv import render

    return render(material.reports)


def _json(material: ReportData) -> str:
    from lodo_bench.files.json import as_json
    from lodo_bench.report.json import document

    return as_json(document(material.reports)) + "\n"


def _html(material: ReportData) -> str:
    from lodo_bench.report.html.assemble import page

    return page(material)


REPORT_FORMATS: Mapping[str, Format] = {
    "markdown": Format((".md", ".markdown"), _markdown),
    "html": Format((".html", ".htm"), _html),
    "latex": Format((".tex",), _latex),
    "csv": Format((".csv",), _csv),
    "json": Format((".json",), _json),
}
