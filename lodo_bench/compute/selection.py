"""Which implementation of the heavy arithmetic is used: PyTorch's operations, or code written for the device.

All kernels of an operation compute the same to rounding. PyTorch's is the reference, and works everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import torch

from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import BackendChoice

_DTYPES = (torch.float32, torch.float64)
# For each kernel but PyTorch's: the device that it is for, and the package that it needs, of this version at least.
_NEEDS: Mapping[BackendChoice, tuple[str, str, tuple[int, int]]] = {
    "numba": ("cpu", "numba", (0, 62)),
    "triton": ("cuda", "triton", (3, 1)),
}
_INSTALL: Mapping[BackendChoice, str] = {"numba": "pip install -U 'lodo-bench[cpu]'", "triton": "pip install -U triton"}

_asked: ContextVar[BackendChoice] = ContextVar("kernel", default="auto")


@contextmanager
def use_backend(kernel: BackendChoice) -> Iterator[None]:
    """Build everything inside the block with this kernel; `auto` takes the fastest that there is."""
    token = _asked.set(kernel)
    try:
        yield
    finally:
        _asked.reset(token)


def current_backend(device: torch.device, dtype: torch.dtype) -> BackendChoice:
    """The kernel for tensors of this kind, as `using` says: never `auto`."""
    if dtype not in _DTYPES:
        return "torch"
    asked = _asked.get()
    return best_backend(device.type) if asked == "auto" else asked


def best_backend(device: str) -> BackendChoice:
    """The fastest kernel that there is for a device."""
    return next((name for name in _NEEDS if why_unavailable(name, device) is None), "torch")


def check_backend(kernel: BackendChoice, device: str) -> None:
    """Make sure that `kernel` can be used here.

    Raises:
        UsageError: if its package is missing, or if it is for another device.
    """
    obstacle = None if kernel in ("auto", "torch") else why_unavailable(kernel, device)
    if obstacle is not None:
        raise UsageError(f"kernel '{kernel}' cannot be used: {obstacle}")


def why_unavailable(kernel: BackendChoice, device: str) -> str | None:
    wanted, package, least = _NEEDS[kernel]
    if device != wanted:
        return f"it is for device '{wanted}', not '{device}'. Use 'auto' or 'torch'."
    if find_spec(package) is None:
        return f"the package {package} is not installed. Install it with {_INSTALL[kernel]}, or use 'auto' or 'torch'."
    found = _version(package)
    if found and tuple(int(number) for number in re.findall(r"\d+", found)[:2]) < least:
        needed = f"{package} {'.'.join(map(str, least))} or later is needed, and {found} is installed"
        return f"{needed}. Install it with {_INSTALL[kernel]}, or use 'auto' or 'torch'."
    return None


@cache
def _version(package: str) -> str:
    """As its installation tells; empty if it was installed under another name."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
