"""Write docs/schemas/, JSON schemas of what commands print with --json; with --check, fail if they are out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from lodo_bench.cli.documents import DOCUMENTS
from lodo_bench.files.json import SCHEMA
from lodo_bench.report.documents import SCORES

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A float that is not finite is written as null.
_PLAIN: Mapping[Any, Any] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},
    str: {"type": "string"},
    NoneType: {"type": "null"},
    Any: {},
}
Schema = dict[str, Any]


def schemas() -> dict[str, str]:
    """Return the text of every schema by its file's name."""
    return {f"{name}.schema.json": _text(name, document) for name, document in DOCUMENTS.items()}


def _text(name: str, document: Any) -> str:
    definitions: dict[str, Schema] = {}
    kinds = get_args(document) if get_origin(document) in (Union, UnionType) else (document,)
    forms = [_document(kind, definitions) for kind in kinds]
    schema = {
        "$schema": DIALECT,
        "title": f"lodo-bench {name.replace('-', ' ')} --json, version {SCHEMA}",
        **(forms[0] if len(forms) == 1 else {"oneOf": forms}),
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _document(kind: type, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a whole document, which states the version of its form."""
    own = _object(kind, definitions)
    version = {"const": SCHEMA, "description": "version of the form of all documents"}
    return {**own, "properties": {"schema": version, **own["properties"]}, "required": ["schema", *own["required"]]}


def _object(kind: type, definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(hints)
    more = SCORES.get(kind)
    return {
        "description": " ".join((kind.__doc__ or "").split("\n\n")[0].split()),
        "type": "object",
        "properties": {name: _schema(hints[name], definitions) for name in names},
        "required": names,
        "additionalProperties": False if more is None else _schema(more, definitions),
    }


def _schema(kind: Any, definitions: dict[str, Schema]) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(each, definitions) for each in arguments]}
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if is_dataclass(kind) or is_typeddict(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # a type that contains itself refers to this
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    raise TypeError(f"no schema of {kind}")


def main() -> None:
    """Write the schemas, or check them."""
    texts = schemas()
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(exist_ok=True)
        for path in FOLDER.glob("*.schema.json"):
            path.unlink()
        for name, text in texts.items():
            (FOLDER / name).write_text(text, "utf-8")
    elif {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.schema.json")} != texts:
        sys.exit("docs/schemas is out of date. Run python scripts/json_schemas.py")


if __name__ == "__main__":
    main()
