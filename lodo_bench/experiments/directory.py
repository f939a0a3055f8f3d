"""The directory of an experiment's results: a page, its figures, and the history of invocations."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.experiments.section import Section
from lodo_bench.experiments.spec import Experiment
from lodo_bench.files.atomic import open_output
from lodo_bench.files.paths import user_path
from lodo_bench.report.formatting import counted, duration
from lodo_bench.report.prose import machine_text, versions_text
from lodo_bench.spec.provenance import Provenance

PAGE = "README.md"
HISTORY = "history.json"
_INVOCATIONS = "invocations"
# The name of the file and of its key in former versions.
_FORMER_HISTORY = "made.json"
_FORMER_INVOCATIONS = "made"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation that computed something.

    Attributes:
        command: the command line as it was typed.
        started: UTC, ISO 8601.
        seconds: wall-clock time.
        finished: True if it was not interrupted.
    """

    command: str
    started: str
    seconds: float
    finished: bool


class Directory:
    """The directory of the results of one experiment at one scale.

    Args:
        path: a directory; created if it does not exist.
        experiment: the experiment; a directory of another experiment, or of another scale, is refused.

    Raises:
        UsageError: if the directory belongs to something else, or is not writable.
    """

    def __init__(self, path: str, experiment: Experiment) -> None:
        self.path = user_path(path, "output")
        self._experiment = experiment
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write to '{path}': {error.strerror}.", remedy=Remedy.CHOOSE_OUTPUT) from None
        self._invocations = self._read()

    @contextmanager
    def recorded(self, command: str) -> Iterator[None]:
        """Add the block to the history as an invocation of `command`, also if it is interrupted."""
        started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        try:
            yield
        except BaseException:
            with suppress(UsageError):  # what went wrong first is what the user must know
                self.add(Invocation(command, started, time.monotonic() - clock, False))
            raise
        self.add(Invocation(command, started, time.monotonic() - clock, True))

    def add(self, invocation: Invocation) -> None:
        """Add an invocation to the history."""
        self._invocations.append(invocation)
        document = {**self._identity(), _INVOCATIONS: [asdict(each) for each in self._invocations]}
        self._write(HISTORY, json.dumps(document, indent=2) + "\n")
        (self.path / _FORMER_HISTORY).unlink(missing_ok=True)

    def write(self, sections: Sequence[Section], provenances: Sequence[Provenance]) -> list[Path]:
        """Write the page and its figures.

        Args:
            sections: the contents of the page, in order.
            provenances: the machines and versions that computed the results.

        Returns:
            The files, the page first.
        """
        parts = []
        figures: list[Path] = []
        for section in sections:
            if section.text:
                parts.append(section.text)
            if section.write_png is not None:
                path = self._unused(section.name, figures)
                with open_output(str(path)) as file:
                    section.write_png(file)
                parts.append(f"![{section.caption}]({path.name})\n\n*{section.caption}*")
                figures.append(path)
        page = [_heading(self._experiment), *parts, _provenance_section(self._invocations, provenances)]
        self._write(PAGE, "\n\n".join(page) + "\n")
        return [self.path / PAGE, *figures]

    def _unused(self, name: str, figures: Sequence[Path]) -> Path:
        """Return a file for a figure, numbered if the page already has figures of this name."""
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        return next(path for each in names if (path := self.path / f"{each}.png") not in figures)

    def _read(self) -> list[Invocation]:
        path, key = self.path / HISTORY, _INVOCATIONS
        if not path.exists():
            path, key = self.path / _FORMER_HISTORY, _FORMER_INVOCATIONS
        if not path.exists():
            return []
        try:
            document: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
            identity = {name: document[name] for name in self._identity()}
            invocations = [Invocation(**each) for each in document[key]]
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(
                f"'{path}' is damaged, or was not written by lodo-bench.", remedy=Remedy.CHOOSE_OUTPUT
            ) from None
        if identity != self._identity():
            raise UsageError(
                f"'{self.path}' holds the results of {identity['experiment']} at scale {identity['scale']}; "
                f"experiments and scales are not mixed.",
                remedy=Remedy.CHOOSE_OUTPUT,
            )
        return invocations

    def _identity(self) -> dict[str, str]:
        return {"experiment": self._experiment.name, "scale": self._experiment.scale}

    def _write(self, name: str, text: str) -> None:
        with open_output(str(self.path / name)) as file:
            file.write(text.encode())


def _heading(experiment: Experiment) -> str:
    return f"# {experiment.title}\n\n" + f"Scale: **{experiment.scale}**. {experiment.note}".strip()


def _provenance_section(invocations: Sequence[Invocation], provenances: Sequence[Provenance]) -> str:
    """Return commands, wall-clock time, machines and versions."""
    commands = dict.fromkeys(invocation.command for invocation in invocations)
    facts = []
    if invocations:
        total = duration(sum(invocation.seconds for invocation in invocations))
        interrupted = sum(not invocation.finished for invocation in invocations)
        resumed = f", {interrupted} interrupted and resumed" if interrupted else ""
        facts.append(f"- Wall-clock time: {total} in {counted(len(invocations), 'invocation')}{resumed}.")
    facts += [f"- Machine: {text}." for text in dict.fromkeys(machine_text(p.machine) for p in provenances)]
    if provenances:
        facts.append(f"- Versions: {versions_text(provenances)}.")
    return "\n\n".join(["## Provenance", "\n".join(f"    {command}" for command in commands), "\n".join(facts)])
