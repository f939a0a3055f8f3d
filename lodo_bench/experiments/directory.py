"""The directory that an experiment's result is written to: one page, its pictures, and how it was made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodo_bench.errors import UsageError
from lodo_bench.experiments.spec import Experiment
from lodo_bench.report.formatting import duration
from lodo_bench.report.notes import machine_text, versions_text
from lodo_bench.spec.provenance import Provenance

if TYPE_CHECKING:
    from lodo_bench.experiments.section import Section

PAGE = "README.md"
JOURNAL = "made.json"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation that computed something.

    Attributes:
        command: as it was typed.
        started: UTC, ISO 8601.
        seconds: how long it took, by the wall clock.
        finished: whether it came to the end.
    """

    command: str
    started: str
    seconds: float
    finished: bool


class Directory:
    """Where the result of one experiment at one scale lies.

    Args:
        path: made if there is none.
        experiment: whose; a directory with the result of another, or of another scale, is left alone.

    Raises:
        UsageError: if it holds something else, or cannot be written to.
    """

    def __init__(self, path: str, experiment: Experiment) -> None:
        self.path = Path(path)
        self._experiment = experiment
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write to '{path}': {error.strerror}. Name a directory with --output.") from None
        self._entries = self._read()

    def note(self, entry: Invocation) -> None:
        """Write down an invocation."""
        self._entries.append(entry)
        document = {**self._identity(), "made": [asdict(entry) for entry in self._entries]}
        self._write(JOURNAL, json.dumps(document, indent=2) + "\n")

    def write(self, pieces: Sequence[Section], provenances: Sequence[Provenance]) -> list[Path]:
        """Write the page and its pictures.

        Returns:
            The files, the page first.
        """
        parts = []
        pictures: list[Path] = []
        for piece in pieces:
            if piece.text:
                parts.append(piece.text)
            if piece.picture is not None:
                path = self._unused(piece.name, pictures)
                unfinished = self.path / f".{path.name}.unfinished"
                with unfinished.open("wb") as file:
                    piece.picture(file)
                unfinished.replace(path)
                parts.append(f"![{piece.caption}]({path.name})\n\n*{piece.caption}*")
                pictures.append(path)
        page = [_heading(self._experiment), *parts, _making(self._entries, provenances)]
        self._write(PAGE, "\n\n".join(page) + "\n")
        return [self.path / PAGE, *pictures]

    def _unused(self, name: str, pictures: Sequence[Path]) -> Path:
        """A file for a picture, with a number if the experiment has several of this name."""
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        return next(path for each in names if (path := self.path / f"{each}.png") not in pictures)

    def _read(self) -> list[Invocation]:
        journal = self.path / JOURNAL
        if not journal.exists():
            return []
        try:
            document: Mapping[str, Any] = json.loads(journal.read_text("utf-8"))
            identity = {key: document[key] for key in self._identity()}
            entries = [Invocation(**entry) for entry in document["made"]]
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(
                f"'{journal}' is damaged, or is not of lodo-bench. Move it away, or name another directory with "
                f"--output."
            ) from None
        if identity != self._identity():
            raise UsageError(
                f"'{self.path}' holds {identity['experiment']} at the scale {identity['scale']}, and scales and "
                f"experiments are not mixed. Name another directory with --output."
            )
        return entries

    def _identity(self) -> dict[str, str]:
        return {"experiment": self._experiment.name, "scale": self._experiment.scale}

    def _write(self, name: str, text: str) -> None:
        unfinished = self.path / f".{name}.{os.getpid()}.unfinished"
        try:
            unfinished.write_text(text, "utf-8")
            unfinished.replace(self.path / name)
        except OSError as error:
            raise UsageError(f"cannot write to '{self.path}': {error.strerror}. Name another with --output.") from None


def _heading(experiment: Experiment) -> str:
    lines = [f"# {experiment.title}", f"Scale: **{experiment.scale}**."]
    return "\n\n".join([lines[0], " ".join([lines[1], experiment.note]).strip()])


def _making(entries: Sequence[Invocation], provenances: Sequence[Provenance]) -> str:
    """Commands, time and machine."""
    lines = ["## How this was made", "\n".join(f"    {command}" for command in _commands(entries))]
    facts = []
    if entries:
        total = duration(sum(entry.seconds for entry in entries))
        stopped = sum(not entry.finished for entry in entries)
        pauses = f", {stopped} of them stopped and gone on with" if stopped else ""
        facts.append(f"- {total} by the wall clock in {len(entries)} invocation{'s' * (len(entries) > 1)}{pauses}.")
    machines = list(dict.fromkeys(machine_text(p.machine) for p in provenances))
    facts += [f"- {machine}." for machine in machines]
    if provenances:
        facts.append(f"- Versions: {versions_text(provenances)}.")
    return "\n\n".join([*lines, "\n".join(facts)])


def _commands(entries: Sequence[Invocation]) -> list[str]:
    return list(dict.fromkeys(entry.command for entry in entries))
