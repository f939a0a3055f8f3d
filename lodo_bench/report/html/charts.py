"""The data of the page's charts, as JSON values for its scripts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodo_bench.charts.axis_limits import AxisLimits, off_scale_note
from lodo_bench.charts.captions import curves_caption, search_caption
from lodo_bench.charts.curves import CurveBand
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.line_styles import LineStyle, line_style_of
from lodo_bench.charts.rows import X_LABELS, ChartRow, XAxis, loss_rows, metric_row
from lodo_bench.charts.searches import fitness_limits, jitter, search_spread
from lodo_bench.charts.series import CurveSource, PlotSeries, metric_names
from lodo_bench.charts.visible import EmptyChartError, invisible_note, is_visible
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import IndividualRecord, StudyRecord
from lodo_bench.spec.training import LossBound, TaskSpec

_DIGITS = 5
_TITLES: Mapping[XAxis, str] = {"steps": "steps", "seconds": "time"}
_UNITS: Mapping[XAxis, str] = {"steps": "steps", "seconds": "s"}


def curve_charts(
    groups: Sequence[ResultGroup], curves: CurveSource, bound: LossBound | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return charts of the loss by steps and time, of its difference to the bound, and of all other metrics by steps.

    Args:
        groups: the runs of one task.
        curves: source of learning curves.
        bound: asymptotic lower bound of the loss.

    Returns:
        The charts; those with the same `row` share a y axis. Then a sentence for each chart that would be empty.
    """
    if not groups:
        return [], []
    task = groups[0].spec.task
    charts: list[dict[str, Any]] = []
    sentences: list[str] = []
    metrics = [partial(_metric_rows, groups, curves, task, name) for name in metric_names(groups, curves)]
    for rows in (partial(loss_rows, groups, curves, task, bound), *metrics):
        try:
            for row in rows():
                charts += _charts(row, len(charts))
        except EmptyChartError as error:
            sentences.append(f"A chart is left out: {error.message}")
    return charts, sentences


def search_chart(study: StudyRecord, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Return the chart of one search: the mean and ± σ of each hyperparameter, and every individual.

    Args:
        study: a study with at least one generation.
        kinds: hyperparameter -> kind, which determines the scale; `rate` by default.
    """
    names = list(study.generations[0].mean)
    return {
        "title": study.spec.optimizer.label,
        "caption": search_caption(study),
        "ceiling": _ceiling(fitness_limits(study)),
        "style": _style(line_style_of(study.spec.optimizer.name)),
        "generations": len(study.generations),
        "panels": [_panel(study, name, kinds.get(name, "rate")) for name in names],
        "individuals": [_individual(individual, names, study) for individual in study.individuals],
    }


def _metric_rows(groups: Sequence[ResultGroup], curves: CurveSource, task: TaskSpec, name: str) -> list[ChartRow]:
    return [metric_row(groups, curves, task, name)]


def _charts(row: ChartRow, number: int) -> Iterator[dict[str, Any]]:
    """Yield the charts of a row; `number` identifies the row on its task."""
    peaks = iter(row.limits.peaks)
    for chart in row.charts:
        yield {
            "title": f"{row.quantity[0].upper()}{row.quantity[1:]} by {_TITLES[chart.x]}",
            "caption": " ".join(filter(None, [curves_caption(chart.lines), row.note])),
            "row": number,
            "quantity": row.quantity,
            "x": X_LABELS[chart.x],
            "unit": _UNITS[chart.x],
            "bound": None if row.bound is None else {"name": row.bound.name, "loss": _rounded(row.bound.loss)},
            "ceiling": _ceiling(row.limits),
            "floor": None if row.limits.floor is None else _rounded(row.limits.floor),
            "lines": [_line(line, next(peaks)) for line in chart.lines],
        }


def _line(line: PlotSeries, peak: float | None) -> dict[str, Any]:
    return {
        "label": line.label,
        "style": _style(line.line_style),
        "clipped": None if peak is None else off_scale_note(line.label, peak),
        "invisible": None if is_visible(line) else invisible_note(line.label),
        **_band(line.band),
    }


def _ceiling(limits: AxisLimits) -> float | None:
    return None if limits.ceiling is None else _rounded(limits.ceiling)


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
