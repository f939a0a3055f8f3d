"""Sections of the page that an experiment is rendered to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Section:
    """Markdown text, a figure, or both.

    Attributes:
        text: markdown without a trailing newline.
        write_png: writes the figure as PNG; None if there is no figure.
        name: the stem of the figure's file name.
        caption: the figure's caption.
    """

    text: str = ""
    write_png: Callable[[BinaryIO], None] | None = None
    name: str = ""
    caption: str = ""
