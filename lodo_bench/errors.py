"""The exceptions of lodo-bench.

    LodoBenchError            everything this package raises on purpose
    ├── UsageError            invalid user input: the message names the value and the rule, `remedy` the way out
    │   ├── UnknownNameError  an unknown name, with the nearest known one
    │   ├── ScheduleError     an invalid schedule file
    │   ├── SpaceError        an invalid space file
    │   ├── ExperimentError   an invalid experiment file
    │   └── DatabaseError     a database that cannot be opened, is not ours, or is of another version
    │       ├── DatabaseNotFoundError  no database where one is to be read
    │       └── NotStoredError         results that the database could not take: a full disk, a read-only file
    ├── StateError            a saved state that does not fit the object that it is loaded into
    ├── ConformanceError      an optimizer or a task that breaks a rule of its base class
    ├── EngineLost            the engine of a search has ended and cannot go on; what is evaluated is stored
    └── Interrupted           the user stopped a command; carries the command that resumes it

A diverged or failed run is not an exception: it is an outcome, and is stored (`lodo_bench.spec.outcome.Status`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum


class Remedy(StrEnum):
    """Ways out of a usage error.

    The value is a sentence for users of the library; the command line says instead which option to type
    (`lodo_bench.cli.remedies`). Names in braces are the error's `details`.
    """

    CHOOSE_DATABASE = "Choose another database."
    CHOOSE_WRITABLE_DATABASE = "Choose a writable database."
    CHOOSE_DATA_DIRECTORY = "Choose another data directory."
    CHOOSE_OUTPUT = "Choose another output file or directory."
    CHOOSE_FORMAT = "Choose a format: {formats}."
    CHOOSE_TASK = "Choose one of them."
    CHOOSE_BACKEND = "Use backend 'auto' or 'torch'."
    CHOOSE_HYPERPARAMETERS = "Use tuned or default hyperparameters, or give them."
    CHOOSE_CLUSTER = "Start a Ray cluster there, or omit the address to search on this machine."
    USE_CPU = "Use device 'cpu'."
    USE_GPU = "Use device 'cuda', or omit the option."
    USE_WORKERS = "Use at least one worker, or omit the cluster."
    REINSTALL_RAY = "Reinstall 'ray[tune]'."
    USE_RAY = "Use the engine 'ray', or omit it."
    USE_ONE_PROCESS = "Use 0 workers to compute in this process."
    FEWER_GPUS = "Ask for a smaller share of a GPU, or use the CPU."
    SHORTEN_TEMPORARY_DIRECTORY = "Choose a writable one with a short path, such as /tmp."
    START_FRESH = "To start over, ask for a fresh one."
    FETCH_DATA = "Fetch {data_set}, or choose the data directory that contains it."
    RUN_AGAIN = "Ask for fresh ones to run them again."
    CONTINUE_SEARCH = "Continue the search with the same arguments."
    TUNE_FIRST = "Tune it first."
    TUNE_FRESH = "Tune it again with a fresh study."
    DELETE_DAMAGED = "Delete it, or restore the database from a copy."
    RUN_FIRST = "Run it first."
    MAKE_STUDIES = "Tune something first."
    MAKE_RUNS = "Run something first."
    NAME_SWEEP = "Name one, such as momentum."
    DELETE_WITH_RUNS = "Delete the run sets {run_sets} with it."
    FILL_DATABASE = "Tune or run something first, or choose another database."
    FREE_SPACE = "Free some space and try again, or choose another place."
    COPY_DATABASE = "Copy it to a writable location, and open the copy."
    UPGRADE_PROGRAM = "Upgrade this program: pip install -U lodo-bench."
    USE_FORMER_PROGRAM = "Use the version of lodo-bench that wrote it, or choose another database."


class LodoBenchError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns for it."""

    exit_code = 2


class UsageError(LodoBenchError):
    """Invalid user input.

    Args:
        message: the invalid value and the rule that it breaks, as sentences.
        remedy: the way out, where it is one that the command line words in its own way.
        details: values for the remedy's wording, e.g. `task` and `optimizer` for `Remedy.TUNE_FIRST`.

    Attributes:
        message, remedy, details: as given.
    """

    def __init__(self, message: str, *, remedy: Remedy | None = None, **details: object) -> None:
        super().__init__(message)
        self.message, self.remedy, self.details = message, remedy, details

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message} {self.remedy.format(**self.details)}"


class UnknownNameError(UsageError):
    """An unknown `name` of a `kind`; the message lists the known names and suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, of: str = "") -> None:
        names = sorted(known, key=lambda name: (len(name) if name.isdecimal() else 0, name))  # numbers by their value
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        choices = f"Known: {', '.join(names)}." if names else "There are none."
        super().__init__(f"unknown {kind} '{name}'{f' of {of}' if of else ''}.{hint} {choices}")
        self.args = kind, name, names  # unpickling constructs the error with these


class CodeChangedError(UsageError):
    """An unfinished study or run set whose code, a file or a package, has changed since."""

    def __init__(self, kind: str, number: int, name: str, former: str, present: str) -> None:
        super().__init__(
            f"'{name}' has changed since the unfinished {kind} {number} was started: it was {former}, and is now "
            f"{present}. To resume it, restore the former code.",
            remedy=Remedy.START_FRESH,
        )
        self.args = kind, number, name, former, present  # unpickling constructs the error with these


class ScheduleError(UsageError):
    """A missing or invalid schedule file; the message names file, key and rule."""


class SpaceError(UsageError):
    """A missing or invalid search space; the message names file, line, key and rule."""


class ExperimentError(UsageError):
    """A missing or invalid experiment file; the message names file, line, key and rule."""


class DatabaseError(UsageError):
    """A results database that cannot be used as it is."""


class DatabaseNotFoundError(DatabaseError):
    """A results database that is to be read and does not exist."""


class NotStoredError(DatabaseError):
    """Results that could not be written to the database; what it held before is still there."""


class StateError(LodoBenchError):
    """A saved state of a different object than the one that it is loaded into."""


class ConformanceError(LodoBenchError):
    """An optimizer or a task that breaks a rule of its base class.

    The message says what was expected, what happened instead, and how to fix it.
    """


class EngineLost(LodoBenchError):
    """The engine of a search, such as a Ray cluster, has ended and cannot be used again.

    All that is evaluated is stored. The message says what has happened, and where the engine's own messages are.
    """

    exit_code = 3


class EndOfProgramError(Exception):
    """Code outside this package wanted to end the program, as `sys.exit` does; the message is its exception in words.

    Internal: it is an outcome, or part of the message of a `UsageError`, like any other exception of such code.
    """


class Interrupted(LodoBenchError):
    """The user interrupted a command; everything finished so far is stored."""

    exit_code = 130


def in_words(error: BaseException) -> str:
    """Return the kind of an exception and its text, `ValueError: too small`; its kind alone if it has no text."""
    try:
        text = str(error).strip()
    except Exception:  # whatever an exception class of the user's does
        text = ""
    if isinstance(error, EndOfProgramError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_choice(value: str, choices: Iterable[str], kind: str) -> str:
    """Return `value`.

    Raises:
        UnknownNameError: if it is not one of `choices`.
    """
    known = tuple(choices)
    if value not in known:
        raise UnknownNameError(kind, value, known)
    return value
