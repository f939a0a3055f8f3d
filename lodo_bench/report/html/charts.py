"""The data of the page's charts, as JSON values for its scripts."""

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
    CurveSource,
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


def curve_charts(groups: Sequence[ResultGroup], curves: CurveSource, bound: LossBound | None) -> list[dict[str, Any]]:
    """Return charts of the loss by steps and, for timed runs, by training time, and of all other metrics by steps.

    Args:
        groups: the runs of one task.
        curves: source of learning curves.
        bound: asymptotic lower bound of the loss.
    """
    charts = [
        _chart("Training loss by steps", "steps", "steps", losses_by_steps(groups, curves), bound),
        _chart("Training loss by time", "training time (s)", "s", losses_by_seconds(groups, curves), bound),
    ]
    for name in metric_names(groups, curves):
        title = f"{name.replace('_', ' ').capitalize()} by steps"
        charts.append(_chart(title, "steps", "steps", metric_by_steps(groups, curves, name), None))
    return [chart for chart in charts if chart["lines"]]


def search_chart(study: StudyRecord, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Return the chart of one search: the mean and ± σ of each hyperparameter, and every individual.

    Args:
        study: a study with at least one generation.
        kinds: hyperparameter -> kind, which determines the scale; `rate` by default.
    """
    names = list(study.generations[0].mean)
    return {
        "title": study.spec.optimizer.label,
        "style": _style(line_style_of(study.spec.optimizer.name)),
        "generations": len(study.generations),
        "panels": [_panel(study, name, kinds.get(name, "rate")) for name in names],
        "individuals": [_individual(individual, names, study) for individual in study.individuals],
    }


def _chart(title: str, x: str, unit: str, series: Sequence[PlotSeries], bound: LossBound | None) -> dict[str, Any]:
    limits = axis_limits([line.band for line in series])
    return {
        "title": title,
        "x": x,
        "unit": unit,
        "bound": None if bound is None else {"name": bound.name, "loss": _rounded(bound.loss)},
        "ceiling": None if limits.ceiling is None else _rounded(limits.ceiling),
        "lines": [
            {
                "label": line.label,
                "style": _style(line.line_style),
                "clipped": None if peak is None else off_scale_note(line.label, peak),
                **_band(line.band),
            }
            for line, peak in zip(series, limits.peaks, strict=True)
        ],
    }


def _band(band: CurveBand) -> dict[str, Any]:
    return {
        "x": _list(band.x),
        "middle": _list(band.middle),
        "low": _list(band.low),
        "high": _list(band.high),
        "runs": band.runs,
        "ends": [[_rounded(x), _rounded(y)] for x, y in band.ends],
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


def _individual(individual: IndividualRecord, names: Sequence[str], study: StudyRecord) -> dict[str, Any]:
    return {
        "generation": individual.generation + 1,
        "index": individual.index,
        "x": round(individual.generation + 1 + jitter(individual.index, study.spec.schedule.population), 3),
        "status": individual.status.value,
        "fitness": _rounded(individual.fitness),
        "values": [_rounded(individual.hyperparameters[name]) for name in names],
    }


def _style(style: LineStyle) -> dict[str, str]:
    return {"light": style.color.light, "dark": style.color.dark, "dash": style.dash, "marker": style.marker}


def _list(values: NDArray[np.float64]) -> list[float | None]:
    return [_rounded(value) for value in values.tolist()]


def _rounded(value: float) -> float | None:
    """Round to few digits, to keep the page small; decays near 1 keep the digits that distinguish them from 1."""
    if not math.isfinite(value):
        return None
    if 0.9 < value < 1:
        return 1 - float(f"{1 - value:.{_DIGITS}g}")
    return float(f"{value:.{_DIGITS}g}")
