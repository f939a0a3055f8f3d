"""Where and how a computation runs: device, dtype and backend."""

from __future__ import annotations

from typing import Literal

Device = Literal["cpu", "cuda"]


DType = Literal["float32", "float64"]


Kernel = Literal["auto", "torch", "numba", "triton"]
