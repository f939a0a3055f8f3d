"""The number of workers that a cluster has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ROUNDING = 1e-9


def room_for_workers(nodes: Sequence[Mapping[str, Any]], gpus_per_worker: float) -> int:
    """Return the number of workers, with a CPU and their share of a GPU each, that fit on the nodes that are alive."""
    return sum(_room_on(node["Resources"], gpus_per_worker) for node in nodes if node["Alive"])


def _room_on(resources: Mapping[str, float], gpus_per_worker: float) -> int:
    cpus, gpus = int(resources.get("CPU", 0)), resources.get("GPU", 0.0)
    if not gpus_per_worker:
        return cpus
    if gpus_per_worker < 1:  # workers that share a GPU do not spread over two
        return min(cpus, int(gpus) * int(1 / gpus_per_worker + _ROUNDING))
    return min(cpus, int(gpus / gpus_per_worker + _ROUNDING))
