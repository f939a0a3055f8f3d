"""Notices of the searches at whose results final runs are made."""

from __future__ import annotations

from collections.abc import Sequence

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.runs.searches import SearchChoice, unfinished_error


def notice_searches(choice: SearchChoice, location: str, progress: ProgressReporter) -> None:
    """Tell which studies are taken, which are not and why, and which ones could be continued.

    Args:
        choice: the choice among the studies of one optimizer.
        location: the database that they are in.
        progress: receives the notices.
    """
    if choice.taken and (len(choice.taken) > 1 or choice.left):
        seeds = _listed([study.spec.seed for study in choice.taken], "search seed")
        label = choice.taken[0].spec.optimizer.label
        studies = _listed([study.id for study in choice.taken], "study", "studies")
        progress.notice(f"{label}: {studies} {'are' if len(choice.taken) > 1 else 'is'} taken ({seeds}).")
    for study, reason in choice.left:
        progress.notice(f"{study.spec.optimizer.label}: study {study.id} is not taken: {reason}.")
    for study in choice.unfinished:
        error = unfinished_error(study, location)
        if error.remedy is not None:
            progress.advise(error.message, error.remedy, **error.details)


def _listed(numbers: Sequence[int], one: str, many: str = "") -> str:
    """Return `study 3`, or `studies 3, 4 and 5`."""
    if len(numbers) == 1:
        return f"{one} {numbers[0]}"
    *others, last = map(str, numbers)
    return f"{many or f'{one}s'} {', '.join(others)} and {last}"
