"""Types of columns that read whatever is stored: a value of another type must not stop the query for all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Boolean, Dialect, Float, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The value that is read from a JSON column that holds none: `reason`, such as `no JSON`."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class StoredJson(TypeDecorator[Any]):
    """JSON; of a value that is none, or the JSON text `null`, an `Unreadable` is read. SQL's NULL is None."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return the function that decodes a value."""
        decode = self.impl_instance.result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            if value is None:
                return None
            try:
                found = value if decode is None else decode(value)
            except (TypeError, ValueError, RecursionError):
                return Unreadable("no JSON")
            return Unreadable("the JSON text null") if found is None else found

        return process


class is_stored_as_declared(FunctionElement[bool]):
    """True where a column holds a value of its own type; only SQLite stores values of others."""

    type = Boolean()
    name = "is_stored_as_declared"
    inherit_cache = True


@compiles(is_stored_as_declared)
def _anywhere(_element: FunctionElement[bool], _compiler: SQLCompiler, **_options: Any) -> str:
    return "true"


@compiles(is_stored_as_declared, "sqlite")
def _on_sqlite(element: FunctionElement[bool], compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    stored = getattr(column.type, "impl_instance", column.type)
    types = next(names for kind, names in _SQLITE_TYPES.items() if isinstance(stored, kind))
    nullable = ["null"] if getattr(column, "nullable", False) else []
    listed = ", ".join(f"'{name}'" for name in [*types, *nullable])
    return f"typeof({compiler.process(column, **options)}) IN ({listed})"


_SQLITE_TYPES = {Integer: ["integer"], Float: ["real", "integer"], String: ["text"]}
