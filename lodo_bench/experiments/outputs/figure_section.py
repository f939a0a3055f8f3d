"""Sections that consist of a figure."""

from __future__ import annotations

from functools import partial

from lodo_bench.experiments.section import Section
from lodo_bench.plots.style import Figure, save


def figure_section(figure: Figure, name: str, caption: str, text: str = "") -> Section:
    """Return a section with this figure, after `text` if there is any."""
    return Section(text, partial(save, figure, kind="png"), name, caption)
