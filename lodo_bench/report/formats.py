"""The formats of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lodo_bench.files.json import as_json
from lodo_bench.report import csv, json, latex, markdown
from lodo_bench.report.data import ReportData


def _page(data: ReportData) -> str:
    from lodo_bench.report.html.assemble import page  # with Jinja, which no other format needs

    return page(data)


RENDERERS: Mapping[str, Callable[[ReportData], str]] = {
    "markdown": lambda data: "\n".join(markdown.render(*comparison) for comparison in data.comparisons),
    "html": _page,
    "latex": lambda data: "\n".join(latex.render(*comparison) for comparison in data.comparisons),
    "csv": lambda data: csv.render(data.comparisons),
    "json": lambda data: as_json(json.document(data.comparisons, data.damaged())) + "\n",
}
"""Format -> function that renders a whole report, ending with a newline."""
