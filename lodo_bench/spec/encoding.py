"""Specifications as plain dictionaries, for databases and digests."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Later additions, left out where they are empty, so that what has none of them keeps its digest.
_ADDITIONS = {"task": ("version",), "optimizer": ("version", "space", "recipe")}
_LATER_FIELDS = ("first_seed", "deterministic")


def encode(spec: DataclassInstance) -> dict[str, Any]:
    """Return a specification with the fields `task` and `optimizer` as a dictionary, without empty additions."""
    document = asdict(spec)
    for part, names in _ADDITIONS.items():
        values = document[part]
        document[part] = {name: value for name, value in values.items() if value or name not in names}
    return {name: value for name, value in document.items() if value or name not in _LATER_FIELDS}
