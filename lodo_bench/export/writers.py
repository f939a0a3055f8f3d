"""Writers of tables as CSV, JSON or Parquet, batch by batch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from lodo_bench.export.columns import objects
from lodo_bench.export.tables import TABLES, ExportTable
from lodo_bench.files.json import SCHEMA
from lodo_bench.results.reader import Results

TableWriter = Callable[[BinaryIO, str, ExportTable, Iterable[pa.RecordBatch]], None]


def write_csv(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """Write CSV: a header and a line for each row; text is quoted, missing values are empty fields."""
    with csv.CSVWriter(file, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_parquet(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """Write Parquet with each column's description in its metadata."""
    with parquet.ParquetWriter(file, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_json(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """Write one JSON document, `{"schema": 1, NAME: [{...}, ...]}`, with a line for each row.

    Numbers that are not finite become the strings "NaN", "Infinity" and "-Infinity", which Python, JavaScript and
    others convert back to numbers. Missing values are null.
    """
    file.write(f'{{"schema": {SCHEMA}, {json.dumps(name)}: ['.encode())
    separator, object_columns = "\n", objects(table.schema)
    for batch in batches:
        lines = [json.dumps(_json_row(row, object_columns), ensure_ascii=False) for row in batch.to_pylist()]
        file.write((separator + ",\n".join(lines)).encode())
        separator = ",\n"
    file.write(b"\n]}\n")


WRITERS: Mapping[str, TableWriter] = {"csv": write_csv, "json": write_json, "parquet": write_parquet}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A table to export.

    Attributes:
        table: one of `TABLES`.
        format: one of `WRITERS`.
    """

    table: str
    format: str


def write_table(file: BinaryIO, results: Results, request: ExportRequest) -> None:
    """Write a table of stored results to a binary file, one batch of rows at a time."""
    table = TABLES[request.table]
    WRITERS[request.format](file, request.table, table, table.batches(results))


def _json_row(row: Mapping[str, Any], object_columns: Sequence[str]) -> dict[str, Any]:
    """Return a row for JSON, with the columns that hold JSON text parsed."""
    values = {name: _number(value) if isinstance(value, float) else value for name, value in row.items()}
    return {**values, **{name: json.loads(row[name]) for name in object_columns}}


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
