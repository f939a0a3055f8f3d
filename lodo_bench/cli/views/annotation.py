"""The note and the tags of a record."""

from __future__ import annotations

from lodo_bench.analysis.documents import annotation_document
from lodo_bench.cli.output import print_json
from lodo_bench.spec.annotation import Annotation


def print_annotation(kind: str, number: int, annotation: Annotation, json: bool) -> None:
    """Print what is noted about a study or run set now."""
    if json:
        print_json({kind.replace("-", "_"): number, **annotation_document(annotation)})
        return
    tags = f"tags {', '.join(annotation.tags)}" if annotation.tags else "no tags"
    note = f"note: {annotation.note}" if annotation.note else "no note"
    print(f"{kind.replace('-', ' ').capitalize()} {number}: {tags}; {note}")
