"""The color, dash pattern and marker of each optimizer, the same in every chart.

The colors are the color-blind safe ones of Okabe and Ito, darkened on white and lightened on black where the contrast
would be too low. There are more optimizers than colors, so a dash pattern and a marker distinguish them as well, also
in grayscale.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

T = TypeVar("T")
Dash = Literal["solid", "dashed", "dotted", "dash-dot", "dash-dot-dot"]
Marker = Literal["circle", "square", "diamond", "triangle-up", "triangle-down", "plus", "star"]


@dataclass(frozen=True, slots=True)
class Color:
    """A color for light and one for dark backgrounds, each as `#rrggbb`, with a contrast of at least 3:1."""

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
    """Color, dash pattern and marker of a line."""

    color: Color
    dash: Dash
    marker: Marker


# Optimizers that share a figure of the paper differ in color or in dash pattern.
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
    """Return the style of an optimizer by its name; a name that is not in the table always gets the same style."""
    if optimizer in LINE_STYLES:
        return LINE_STYLES[optimizer]
    number = zlib.crc32(optimizer.encode())
    return LineStyle(
        _COLORS[number % len(_COLORS)],
        _DASHES[number // 8 % len(_DASHES)],
        _MARKERS[number // 64 % len(_MARKERS)],
    )


def line_styles_of(optimizers: Sequence[str]) -> list[LineStyle]:
    """Return distinct styles for the lines of one chart, each in its optimizer's own color.

    Where an optimizer occurs several times, or two optimizers share a style, dash pattern and marker vary.
    """
    styles: list[LineStyle] = []
    taken: set[LineStyle] = set()
    used: set[tuple[Color, Dash]] = set()
    for name in optimizers:
        own = line_style_of(name)
        new = [style for style in _variants(own) if style not in taken] or [own]
        style = next((style for style in new if (style.color, style.dash) not in used), new[0])
        styles.append(style)
        taken.add(style)
        used.add((style.color, style.dash))
    return styles


@cache
def _variants(own: LineStyle) -> list[LineStyle]:
    """Return all styles of one color, its own first; those that share neither dash pattern nor marker come early."""
    dashes, markers = _rotated(own.dash, _DASHES), _rotated(own.marker, _MARKERS)
    count = len(dashes) * len(markers)  # the lengths are coprime, so every pair occurs once
    return [LineStyle(own.color, dashes[i % len(dashes)], markers[i % len(markers)]) for i in range(count)]


def _rotated(first: T, items: Sequence[T]) -> list[T]:
    """Return the items, rotated so that `first` comes first."""
    start = items.index(first)
    return [*items[start:], *items[:start]]
