"""A part of what an experiment's result is shown as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # noqa: TID251 - its type only


@dataclass(frozen=True, slots=True)
class Piece:
    """Some markdown, a picture, or both.

    Attributes:
        text: markdown, without a line end.
        picture: a figure.
        name: what the picture's file is called, without its ending.
        caption: what the picture shows.
    """

    text: str = ""
    picture: Figure | None = None
    name: str = ""
    caption: str = ""
