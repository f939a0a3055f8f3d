"""Findings: the results of checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        text: one sentence or a list of facts, without a period.
        state: `ok`; `warning` if everything works but not as well as it could; `problem` if something does not work.
        remedy: the command that fixes it, or a sentence where no command can; empty if there is nothing to fix.
    """

    text: str
    state: State = "ok"
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.state != "ok" and not self.remedy:
            raise ValueError(f"a {self.state} needs a remedy: {self.text}")


def first_line(error: BaseException) -> str:
    """Return an error in one line: its class and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
