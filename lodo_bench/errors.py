"""The exceptions of lodo-bench.

    LodoBenchError            everything this package raises on purpose
    ├── UsageError            something the user can mend: names the value, the rule and the remedy
    │   ├── UnknownNameError  a name that is in no table, with the nearest names that are
    │   ├── ScheduleError     a schedule file that does not say what a schedule must say
    │   ├── ExperimentError   an experiment file that does not say what an experiment must say
    │   └── DatabaseError     a database that cannot be opened, is not ours, or is of another version
    ├── StateError            a kept state that does not fit what it is to be put back into
    └── Interrupted           the user stopped the work; carries the command that continues it

A diverged or failed run is no exception: it is an outcome, and is stored (`lodo_bench.spec.outcome.Status`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LodoBenchError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns for it."""

    exit_code = 2


class UsageError(LodoBenchError):
    """An input that the user can mend."""


class UnknownNameError(UsageError):
    """`name` is no `kind`; the message lists the known names and suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, of: str = "") -> None:
        names = sorted(known, key=lambda name: (len(name) if name.isdecimal() else 0, name))  # numbers by their value
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        choices = f"Known: {', '.join(names)}." if names else "There are none."
        super().__init__(f"unknown {kind} '{name}'{f' of {of}' if of else ''}.{hint} {choices}")


class ScheduleError(UsageError):
    """A schedule file is missing, is no YAML, or breaks a rule; the message names file, key and rule."""


class ExperimentError(UsageError):
    """An experiment file is missing, is no YAML, or breaks a rule; the message names file, line, key and rule."""


class DatabaseError(UsageError):
    """The results database cannot be used as it is."""


class StateError(LodoBenchError):
    """A state is that of something else than what it is to be put back into."""


class Interrupted(LodoBenchError):
    """The user interrupted the work; everything finished so far is stored."""

    exit_code = 130
