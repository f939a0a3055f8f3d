"""A report as one HTML page that needs nothing else: no other file, no network."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lodo_bench.analysis.verdict import Mark
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.series import Curves
from lodo_bench.report.formatting import counted, hyperparameter_list
from lodo_bench.report.html.charts import charts_of, search_of
from lodo_bench.report.html.provenance import LineOrigin, origin_of
from lodo_bench.report.table import ReportSection
from lodo_bench.spec.options import Kind
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound

_SCRIPTS = ("draw.js", "chart.js", "search.js", "table.js")
_SIGNS: Mapping[Mark, str] = {"": "", "best": "", "tied": " †", "undecided": " ?"}


@dataclass(frozen=True, slots=True)
class Task:
    """What a page shows of one task.

    Attributes:
        title: the task with its options.
        section: the comparison; None if there are no final runs.
        lines: the final runs.
        bound: the loss that nothing can beat in the long run, where known.
        studies: the searches.
        kinds: optimizer -> hyperparameter -> kind, of all that are searched.
    """

    title: str
    section: ReportSection | None
    lines: Sequence[ResultGroup]
    bound: LossBound | None
    studies: Sequence[StudyRecord]
    kinds: Mapping[str, Mapping[str, Kind]]


@dataclass(frozen=True, slots=True)
class _Search:
    """The heading of a search."""

    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class _TaskView:
    """What the template is given of a task: texts and tables; the pictures are data for the scripts."""

    title: str
    section: ReportSection | None
    charts: Sequence[str]
    searches: Sequence[_Search]
    lines: Sequence[LineOrigin]


def render(tasks: Sequence[Task], curves: Curves, about: str) -> str:
    """The whole page.

    It asks for nothing from anywhere: its style and scripts are in it, and its content security policy, which names
    them by their hashes, forbids everything else, so that no text of a database can become a script.

    Args:
        tasks: what to show.
        curves: where whole curves are.
        about: a sentence on when and from what the page was made.
    """
    views, data = [], []
    for task in tasks:
        charts = charts_of(task.lines, curves, task.bound)
        studies = [study for study in task.studies if study.generations and study.generations[0].mean]
        searches = [search_of(study, task.kinds[study.spec.optimizer.name]) for study in studies]
        data.append({"charts": charts, "searches": searches})
        titles = [chart["title"] for chart in charts]
        headings = [_search(study) for study in studies]
        views.append(_TaskView(task.title, task.section, titles, headings, [origin_of(line) for line in task.lines]))
    return _fill(views, data, about)


def _fill(views: Sequence[_TaskView], data: Sequence[Mapping[str, Any]], about: str) -> str:
    style, script = _text("page.css"), f'"use strict";\n{"".join(map(_text, _SCRIPTS))}'
    page = _environment().get_template("page.html.j2")
    return page.render(
        about=about,
        tasks=views,
        signs=_SIGNS,
        data=embedded({"tasks": data}),
        style=Markup(style),
        style_hash=_source_hash(style),
        script=Markup(script),
        script_hash=_source_hash(script),
    )


def embedded(document: Mapping[str, Any]) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _source_hash(text: str) -> str:
    """How a content security policy names an element's text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _search(study: StudyRecord) -> _Search:
    spec = study.spec
    parts = [f"study {study.id}", f"schedule {spec.schedule.name}", f"seed {spec.seed}", study.status]
    parts.append(f"{counted(len(study.generations), 'generation')}, {counted(len(study.individuals), 'individual')}")
    parts += [
        f"{count} {status.value}" for status in (Status.DIVERGED, Status.FAILED) if (count := study.count(status))
    ]
    result = hyperparameter_list((study.hyperparameters or {}).items())
    return _Search(spec.optimizer.label, "; ".join([*parts, result] if result else parts))


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
    environment.filters["sorted_by"] = _sorted_by
    return environment


def _sorted_by(value: float | None) -> str:
    """What a cell is sorted by; nothing for what is no number."""
    return "" if value is None or math.isnan(value) else repr(float(value)).replace("inf", "Infinity")


def about_text(made: str, versions: str, tasks: Iterable[Task]) -> str:
    """`Made 2026-05-06 07:08 UTC by lodo-bench 0.1.0 from 88 runs and 11 searches.`"""
    runs, searches = 0, 0
    for task in tasks:
        runs += sum(len(line.members) for line in task.lines)
        searches += len(task.studies)
    return f"Made {made} by {versions} from {counted(runs, 'run')} and {counted(searches, 'search', 'searches')}."
