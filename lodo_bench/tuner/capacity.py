"""The number of workers that there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ROUNDING = 1e-9


def room_for_workers(nodes: Sequence[Mapping[str, Any]], gpus_per_worker: float) -> int:
    """Return the number of workers that fit on those of Ray's nodes that are alive."""
    resources = (node["Resources"] for node in nodes if node["Alive"])
    return sum(room_on(int(each.get("CPU", 0)), each.get("GPU", 0.0), gpus_per_worker) for each in resources)


def room_on(cpus: int, gpus: float, gpus_per_worker: float) -> int:
    """Return the number of workers, with a CPU and their share of a GPU each, that fit on a machine."""
    if not gpus_per_worker:
        return cpus
    if gpus_per_worker < 1:  # workers that share a GPU do not spread over two
        return min(cpus, int(gpus) * workers_per_gpu(gpus_per_worker))
    return min(cpus, int(gpus / gpus_per_worker + _ROUNDING))


def workers_per_gpu(share: float) -> int:
    """Return the number of workers that share a GPU, at least 1, if each takes a share of it (> 0)."""
    return max(1, int(1 / share + _ROUNDING))
