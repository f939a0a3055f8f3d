"""JSON documents with a schema number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

SCHEMA = 1


def to_json(document: Mapping[str, object]) -> str:
    """Return a document as JSON text. Numbers that are not finite become null, as JSON has none."""
    return json.dumps({"schema": SCHEMA, **_finite_mapping(document)}, indent=2, allow_nan=False, ensure_ascii=False)


def _finite_mapping(values: Mapping[str, object]) -> dict[str, object]:
    return {key: _finite(item) for key, item in values.items()}


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return _finite_mapping(value)
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
