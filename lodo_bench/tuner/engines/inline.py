"""A search without workers: everything is trained in this process, one shard after the other."""

from __future__ import annotations

from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.worker import evaluate

_NAME = "this process"


def run_inline(coordinator: Coordinator) -> None:
    """Evaluate all shards here."""
    coordinator.num_workers = 1
    while (shard := coordinator.assign(_NAME)) is not None:
        coordinator.report_activity()
        coordinator.complete({_NAME: evaluate(shard)})
