"""The memory that this process may still take, which in a container or a batch job is not all that the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch

from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import Device

_MACHINE = Path("/proc/meminfo")
_PROCESS = Path("/proc/self/statm")
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")
# The files of a control group with its limit, what it uses, and the part of that which the system would give back; in
# the second version of control groups, and in the first.
_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_bytes(device: Device) -> int | None:
    """Return how much memory is free: of the machine, within all limits of this process, or of its GPU.

    Returns:
        The number of bytes, at least 0; None where the system does not tell.
    """
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None
    return min((max(0, found) for found in _limits()), default=None)


def check_fits(name: str, needed: int, device: Device, parts: str = "") -> None:
    """Make sure that something fits in the memory that is free now.

    Args:
        name: what needs the memory.
        needed: bytes.
        device: that has the memory; one that is not there is left to others to refuse.
        parts: what the needed memory consists of; empty for one piece.

    Raises:
        UsageError: if it does not fit.
    """
    free = free_bytes(device)
    if free is None or needed <= free:
        return
    raise UsageError(
        f"not enough memory: {name} needs at least {size_text(needed)}{f' ({parts})' if parts else ''}, and "
        f"{size_text(free)} are free {'on the GPU' if device == 'cuda' else 'here'}. "
        f"Use {'fewer workers, or ' if parts else ''}a smaller problem, or a machine with more memory."
    )


def size_text(count: int) -> str:
    """Return a number of bytes such as `9.4 GB` or `320 MB`."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _limits() -> Iterator[int]:
    yield from _machine()
    yield from _address_space()
    for folder in _control_groups():
        for limit, usage, cache in _FILES:
            try:
                free = int((folder / limit).read_text("utf-8")) - int((folder / usage).read_text("utf-8"))
                yield free + _table(folder / "memory.stat").get(cache, 0)
            except (OSError, ValueError):  # no such file, or no limit
                continue


def _machine() -> Iterator[int]:
    found = _table(_MACHINE)
    if "MemAvailable:" in found:
        yield (found["MemAvailable:"] + found.get("SwapFree:", 0)) * 1024


def _address_space() -> Iterator[int]:
    try:
        import resource  # not on Windows

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit - int(_PROCESS.read_text("utf-8").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError):
        return


def _control_groups() -> Iterator[Path]:
    """Yield the folders of the control groups that this process is in: its own, and those around it."""
    try:
        lines = _OWN_GROUPS.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        root = _GROUPS if not kinds else _GROUPS / "memory"
        if kinds and "memory" not in kinds.split(","):
            continue
        group = root / path.lstrip("/")
        while group != root and root in group.parents:
            yield group
            group = group.parent
        yield root


def _table(path: Path) -> dict[str, int]:
    """Return the numbers of a file whose lines are a name and a number; empty if it cannot be read."""
    try:
        words = [line.split() for line in path.read_text("utf-8").splitlines()]
    except OSError:
        return {}
    return {name: int(value) for name, value, *_ in (each for each in words if len(each) > 1) if value.isdecimal()}
