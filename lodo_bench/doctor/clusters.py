"""Ray, and the clusters that the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lodo_bench.doctor.finding import Finding, first_line

# Ray writes the address of the cluster of this machine there, and leaves it behind if it is killed.
_CURRENT_CLUSTER = Path("ray_current_cluster")
_RAY_INSTALL = "pip install -U 'ray[tune]'"


def check_ray(start: bool) -> Iterator[Finding]:
    """Check that Ray can be imported, and that clusters that the environment names respond.

    Args:
        start: also start a cluster of this machine and stop it.
    """
    try:
        from lodo_bench.tuner.engines.ray.trial import imported_version

        version = imported_version()
    except Exception as error:  # whatever a broken installation raises
        yield Finding(f"Ray cannot be imported: {first_line(error)}", "problem", _RAY_INSTALL)
        return
    yield Finding(f"Ray {version} can be imported; searches on CPUs of one machine do not need it")
    yield from _addresses()
    if start:
        yield _started()


def _addresses() -> Iterator[Finding]:
    address = os.environ.get("RAY_ADDRESS")
    if address and address not in ("auto", "local"):
        yield _reachable(address, f"RAY_ADDRESS={address}", "unset RAY_ADDRESS")
    for folder in dict.fromkeys((os.environ.get("RAY_TMPDIR"), "/tmp/ray")):
        file = Path(folder or "") / _CURRENT_CLUSTER
        if folder and file.is_file():
            text = file.read_text("utf-8", "replace").strip()
            yield _reachable(text, f"{file}, which says {text},", f"ray stop --force; rm {file}")


def _reachable(address: str, source: str, remedy: str) -> Finding:
    from lodo_bench.tuner.engines.ray.remote import check_reachable

    try:
        check_reachable(address)
        return Finding(f"the Ray cluster of {source} responds")
    except Exception as error:
        text = f"no Ray cluster responds at the address of {source} ({first_line(error)})"
        return Finding(text, "warning", remedy)


def _started() -> Finding:
    from lodo_bench.tuner.engines.ray.trial import start_and_stop

    try:
        start_and_stop()
        return Finding("a Ray cluster of this machine starts and stops")
    except Exception as error:
        return Finding(
            f"no Ray cluster can be started on this machine: {first_line(error)}",
            "problem",
            "Search with the engine 'processes', which needs no Ray.",
        )
