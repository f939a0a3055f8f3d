"""A part of what an experiment's result is shown as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from lodo_bench.plots.style import Figure, save


@dataclass(frozen=True, slots=True)
class Section:
    """Some markdown, a picture, or both.

    Attributes:
        text: markdown, without a line end.
        picture: writes a picture as PNG.
        name: what the picture's file is called, without its ending.
        caption: what the picture shows.
    """

    text: str = ""
    picture: Callable[[BinaryIO], None] | None = None
    name: str = ""
    caption: str = ""


def drawn(figure: Figure) -> Callable[[BinaryIO], None]:
    """What writes a figure."""
    return partial(save, figure, kind="png")
