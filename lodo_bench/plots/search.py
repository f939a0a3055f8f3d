"""Hyperparameter searches: fitness and each hyperparameter by generation (LODO App. E)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from lodo_bench.charts.line_styles import line_style_of
from lodo_bench.charts.searches import SearchSpread, fitness_limits, jitter, logit_ticks, search_spread
from lodo_bench.plots.marks import OFF_SCALE, mark_outside
from lodo_bench.plots.style import CROSS, INK, caption, figure, fit_y, house_style, legend, row_title, scale_axis
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import IndividualRecord, StudyRecord

_GRAY = "#8a8a8a"


def search_figure(studies: Sequence[StudyRecord], kinds: Sequence[Mapping[str, Kind]], note: str) -> Figure:
    """Draw a row of panels for each study: the fitness and each hyperparameter by generation.

    A dot is an individual, a gray cross one that diverged or failed, the line the mean of the search distribution, the
    band ± σ, the ring the result. Triangles at the edge are values outside of the axes: a fitness that would compress
    all others is clipped, by the rule of loss axes.

    Args:
        studies: at least one, each with at least one generation.
        kinds: hyperparameter -> kind, which determines the scale (`rate` by default), for each of the studies.
        note: the caption.
    """
    columns = 1 + max(len(study.generations[0].mean) for study in studies)
    entries = list(_ENTRIES)
    with house_style():
        drawn, panels = figure(columns, len(studies), width=2.6, height=2.4)
        for row, study, kinds_by_name in zip(panels, studies, kinds, strict=True):
            has_outside = _fitness(row[0], study)
            label = f"{study.spec.optimizer.label} on {study.spec.task.label} (study {study.id})"
            row_title(drawn, row[0], label)
            names = list(study.generations[0].mean)
            for axes, name in zip(row[1:], names, strict=False):
                has_outside |= _hyperparameter(axes, study, name, kinds_by_name.get(name, "rate"))
            if has_outside and OFF_SCALE not in entries:
                entries.append(OFF_SCALE)
            for axes in row[1 + len(names) :]:
                axes.set_axis_off()
        legend(drawn, entries)
        caption(drawn, note)
    return drawn


_DOT: dict[str, Any] = {"marker": "o", "markersize": 2.8, "linestyle": "none", "alpha": 0.55, "markeredgewidth": 0}
_CROSS: dict[str, Any] = {**CROSS, "markersize": 3.2, "markeredgewidth": 0.9, "color": _GRAY}
_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "markeredgewidth": 1.6,
    "linestyle": "none",
}
_ENTRIES: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("individual", {**_DOT, "color": INK}),
    ("diverged or failed", _CROSS),
    ("mean of the search", {"color": INK}),
    ("mean ± σ", {"color": INK, "alpha": 0.2, "linewidth": 8}),
    ("result", {**_RING, "color": INK}),
)


def _fitness(axes: Axes, study: StudyRecord) -> bool:
    """Draw the losses, on the upper edge those that are not finite; return true if others are outside of the axes."""
    color = line_style_of(study.spec.optimizer.name).color.light
    finite, diverged = _split(study)
    _generations(axes, study)
    axes.set_ylabel("fitness (loss)")
    places = [(_x(individual, study), individual.fitness) for individual in finite]
    fit_y(axes, fitness_limits(study).values)
    axes.plot([x for x, _ in places], [y for _, y in places], color=color, **_DOT)
    if diverged:
        top: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot([_x(individual, study) for individual in diverged], [1.0] * len(diverged), **top, **_CROSS)
    return mark_outside(axes, places, color)


def _hyperparameter(axes: Axes, study: StudyRecord, name: str, kind: Kind) -> bool:
    color = line_style_of(study.spec.optimizer.name).color.light
    finite, diverged = _split(study)
    spread = search_spread(study, name, kind)
    _generations(axes, study)
    axes.set_ylabel(name.replace("_", " "))
    _scale(axes, study, name, kind, spread)
    for individuals, style in ((finite, {**_DOT, "color": color}), (diverged, _CROSS)):
        axes.plot([_x(i, study) for i in individuals], [i.hyperparameters[name] for i in individuals], **style)
    _band(axes, spread, color)
    if study.hyperparameters is not None:
        axes.plot([len(study.generations) + 1], [study.hyperparameters[name]], color=color, **_RING, zorder=5)
    return mark_outside(axes, [(_x(i, study), i.hyperparameters[name]) for i in study.individuals], color)


def _band(axes: Axes, spread: SearchSpread, color: str) -> None:
    axes.fill_between(spread.generations, spread.low, spread.high, color=color, alpha=0.15, linewidth=0)
    axes.plot(spread.generations, spread.mean, color=INK, linewidth=1.3)


def _scale(axes: Axes, study: StudyRecord, name: str, kind: Kind, spread: SearchSpread) -> None:
    values = [individual.hyperparameters[name] for individual in study.individuals]
    values += [*spread.low.tolist(), *spread.high.tolist()]
    values += [generation.mean[name] for generation in study.generations]
    values += [] if study.hyperparameters is None else [study.hyperparameters[name]]
    if kind != "decay":
        scale_axis(axes, "y", values)
        return
    inside = [value for value in values if 0 < value < 1]
    if not inside:
        return
    axes.set_yscale("logit", nonpositive="clip")
    low, high = (math.log(value / (1 - value)) for value in (min(inside), max(inside)))
    margin = 0.05 * (high - low) + 0.2
    axes.set_ylim(*(1 / (1 + math.exp(-end)) for end in (low - margin, high + margin)))
    axes.yaxis.set_major_locator(FixedLocator(logit_ticks(*axes.get_ylim())))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _generations(axes: Axes, study: StudyRecord) -> None:
    axes.set_xlabel("generation")
    axes.set_xlim(0.4, len(study.generations) + 1.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _split(study: StudyRecord) -> tuple[list[IndividualRecord], list[IndividualRecord]]:
    """Return the individuals with a finite fitness, and the others."""
    finite = [individual for individual in study.individuals if math.isfinite(individual.fitness)]
    return finite, [individual for individual in study.individuals if not math.isfinite(individual.fitness)]


def _x(individual: IndividualRecord, study: StudyRecord) -> float:
    return individual.generation + 1 + jitter(individual.index, study.spec.schedule.population)
