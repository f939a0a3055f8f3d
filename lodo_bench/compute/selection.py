"""The choice of a backend: PyTorch's operators, or code written for the device.

All backends compute the same up to rounding. PyTorch is the reference, and works everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar, cast

import torch

from lodo_bench.compute.interrupts import defer_interrupts
from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import Backend, BackendChoice

P = ParamSpec("P")
R = TypeVar("R")

_DTYPES = (torch.float32, torch.float64)
# The device that a backend other than PyTorch is for, the package that it needs, and the least version of it.
_REQUIREMENTS: Mapping[Backend, tuple[str, str, tuple[int, int]]] = {
    "numba": ("cpu", "numba", (0, 62)),
    "triton": ("cuda", "triton", (3, 1)),
}
FAST_BACKENDS: Mapping[str, Backend] = {device: name for name, (device, *_) in _REQUIREMENTS.items()}
"""The backend that is faster than PyTorch's operations, by device."""
_INSTALL: Mapping[Backend, str] = {"numba": "pip install -U 'lodo-bench[cpu]'", "triton": "pip install -U triton"}

_choice: ContextVar[BackendChoice] = ContextVar("backend", default="auto")


@contextmanager
def use_backend(backend: BackendChoice) -> Iterator[None]:
    """Build tasks and optimizers with this backend inside the block; `auto` is the fastest one available."""
    token = _choice.set(backend)
    try:
        yield
    finally:
        _choice.reset(token)


def chosen_backend() -> BackendChoice:
    """Return the choice of the innermost `use_backend`; `auto` outside."""
    return _choice.get()


def current_backend(device: torch.device, dtype: torch.dtype) -> Backend:
    """Return the backend for tensors of this device and dtype, as chosen by `use_backend`."""
    if dtype not in _DTYPES:
        return "torch"
    choice = _choice.get()
    return best_backend(device.type) if choice == "auto" else choice


def best_backend(device: str) -> Backend:
    """Return the fastest backend available for a device."""
    return next((name for name in _REQUIREMENTS if why_unavailable(name, device) is None), "torch")


def check_backend(backend: BackendChoice, device: str) -> None:
    """Make sure that `backend` can be used on `device`.

    Raises:
        UsageError: if its package is missing, too old or broken, or if it is for another device.
    """
    reason = None if backend == "auto" else why_unavailable(backend, device)
    if reason is not None:
        raise UsageError(f"backend '{backend}' cannot be used: {reason}")


def why_unavailable(backend: Backend, device: str) -> str | None:
    """Return the reason why a backend cannot be used on a device, with the remedy, or None if it can."""
    if backend == "torch":
        return None
    supported, package, least = _REQUIREMENTS[backend]
    if device != supported:
        return f"it is for device '{supported}', not '{device}'. Use 'auto' or 'torch'."
    install = f"Install it with {_INSTALL[backend]}, or use 'auto' or 'torch'."
    if find_spec(package) is None:
        return f"the package {package} is not installed. {install}"
    found = _version(package)
    if found and tuple(int(number) for number in re.findall(r"\d+", found)[:2]) < least:
        return f"{package} {'.'.join(map(str, least))} or later is needed, and {found} is installed. {install}"
    if device == "cuda" and not torch.cuda.is_available():
        return None  # the GPU is a worker's, on another machine
    return trial_failure(backend)


class SwitchedOffError(Exception):
    """An environment variable switches a backend off."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable)
        self.variable = variable


@cache
def trial_failure(backend: Backend) -> str | None:
    """Compile a small function with an installed backend, once in each process.

    Returns:
        What failed, with the remedy; None if nothing did.
    """
    try:
        with defer_interrupts():  # one that arrived while C imports a module would count as a broken installation
            import_module(f"lodo_bench.backends.{backend}.trial").run()
    except SwitchedOffError as error:
        return f"{error.variable} switches it off. Run 'unset {error.variable}', or use 'auto' or 'torch'."
    except Exception as error:  # whatever a broken installation raises
        return f"it {first_sentence(error)}. Reinstall it with {_INSTALL[backend]}, or use 'auto' or 'torch'."
    return None


def first_sentence(error: Exception) -> str:
    """Return `fails with KIND: TEXT`, with the first line of a compiler's error, as a part of a sentence."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"fails with {type(error).__name__}: {text}".rstrip(":. ").replace(". ", "; ")


def implementation(reference: Callable[P, R], device: torch.device, dtype: torch.dtype) -> Callable[P, R]:
    """Return the current backend's implementation of a class, or the class itself, which is PyTorch's.

    A backend lists its implementations in `lodo_bench/backends/NAME/__init__.py`; they take the arguments of the
    reference. They are named there, not imported here, as they are written in terms of the references.
    """
    backend = current_backend(device, dtype)
    if backend == "torch":
        return reference
    found = import_module(f"lodo_bench.backends.{backend}").IMPLEMENTATIONS.get(qualified_name(reference))
    return reference if found is None else cast("Callable[P, R]", load_attribute(found))


def qualified_name(item: Any) -> str:
    """Return the dotted path of a class or function."""
    return f"{item.__module__}.{item.__qualname__}"


def load_attribute(path: str) -> Any:
    """Import and return the class or function at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@cache
def _version(package: str) -> str:
    """Return the installed version; empty if the package was installed under another name."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
