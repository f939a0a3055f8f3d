"""The content of a page's pictures, as plain values for JSON: what its scripts draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodo_bench.charts.axis_limits import axis_limits, off_scale_note
from lodo_bench.charts.curves import CurveBand
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.line_styles import LineStyle, line_style_of
from lodo_bench.charts.searches import jitter, search_spread
from lodo_bench.charts.series import (
    Curves,
    PlotSeries,
    losses_by_seconds,
    losses_by_steps,
    metric_by_steps,
    metric_names,
)
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import IndividualRecord, StudyRecord
from lodo_bench.spec.training import LossBound

_DIGITS = 5


def charts_of(lines: Sequence[ResultGroup], curves: Curves, bound: LossBound | None) -> list[dict[str, Any]]:
    """Losses by steps and, where there were clocks, by seconds, and whatever else was measured by steps.

    Args:
        lines: of one task.
        curves: where whole curves are.
        bound: the loss that nothing can beat.
    """
    found = [
        _chart("Training loss by steps", "steps", "steps", losses_by_steps(lines, curves), bound),
        _chart("Training loss by time", "training time, s", "s", losses_by_seconds(lines, curves), bound),
    ]
    for name in metric_names(lines, curves):
        title = f"{name.replace('_', ' ').capitalize()} by steps"
        found.append(_chart(title, "steps", "steps", metric_by_steps(lines, curves, name), None))
    return [chart for chart in found if chart["lines"]]


def search_of(study: StudyRecord, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """One search: each hyperparameter's mean and spread, and every individual.

    Args:
        study: with one generation at least.
        kinds: hyperparameter -> kind, which tells the scale.
    """
    names = list(study.generations[0].mean)
    return {
        "title": study.spec.optimizer.label,
        "look": _look(line_style_of(study.spec.optimizer.name)),
        "generations": len(study.generations),
        "panels": [_panel(study, name, kinds[name]) for name in names],
        "individuals": [_individual(member, names, study) for member in study.individuals],
    }


def _chart(title: str, x: str, unit: str, drawn: Sequence[PlotSeries], bound: LossBound | None) -> dict[str, Any]:
    framed = axis_limits([line.band for line in drawn])
    return {
        "title": title,
        "x": x,
        "unit": unit,
        "bound": None if bound is None else {"name": bound.name, "loss": _rounded(bound.loss)},
        "ceiling": None if framed.ceiling is None else _rounded(framed.ceiling),
        "lines": [
            {
                "label": line.label,
                "look": _look(line.line_style),
                "leaving": None if peak is None else off_scale_note(line.label, peak),
                **_course(line.band),
            }
            for line, peak in zip(drawn, framed.peaks, strict=True)
        ],
    }


def _course(course: CurveBand) -> dict[str, Any]:
    return {
        "x": _list(course.x),
        "middle": _list(course.middle),
        "low": _list(course.low),
        "high": _list(course.high),
        "runs": course.runs,
        "ends": [[_rounded(x), _rounded(y)] for x, y in course.ends],
    }


def _panel(study: StudyRecord, name: str, kind: Kind) -> dict[str, Any]:
    spread = search_spread(study, name, kind)
    return {
        "name": name.replace("_", " "),
        "scale": "logit" if kind == "decay" else "log",
        "mean": _list(spread.mean),
        "low": _list(spread.low),
        "high": _list(spread.high),
        "result": None if study.hyperparameters is None else study.hyperparameters[name],
    }


def _individual(member: IndividualRecord, names: Sequence[str], study: StudyRecord) -> dict[str, Any]:
    return {
        "generation": member.generation + 1,
        "index": member.index,
        "x": round(member.generation + 1 + jitter(member.index, study.spec.schedule.population), 3),
        "status": member.status.value,
        "fitness": _rounded(member.fitness),
        "values": [_rounded(member.hyperparameters[name]) for name in names],
    }


def _look(look: LineStyle) -> dict[str, str]:
    return {"light": look.color.light, "dark": look.color.dark, "dash": look.dash, "marker": look.marker}


def _list(values: NDArray[np.float64]) -> list[float | None]:
    return [_rounded(value) for value in values.tolist()]


def _rounded(value: float) -> float | None:
    """Few digits, as the page is to be small; decays near 1 keep the digits that tell them from 1."""
    if not math.isfinite(value):
        return None
    if 0.9 < value < 1:
        return 1 - float(f"{1 - value:.{_DIGITS}g}")
    return float(f"{value:.{_DIGITS}g}")
