"""The extent of a deletion, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lodo_bench.cli.output import print_json
from lodo_bench.report.formatting import counted
from lodo_bench.results.managing import Deletion


def deletion_text(deletion: Deletion) -> str:
    """Return `study 2 (320 individuals), run sets 3 and 4 (16 runs)`."""
    parts = []
    if deletion.studies:
        parts.append(f"{_named('study', 'studies', deletion.studies)} ({counted(deletion.individuals, 'individual')})")
    if deletion.run_sets:
        parts.append(f"{_named('run set', 'run sets', deletion.run_sets)} ({counted(deletion.runs, 'run')})")
    return ", ".join(parts)


def print_deletion(deletion: Deletion, json: bool) -> None:
    """Print what has been deleted."""
    if json:
        print_json({"deleted": asdict(deletion)})
    else:
        print(f"Deleted {deletion_text(deletion)}.")


def _named(singular: str, plural: str, numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"{singular} {numbers[0]}"
    return f"{plural} {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
