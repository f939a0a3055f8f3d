"""Numbers among the arguments: options and arguments of a range, read as everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from lodo_bench.spec.numbers import Integers, N, Range, number, shown


def within(limits: Range[Any]) -> dict[str, Any]:
    """Return what makes an option or an argument of typer a number within limits: `typer.Option(**within(COUNT))`."""
    ends: dict[str, int] = {"min": limits.least, "max": limits.most} if isinstance(limits, Integers) else {}
    return {"parser": _parser(limits), **ends}  # the ends are for the help text


def _parser(limits: Range[N]) -> Callable[[Any], N]:
    def number_(value: Any) -> N:
        found = limits.read(number(value) if isinstance(value, str) else value)
        if found is None:
            raise typer.BadParameter(f"'{shown(value)}' {limits.problem(value)}.")
        return found

    return number_
