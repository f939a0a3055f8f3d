"""A report as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lodo_bench.analysis.documents import damaged_document
from lodo_bench.analysis.edges import edges_of
from lodo_bench.charts.captions import search_caption
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.series import CurveSource
from lodo_bench.report.empty_columns import without_empty_columns
from lodo_bench.report.formatting import counted, hyperparameter_list
from lodo_bench.report.html.cells import cells
from lodo_bench.report.html.charts import curve_charts, search_chart
from lodo_bench.report.html.provenance import GroupProvenance, group_provenance
from lodo_bench.report.section import ReportSection
from lodo_bench.results.damage import Damage, left_out
from lodo_bench.spec.options import Kind
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound

_SCRIPTS = ("draw.js", "edges.js", "save.js", "values.js", "chart.js", "search.js", "table.js")
_SERVED_SCRIPTS = (*_SCRIPTS, "refresh.js")


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task of the page.

    Attributes:
        title: label of the task.
        section: the comparison; None if there are no final runs.
        groups: the final runs.
        drawn: those whose curves are drawn, and a sentence if they are not all.
        bound: asymptotic lower bound of the loss, where known.
        num_searches: the number of hyperparameter searches.
        load_studies: returns those that are drawn, one at a time.
        searches_note: a sentence about those that are not; empty if there are none.
        kinds_of: returns the kinds of the hyperparameters of a study by name.
    """

    title: str
    section: ReportSection | None
    groups: Sequence[ResultGroup]
    drawn: tuple[Sequence[ResultGroup], str]
    bound: LossBound | None
    num_searches: int
    load_studies: Callable[[], Iterable[StudyRecord]]
    searches_note: str
    kinds_of: Callable[[StudyRecord], Mapping[str, Kind]]


@dataclass(frozen=True, slots=True)
class _SearchHeading:
    """Title, summary and caption of a hyperparameter search."""

    title: str
    summary: str
    caption: str


@dataclass(frozen=True, slots=True)
class _TaskView:
    """The text and tables of a task for the template; the charts are data for the scripts."""

    title: str
    section: ReportSection | None
    charts: Sequence[Mapping[str, Any]]
    left_out: Sequence[str]
    searches: Sequence[_SearchHeading]
    searches_note: str
    provenances: Sequence[GroupProvenance]


def render(
    tasks: Sequence[TaskReport],
    curves: CurveSource,
    about: str,
    version: str = "",
    damaged: Callable[[], Sequence[Damage]] = tuple,
) -> str:
    """Render the whole page.

    The page loads nothing: styles and scripts are inline, and the content security policy, which lists them by hash,
    blocks everything else, so that no text of a database can run as a script. Only a page with a version asks its
    server for the present one.

    Args:
        tasks: sections of the page.
        curves: source of learning curves.
        about: a sentence about the page's origin.
        version: of the data, for a page that asks its server for the present version and reloads itself.
        damaged: returns the rows that were left out; called when all curves and studies have been read.
    """
    views, data = [], []
    for task in tasks:
        groups, note = task.drawn
        charts, unseen = curve_charts(groups, curves, task.bound)
        searches, headings = [], []
        for study in task.load_studies():
            if not study.generations:  # all of them are damaged
                continue
            searches.append(search_chart(study, task.kinds_of(study)))
            headings.append(_search_heading(study))
        data.append({"title": task.title, "charts": charts, "searches": searches})
        provenances = [group_provenance(group) for group in task.groups]
        notes = [*filter(None, [note]), *unseen]
        views.append(_TaskView(task.title, task.section, charts, notes, headings, task.searches_note, provenances))
    return _fill(views, data, about, version, damaged())


def _fill(
    views: Sequence[_TaskView],
    data: Sequence[Mapping[str, Any]],
    about: str,
    version: str,
    damaged: Sequence[Damage],
) -> str:
    scripts = _SERVED_SCRIPTS if version else _SCRIPTS
    style, script = _text("page.css"), f'"use strict";\n{"".join(map(_text, scripts))}'
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            about=about,
            version=version,
            warnings=left_out(damaged),
            tasks=views,
            data=embedded({"tasks": data, **damaged_document(damaged)}),
            style=Markup(style),
            style_hash=_source_hash(style),
            script=Markup(script),
            script_hash=_source_hash(script),
        )
    )


def embedded(document: Mapping[str, Any]) -> Markup:
    """Return JSON that is safe inside a script element: it cannot end the element or start a comment."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _source_hash(text: str) -> str:
    """Return the hash of an element's text in the form of a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _search_heading(study: StudyRecord) -> _SearchHeading:
    spec = study.spec
    parts = [f"study {study.id}", f"schedule {spec.schedule.name}", f"seed {spec.seed}", study.status]
    parts.append(f"{counted(len(study.generations), 'generation')}, {counted(len(study.individuals), 'individual')}")
    parts += [
        f"{count} {status.value}" for status in (Status.DIVERGED, Status.FAILED) if (count := study.count(status))
    ]
    result = hyperparameter_list(study.hyperparameters or {}, edges_of(spec.optimizer, study.hyperparameters))
    return _SearchHeading(spec.optimizer.label, "; ".join([*parts, result] if result else parts), search_caption(study))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lodo_bench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cells"] = cells
    environment.filters["without_empty_columns"] = without_empty_columns
    return environment


def about_text(created: str, versions: str, tasks: Iterable[TaskReport]) -> str:
    """Return `Created 2026-05-06 07:08 UTC by lodo-bench 0.1.0 from 88 runs and 11 searches.`"""
    runs, searches = 0, 0
    for task in tasks:
        runs += sum(len(group.members) for group in task.groups)
        searches += task.num_searches
    return f"Created {created} by {versions} from {counted(runs, 'run')} and {counted(searches, 'search', 'searches')}."
