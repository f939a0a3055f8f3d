"""How searches went: each hyperparameter by generation, every individual a dot (LODO App. E)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from lodo_bench.charts.line_styles import LineStyle, line_style_of
from lodo_bench.charts.searches import Spread, jitter, logit_ticks, search_spread
from lodo_bench.plots.style import CROSS, INK, figure, house_style, legend, literal, scale_axis
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import IndividualRecord, StudyRecord

_BROKEN = "#8a8a8a"


def search_figure(studies: Sequence[StudyRecord], kinds: Mapping[str, Mapping[str, Kind]]) -> Figure:
    """A row of panels for each study: its fitness and each of its hyperparameters, generation by generation.

    Dots are individuals, grey crosses those that diverged or failed, the line is the mean that a generation is drawn
    around, the band one σ of the search to each side, the ring the result.

    Args:
        studies: at least one, with at least one generation each.
        kinds: optimizer -> hyperparameter -> kind, which tells the scale.
    """
    columns = 1 + max(len(study.generations[0].mean) for study in studies)
    with house_style():
        made, panels = figure(columns, len(studies), width=2.6, height=2.4)
        for row, study in zip(panels, studies, strict=True):
            look = line_style_of(study.spec.optimizer.name)
            _fitness(row[0], study, look)
            row[0].set_title(literal(f"{study.spec.optimizer.label} on {study.spec.task.label} (study {study.id})"))
            names = list(study.generations[0].mean)
            for axes, name in zip(row[1:], names, strict=False):
                _hyperparameter(axes, study, name, kinds[study.spec.optimizer.name][name])
            for axes in row[1 + len(names) :]:
                axes.set_axis_off()
        legend(made, _ENTRIES)
    return made


_DOT: dict[str, Any] = {"marker": "o", "markersize": 2.8, "linestyle": "none", "alpha": 0.55, "markeredgewidth": 0}
_CROSS: dict[str, Any] = {**CROSS, "markersize": 3.2, "markeredgewidth": 0.9, "color": _BROKEN}
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
    ("mean of the generation", {"color": INK}),
    ("± σ of the search", {"color": INK, "alpha": 0.2, "linewidth": 8}),
    ("result", {**_RING, "color": INK}),
)


def _fitness(axes: Axes, study: StudyRecord, look: LineStyle) -> None:
    """Losses; those that are not finite stand on the upper edge."""
    fine, broken = _parted(study)
    _generations(axes, study)
    axes.set_ylabel("fitness (loss)")
    losses = np.array([member.fitness for member in fine])
    scale_axis(axes, "y", losses)
    axes.plot([_place(member, study) for member in fine], losses, color=look.color.light, **_DOT)
    if broken:
        top: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot([_place(member, study) for member in broken], [1.0] * len(broken), **top, **_CROSS)


def _hyperparameter(axes: Axes, study: StudyRecord, name: str, kind: Kind) -> None:
    color = line_style_of(study.spec.optimizer.name).color.light
    fine, broken = _parted(study)
    spread = search_spread(study, name, kind)
    _generations(axes, study)
    axes.set_ylabel(name.replace("_", " "))
    _scale(axes, study, name, kind)
    for members, how in ((fine, {**_DOT, "color": color}), (broken, _CROSS)):
        axes.plot([_place(m, study) for m in members], [m.hyperparameters[name] for m in members], **how)
    _band(axes, spread, color)
    if study.hyperparameters is not None:
        axes.plot([len(study.generations) + 1], [study.hyperparameters[name]], color=color, **_RING, zorder=5)


def _band(axes: Axes, spread: Spread, color: str) -> None:
    axes.fill_between(spread.generations, spread.low, spread.high, color=color, alpha=0.15, linewidth=0)
    axes.plot(spread.generations, spread.mean, color=INK, linewidth=1.3)


def _scale(axes: Axes, study: StudyRecord, name: str, kind: Kind) -> None:
    values = [member.hyperparameters[name] for member in study.individuals]
    values += [generation.mean[name] for generation in study.generations]
    values += [] if study.hyperparameters is None else [study.hyperparameters[name]]
    if kind != "decay":
        scale_axis(axes, "y", values)
        return
    inside = [value for value in values if 0 < value < 1]
    if not inside:
        return
    axes.set_yscale("logit")
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


def _parted(study: StudyRecord) -> tuple[list[IndividualRecord], list[IndividualRecord]]:
    """The individuals with a finite fitness, and the others."""
    fine = [member for member in study.individuals if math.isfinite(member.fitness)]
    return fine, [member for member in study.individuals if not math.isfinite(member.fitness)]


def _place(member: IndividualRecord, study: StudyRecord) -> float:
    return member.generation + 1 + jitter(member.index, study.spec.schedule.population)
