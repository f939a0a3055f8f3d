"""Performance profiles: the share of problems solved within a factor of the best (Dolan and Moré 2002)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.plots.style import caption, figure, headline, house_style, legend, line_arguments, scale_axis


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """The profile of one optimizer, a step function.

    Attributes:
        label, line_style: name and style.
        factors: (K,), increasing, at least 1: multiples of the best optimizer's score.
        shares: (K,), between 0 and 1: shares of the problems on which it is within this factor of the best.
    """

    label: str
    line_style: LineStyle
    factors: NDArray[np.float64]
    shares: NDArray[np.float64]


def profile_figure(title: str, lines: Sequence[ProfileLine], note: str) -> Figure:
    """Draw profiles over the factor; higher is better, and the left end is the share of problems won."""
    with house_style():
        drawn, ((axes,),) = figure(1, 1, width=5.0, height=3.6)
        headline(drawn, title)
        axes.set(xlabel="factor τ of the lowest loss", ylabel="share of problems within τ", ylim=(-0.03, 1.03))
        finite = [line.factors[np.isfinite(line.factors)] for line in lines]
        scale_axis(axes, "x", np.concatenate([np.array([1.0]), *finite]))
        last = axes.get_xlim()[1]
        for index, line in enumerate(lines):
            known = np.isfinite(line.factors)
            xs, ys = line.factors[known], line.shares[known]
            if len(xs):
                xs, ys = np.append(xs, max(last, xs[-1])), np.append(ys, ys[-1])
            spacing = (0.1 * index / len(lines), 0.1)  # staggered, so that no marker hides another
            axes.plot(xs, ys, drawstyle="steps-post", markevery=spacing, **line_arguments(line.line_style))
        legend(drawn, [(line.label, line_arguments(line.line_style)) for line in lines])
        caption(drawn, note)
    return drawn
