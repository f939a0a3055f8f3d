"""The backends, and what compiles their code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from lodo_bench.doctor.finding import Finding
from lodo_bench.spec.compute import Backend

_CACHE_REMEDY = "export NUMBA_CACHE_DIR=FOLDER"


def check_backends() -> Iterator[Finding]:
    """Check every backend on the devices of this machine, by compiling a function."""
    import torch

    from lodo_bench.compute.selection import why_unavailable

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        for backend in get_args(Backend):
            reason = why_unavailable(backend, device)
            if reason is None:
                yield Finding(f"{backend} on {device}")
            elif "it is for device" not in reason:
                problem, _, remedy = reason.partition(". ")
                yield Finding(f"{backend} on {device} cannot be used: {problem}", "warning", remedy)
    if why_unavailable("numba", "cpu") is None:
        yield from _numba()


def _numba() -> Iterator[Finding]:
    from lodo_bench.backends.numba import trial

    yield Finding("Numba compiles")
    folder = trial.cache_folder()
    if folder is None:
        text = "Numba has no folder that it could keep machine code in, and compiles it anew in each process"
        yield Finding(text, "warning", _CACHE_REMEDY)
    elif trial.is_temporary(folder):
        text = f"Numba caches machine code in {folder}: neither its own folder nor the user's cache is writable"
        yield Finding(text, "warning", _CACHE_REMEDY)
    else:
        yield Finding(f"Numba caches machine code in {folder}")
