"""A trial of Ray: it is imported, and a cluster of this machine is started and stopped."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

from lodo_bench.training.interrupts import preserve_signal_handlers
from lodo_bench.tuner.engines.ray.authentication import preserve_authentication
from lodo_bench.tuner.engines.ray.local import scratch_directory, start_local
from lodo_bench.tuner.engines.ray.settings import apply_settings


def imported_version() -> str:
    """Import Ray, and return its version."""
    apply_settings()
    import ray

    return ray.__version__


def start_and_stop() -> None:
    """Start a cluster with one CPU on this machine, and stop it.

    Raises:
        UsageError: if it does not start.
    """
    apply_settings()
    import ray

    with preserve_signal_handlers(), preserve_authentication(), scratch_directory() as scratch:
        try:
            with redirect_stdout(sys.stderr):  # Ray prints reports of its processes
                start_local(1, scratch)
        finally:
            ray.shutdown()
