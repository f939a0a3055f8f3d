"""The provenance of what this process computes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from lodo_bench import __version__
from lodo_bench.spec.provenance import Machine, Provenance

_PACKAGES = ("torch", "numpy", "numba", "triton", "ray")


def collect_provenance(device: str, command: str, threads: int, data: str = "") -> Provenance:
    """Collect everything about this process that a result may depend on.

    Args:
        device: `cpu` or `cuda`.
        command: the command line, as the user would type it.
        threads: the number of threads that compute (>= 1).
        data: the name of the data set, recorded as a version; empty for none.
    """
    return Provenance(
        command=command,
        versions=_versions() | ({"data": data} if data else {}),
        commit=_commit(),
        host=platform.node(),
        machine=Machine(
            device=torch.cuda.get_device_name() if device == "cuda" and torch.cuda.is_available() else device,
            cpu=_cpu(),
            cores=os.cpu_count() or 1,
            threads=threads,
        ),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "lodo-bench": __version__}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _commit() -> str:
    """Return the commit of the working copy that this package is part of, `-dirty` if modified; empty outside one."""
    here = Path(__file__).resolve()
    try:
        # This fails if the package is not tracked, as in a virtual environment inside some other working copy.
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", here.name], cwd=here.parent, capture_output=True, check=True
        )
        describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, cwd=here.parent, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
