"""How each optimizer looks in every picture: its color, its line style and its marker.

The colors are those of Okabe and Ito, which people with any kind of color blindness tell apart, made darker on white
and lighter on black where they would be faint. More optimizers than colors share them, so a line style and a marker of
its own tell each of them from the others in grey as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
Dash = Literal["solid", "dashed", "dotted", "dash-dot", "dash-dot-dot"]
Marker = Literal["circle", "square", "diamond", "triangle-up", "triangle-down", "plus", "star"]


@dataclass(frozen=True, slots=True)
class Color:
    """A color on a light and on a dark background, each as `#rrggbb`, with a contrast of 3 to 1 at least."""

    light: str
    dark: str


BLUE = Color("#0072b2", "#4aa8e0")
VERMILION = Color("#d55e00", "#f0803c")
GREEN = Color("#00855f", "#22b98d")
ORANGE = Color("#b98000", "#e9a820")
SKY = Color("#3c97d1", "#8fd0f7")
PURPLE = Color("#b85b91", "#dd93bd")
BLACK = Color("#1b1b1b", "#f2f2f2")
BROWN = Color("#7b5230", "#c49a74")

_COLORS = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, BLACK, BROWN)
_DASHES: tuple[Dash, ...] = ("solid", "dashed", "dash-dot", "dotted", "dash-dot-dot")
_MARKERS: tuple[Marker, ...] = ("circle", "square", "diamond", "triangle-up", "triangle-down", "plus", "star")


@dataclass(frozen=True, slots=True)
class LineStyle:
    """What a line is drawn with."""

    color: Color
    dash: Dash
    marker: Marker


# Those that the paper shows in one picture have different colors, or else different line styles.
LINE_STYLES: Mapping[str, LineStyle] = {
    "lodo": LineStyle(BLUE, "solid", "circle"),
    "adam": LineStyle(VERMILION, "solid", "square"),
    "momentum": LineStyle(GREEN, "dashed", "triangle-up"),
    "rmsprop": LineStyle(PURPLE, "dash-dot", "triangle-down"),
    "yogi": LineStyle(ORANGE, "dotted", "diamond"),
    "lars": LineStyle(SKY, "dash-dot-dot", "plus"),
    "l-bfgs": LineStyle(BLACK, "solid", "triangle-up"),
    "o-lbfgs": LineStyle(BLACK, "dashed", "triangle-down"),
    "bfgs": LineStyle(BROWN, "dash-dot", "plus"),
    "levenberg-marquardt": LineStyle(BROWN, "dashed", "square"),
    "newton": LineStyle(BLACK, "dotted", "star"),
    "l2lbgdbgd": LineStyle(SKY, "solid", "star"),
    "lodo-diagonal": LineStyle(VERMILION, "dashed", "diamond"),
    "lodo-global": LineStyle(GREEN, "dash-dot", "square"),
    "lodo-residuals": LineStyle(ORANGE, "solid", "triangle-up"),
    "lodo-no-momentum": LineStyle(SKY, "dotted", "triangle-down"),
    "lodo-sgd": LineStyle(PURPLE, "dashed", "star"),
    "lodo-dense": LineStyle(BLACK, "dash-dot-dot", "circle"),
}


def line_style_of(optimizer: str) -> LineStyle:
    """The look of an optimizer by its name; of one that is not in the table, always the same one for the same name."""
    if optimizer in LINE_STYLES:
        return LINE_STYLES[optimizer]
    number = zlib.crc32(optimizer.encode())
    return LineStyle(
        _COLORS[number % len(_COLORS)],
        _DASHES[number // 8 % len(_DASHES)],
        _MARKERS[number // 64 % len(_MARKERS)],
    )


def line_styles_of(optimizers: Sequence[str]) -> list[LineStyle]:
    """Looks for the lines of one picture: each of its optimizer's own color, and all of them different.

    Where an optimizer comes several times, or has by chance the look of another, line style and marker give way.
    """
    found: list[LineStyle] = []
    for name in optimizers:
        own = line_style_of(name)
        drawn = {(look.color, look.dash) for look in found}
        new = [look for look in _variants(own) if look not in found] or [own]
        found.append(next((look for look in new if (look.color, look.dash) not in drawn), new[0]))
    return found


def _variants(own: LineStyle) -> list[LineStyle]:
    """All looks of one color, beginning with the own; those that share neither line style nor marker come early."""
    dashes, markers = _from(own.dash, _DASHES), _from(own.marker, _MARKERS)
    turns = len(dashes) * len(markers)  # the numbers of both have no common factor: this meets every pair once
    return [LineStyle(own.color, dashes[turn % len(dashes)], markers[turn % len(markers)]) for turn in range(turns)]


def _from(first: T, everything: Sequence[T]) -> list[T]:
    """The same in a circle, beginning with `first`."""
    start = everything.index(first)
    return [*everything[start:], *everything[:start]]
