"""Notes, tags and times of creation."""

from __future__ import annotations

from typing import cast

from lodo_bench.results.damage import Damages, Fields, is_text
from lodo_bench.results.schema import RunSetAnnotationRow, RunSetRow, StudyAnnotationRow, StudyRow
from lodo_bench.spec.annotation import Annotation


def decode_created(row: StudyRow | RunSetRow, damages: Damages) -> str:
    """Return the time of a row; empty if it is damaged."""
    return next(damages.sound([row], lambda row: Fields(row).time("created")), "")


def decode_annotation(row: StudyAnnotationRow | RunSetAnnotationRow | None, damages: Damages) -> Annotation:
    """Return a note and tags; empty where there are none, and in place of one that is damaged."""
    rows = [] if row is None else [row]
    note = next(damages.sound(rows, lambda row: Fields(row).text("note")), "")
    return Annotation(note, next(damages.sound(rows, _decode_tags), ()))


def _decode_tags(row: StudyAnnotationRow | RunSetAnnotationRow) -> tuple[str, ...]:
    tags = cast("object", row.tags)
    if not isinstance(tags, list) or not all(map(is_text, tags)):
        raise Fields(row).damaged("its tags are not a list of texts")
    return tuple(tags)
