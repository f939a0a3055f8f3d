"""Learning curves and other metrics of runs, as compressed arrays."""

from __future__ import annotations

import zlib
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from lodo_bench.results.damage import Damages, Fields
from lodo_bench.results.run_rows import StoredCurve
from lodo_bench.results.schema import CurveRow, MetricHistoryRow, RunRow
from lodo_bench.spec.curve_blocks import block_ends, num_blocks
from lodo_bench.spec.outcome import Curve, MetricHistory

_SLACK = 2**20  # numbers that a run may have beyond those of its steps, as in databases of former versions

_Number = TypeVar("_Number", bound=np.generic)


def decode_curve(stored: StoredCurve, damages: Damages) -> Curve | None:
    """Return the curve of a run, with its metrics; None if it is damaged."""
    if stored.row.run_id is None:
        damages.add(Fields(stored.row, RunRow).damaged("its curve is missing").damage)
        return None
    steps = _steps(stored, damages)
    found = next(damages.sound([stored.row], partial(_decode_losses, steps=steps)), None)
    if found is None:
        return None
    losses, clock_steps, clock_seconds = found
    # Databases of former versions have all losses of long curves, too.
    ends = block_ends(steps) if 0 < len(losses) == num_blocks(steps) < steps else None
    return Curve(losses, clock_steps, clock_seconds, decode_metrics(stored, damages), ends)


def _decode_losses(row: Row[Any], steps: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    fields = Fields(row, CurveRow)
    losses = _unpack(fields, "losses", np.float32, steps).astype(np.float64)
    clock_steps = _unpack(fields, "clock_steps", np.int64, steps + 1)
    clock_seconds = _unpack(fields, "clock_seconds", np.float64, steps + 1)
    if len(clock_steps) != len(clock_seconds) or not len(clock_steps):
        raise fields.damaged("its clock has not one time for each step")
    if not np.isfinite(clock_seconds).all():
        raise fields.damaged("its clock_seconds are not finite")
    return losses, clock_steps, clock_seconds


def encode_curve(curve: Curve) -> CurveRow:
    """Return the row of a curve, without its metrics."""
    with np.errstate(over="ignore"):
        losses = curve.losses.astype("<f4")
    return CurveRow(
        losses=_pack(losses),
        clock_steps=_pack(curve.clock_steps.astype("<i8")),
        clock_seconds=_pack(curve.clock_seconds.astype("<f8")),
    )


def decode_metrics(stored: StoredCurve, damages: Damages) -> dict[str, MetricHistory]:
    """Return the metrics of a run by name, without those that are damaged."""
    return dict(damages.sound(stored.metrics, partial(_decode_metric, steps=_steps(stored, damages))))


def _decode_metric(row: Row[Any], steps: int) -> tuple[str, MetricHistory]:
    fields = Fields(row, MetricHistoryRow)
    history = MetricHistory(
        _unpack(fields, "steps", np.int64, steps + 1), _unpack(fields, "values", np.float64, steps + 1)
    )
    if len(history.steps) != len(history.values) or not len(history.steps):
        raise fields.damaged("it has not one value for each step")
    return fields.text("name"), history


def _steps(stored: StoredCurve, damages: Damages) -> int:
    """Return the number of steps of a run, which is that of its losses at most; 0 if it is damaged."""
    return next(damages.sound([stored.row], lambda row: Fields(row, RunRow).count("steps")), 0)


def encode_metric(name: str, history: MetricHistory) -> MetricHistoryRow:
    """Return the row of a metric."""
    steps, values = _pack(history.steps.astype("<i8")), _pack(history.values.astype("<f8"))
    return MetricHistoryRow(name=name, steps=steps, values=values)


def _pack(values: NDArray[np.generic]) -> bytes:
    return zlib.compress(values.tobytes())


def _unpack(fields: Fields, column: str, dtype: type[_Number], most: int) -> NDArray[_Number]:
    """Return the numbers of a column, of which a run has about `most`; bytes that stand for far more take no memory."""
    data, kind, most = fields.blob(column), np.dtype(dtype).newbyteorder("<"), 2 * most + _SLACK
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(data, most * kind.itemsize + 1)
        if len(content) > most * kind.itemsize:
            raise ValueError(f"there are more than {most:,}")
        if not unpacking.eof:
            raise ValueError("the end is missing")
        return np.frombuffer(content, dtype=kind)
    except (zlib.error, ValueError) as error:
        raise fields.damaged(f"its {column} are damaged: {error}") from None
