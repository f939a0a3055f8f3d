"""Rewriting the specifications that former versions stored; damaged ones stay as they are, and are named when read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, select

Document = dict[str, object]


def documents(connection: Connection, table: str) -> Iterator[tuple[int, Document]]:
    """Yield the number and the specification of each row of a table that has a JSON object for one."""
    texts = Table(table, MetaData(), Column("id", Integer, primary_key=True), Column("spec", String))
    for number, text in connection.execute(select(texts)).all():
        try:
            document = text if isinstance(text, dict) else json.loads(text)  # PostgreSQL's driver decodes JSON
        except (TypeError, ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield number, document


def rewritten(rewrite: Callable[[Document], Document], document: Document) -> Document | None:
    """Return what `rewrite` makes of a document; None if it lacks what every sound one has."""
    try:
        return rewrite(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
