"""The backends, and what compiles their code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from lodo_bench.doctor.finding import Finding, first_line
from lodo_bench.spec.compute import Backend

_NUMBA_INSTALL = "pip install -U 'lodo-bench[cpu]'"
_CACHE_REMEDY = "export NUMBA_CACHE_DIR=/tmp/numba-cache"


def check_backends() -> Iterator[Finding]:
    """Check every backend on the devices of this machine; Numba by compiling a function."""
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
    try:
        from lodo_bench.backends.numba import trial
    except Exception as error:  # whatever a broken installation raises
        yield Finding(f"Numba cannot be imported: {first_line(error)}", "problem", _NUMBA_INSTALL)
        return
    if trial.is_disabled():
        text = "NUMBA_DISABLE_JIT switches Numba's compiler off, so that searches and runs fail"
        yield Finding(text, "problem", "unset NUMBA_DISABLE_JIT")
        return
    try:
        trial.compile_small()
        yield Finding("Numba compiles")
    except Exception as error:
        yield Finding(f"Numba cannot compile: {first_line(error)}", "problem", _NUMBA_INSTALL)
        return
    try:
        yield Finding(f"Numba caches machine code in {trial.cache_folder()}")
    except Exception as error:
        yield Finding(f"Numba cannot cache machine code: {first_line(error)}", "problem", _CACHE_REMEDY)
