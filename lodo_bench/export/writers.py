"""Writing a table, batch by batch, as CSV, JSON or Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from lodo_bench.export.columns import objects
from lodo_bench.export.tables import ExportTable

SCHEMA = 1
Writer = Callable[[BinaryIO, str, ExportTable, Iterable[pa.RecordBatch]], None]


def write_csv(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """A line of titles, then a line for each row; texts in quotation marks, `nan`, `inf`, and nothing for nothing."""
    with csv.CSVWriter(file, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_parquet(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """Parquet, with each column's description in its metadata."""
    with parquet.ParquetWriter(file, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_json(file: BinaryIO, name: str, table: ExportTable, batches: Iterable[pa.RecordBatch]) -> None:
    """One document, `{"schema": 1, NAME: [{...}, ...]}`, with a line for each row.

    JSON has no numbers that are not finite: they are the texts "NaN", "Infinity" and "-Infinity", by which Python,
    JavaScript and others make numbers of them again. What is missing is null.
    """
    file.write(f'{{"schema": {SCHEMA}, {json.dumps(name)}: ['.encode())
    separator, texts = "\n", objects(table.schema)
    for batch in batches:
        lines = [json.dumps(_plain(row, texts), ensure_ascii=False) for row in batch.to_pylist()]
        file.write((separator + ",\n".join(lines)).encode())
        separator = ",\n"
    file.write(b"\n]}\n")


WRITERS: Mapping[str, Writer] = {"csv": write_csv, "json": write_json, "parquet": write_parquet}


def _plain(row: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """A row as JSON has it, with objects in place of the `texts` of theirs."""
    values = {name: _number(value) if isinstance(value, float) else value for name, value in row.items()}
    return {**values, **{name: json.loads(row[name]) for name in texts}}


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
