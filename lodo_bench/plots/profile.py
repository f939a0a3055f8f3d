"""Performance profiles: on how many problems an optimizer is within a factor of the best (Dolan and Moré 2002)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.plots.style import drawing, figure, house_style, legend, literal, scale_axis


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """One optimizer's profile, a staircase.

    Attributes:
        label, look: what it is called and drawn with.
        factors: (K,), increasing, 1 or greater: times the best optimizer's score.
        shares: (K,), from 0 to 1: of the problems, on which it is within this factor of the best.
    """

    label: str
    line_style: LineStyle
    factors: NDArray[np.float64]
    shares: NDArray[np.float64]


def profile_figure(title: str, lines: Sequence[ProfileLine]) -> Figure:
    """The profiles over one axis of factors; higher is better, and the left end is how often it is the best."""
    with house_style():
        made, ((axes,),) = figure(1, 1, width=5.0, height=3.6)
        made.suptitle(literal(title), x=0.01, ha="left")
        axes.set(xlabel="factor τ of the least loss", ylabel="share of the problems within τ", ylim=(-0.03, 1.03))
        finite = [line.factors[np.isfinite(line.factors)] for line in lines]
        everything = np.concatenate([np.array([1.0]), *finite])
        scale_axis(axes, "x", everything)
        last = axes.get_xlim()[1]
        for index, line in enumerate(lines):
            known = np.isfinite(line.factors)
            xs, ys = line.factors[known], line.shares[known]
            if len(xs):
                xs, ys = np.append(xs, max(last, xs[-1])), np.append(ys, ys[-1])
            # Markers of different lines stand at different places, a tenth of the picture apart.
            apart = (0.1 * index / len(lines), 0.1)
            axes.plot(xs, ys, drawstyle="steps-post", markevery=apart, **drawing(line.line_style))
        legend(made, [(line.label, drawing(line.line_style)) for line in lines])
    return made
