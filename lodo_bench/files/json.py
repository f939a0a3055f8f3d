"""JSON documents."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

SCHEMA = 1


def as_json(document: Mapping[str, object]) -> str:
    """Return `document`, with the version of its schema, as JSON text; numbers that are not finite become null."""
    return json.dumps({"schema": SCHEMA, **_finite_items(document)}, indent=2, allow_nan=False, ensure_ascii=False)


def _finite_items(document: Mapping[str, object]) -> dict[str, object]:
    return {key: _finite(value) for key, value in document.items()}


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return _finite_items(value)
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
