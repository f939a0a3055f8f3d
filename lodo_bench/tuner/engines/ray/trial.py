"""A trial of Ray: it is imported, and a cluster of this machine is started and stopped."""

from __future__ import annotations

from lodo_bench.errors import EngineLost
from lodo_bench.tuner.engines.ray.drive import drive_start
from lodo_bench.tuner.engines.ray.guard import GuardedDriver
from lodo_bench.tuner.engines.ray.link import Lost, receive
from lodo_bench.tuner.engines.ray.local import scratch_directory
from lodo_bench.tuner.engines.ray.settings import apply_settings


def imported_version() -> str:
    """Import Ray, with all that a search needs of it, and return its version."""
    apply_settings()
    import ray
    import ray.tune

    return ray.__version__


def start_and_stop() -> None:
    """Start a cluster with one CPU on this machine, and stop it.

    Raises:
        UsageError: if it does not start.
        EngineLost: if it ends at its start.
    """
    with scratch_directory() as scratch, GuardedDriver(drive_start, scratch, scratch, grace=0.0) as driver:
        message = receive(driver.connection)
        if isinstance(message, Lost):
            raise EngineLost(f"{message.reason}.")
