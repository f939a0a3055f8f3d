"""Compute settings: device, dtype and backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["cpu", "cuda"]
DType = Literal["float32", "float64"]
Backend = Literal["torch", "numba", "triton"]
BackendChoice = Literal[Backend, "auto"]


@dataclass(frozen=True, slots=True)
class ComputeSpec:
    """The compute settings of a training.

    Attributes:
        device: the device of every tensor.
        dtype: the precision of every tensor.
        backend: the implementation of the heavy arithmetic; `auto` selects the fastest one available.
    """

    device: Device = "cpu"
    dtype: DType = "float64"
    backend: BackendChoice = "auto"

    @property
    def label(self) -> str:
        """`cpu, float64, numba`."""
        return f"{self.device}, {self.dtype}, {self.backend}"

    def require_backend(self) -> None:
        """Check that the backend is resolved, as it must be in everything that is stored.

        Raises:
            ValueError: if it is `auto`.
        """
        if self.backend == "auto":
            raise ValueError("resolve the backend 'auto' before storing it")
