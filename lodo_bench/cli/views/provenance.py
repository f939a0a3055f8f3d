"""The settings of a stored record, the user's words about it, and the commands that computed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lodo_bench.cli.views.stored_cells import date
from lodo_bench.report.formatting import NOTHING
from lodo_bench.report.prose import machine_text, versions_text
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.text import in_one_line


def print_settings(settings: Mapping[str, str], created: str, annotation: Annotation) -> None:
    """Print settings, one in a line, with the date, the tags and the note; those that are not set are left out."""
    words = {"created": date(created) + " UTC", "tags": ", ".join(annotation.tags), "note": annotation.note}
    shown = {name: text for name, text in {**settings, **words}.items() if text}
    width = max(map(len, shown))
    print("\n".join(f"  {name:<{width}}  {in_one_line(text)}" for name, text in shown.items()) + "\n")


def print_commands(commands: Sequence[Provenance], results: Sequence[str]) -> None:
    """Print invocations of the program, numbered, each with what it computed, where, when and with what versions."""
    for index, (command, result) in enumerate(zip(commands, results, strict=True)):
        end = f" to {command.ended}" if command.ended else ""
        database = f", database {command.database}" if command.database else ""
        lines = (
            f"Command {index + 1}{result}: {command.command}",
            f"  {command.started}{end} on {command.host or NOTHING}{database}",
            f"  {machine_text(command.machine)}",
            f"  {versions_text([command])}",
        )
        print("\n" + "\n".join(map(in_one_line, lines)))
