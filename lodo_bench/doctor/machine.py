"""Devices, CPUs and threads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from lodo_bench.compute.cpus import available_cpus
from lodo_bench.doctor.finding import Finding, first_line

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_CUDA_INSTALL = "pip install --force-reinstall torch"
_GIB = 2**30


def check_devices() -> Iterator[Finding]:
    """Check that PyTorch computes, on the CPU and on every GPU of the machine."""
    import torch

    float(torch.ones(3, dtype=torch.float64).sum())
    yield Finding("cpu")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        is_available = torch.cuda.is_available()
    reasons = [first_line(each.message) for each in caught if isinstance(each.message, Warning)]
    if is_available:
        yield from _gpus()
    elif not _NVIDIA_DRIVER.exists() and not reasons:
        yield Finding("no GPU")
    elif torch.version.cuda is None:
        yield Finding("there is an NVIDIA GPU, but this PyTorch is a build for CPUs", "warning", _CUDA_INSTALL)
    elif os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        yield Finding("CUDA_VISIBLE_DEVICES hides all GPUs", "warning", "unset CUDA_VISIBLE_DEVICES")
    else:
        reason = f": {reasons[0]}" if reasons else ""
        yield Finding(
            f"PyTorch, built for CUDA {torch.version.cuda}, cannot use the GPU{reason}",
            "problem",
            f"Upgrade the driver to one for CUDA {torch.version.cuda} (nvidia-smi shows it), or use the CPU.",
        )


def _gpus() -> Iterator[Finding]:
    import torch

    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        text = f"cuda:{index}: {about.name}, {about.total_memory / _GIB:.0f} GiB"
        try:
            float(torch.ones(3, device=f"cuda:{index}").sum())
            yield Finding(text)
        except Exception as error:  # whatever the driver raises
            yield Finding(f"{text} does not compute: {first_line(error)}", "problem", _CUDA_INSTALL)


def check_cpus() -> Iterator[Finding]:
    """Check the number of CPUs, and whether they are free."""
    usable, total = available_cpus(), os.cpu_count() or 1
    reason = "" if usable == total else " (the others are withheld by a CPU affinity or a container's limit)"
    yield Finding(f"{usable} of {total} CPUs can be used{reason}")
    if not hasattr(os, "getloadavg"):
        return
    load = os.getloadavg()[0]
    if load > usable:
        yield Finding(
            f"the machine is busy: {load:.1f} processes want to run at a time, so that timed runs are too slow",
            "warning",
            "Find what runs with 'top', and wait until it has finished.",
        )


def check_threads() -> Iterator[Finding]:
    """Check the environment variables that set numbers of threads."""
    usable = available_cpus()
    for name in _THREAD_VARIABLES:
        value = os.environ.get(name)
        if value is None:
            continue
        # OpenMP's may be a list, one number for each level of nested loops.
        counts = value.split(",") if name == "OMP_NUM_THREADS" else [value]
        if not all(count.strip().isdecimal() and int(count) for count in counts):
            yield Finding(f"{name}={value} is not a number of threads", "problem", f"unset {name}")
        elif int(counts[0]) > usable:
            text = f"{name}={value} asks for more threads than the {usable} CPUs, which slows everything down"
            yield Finding(text, "warning", f"export {name}={usable}")
        else:
            yield Finding(f"{name}={value}")
    import torch

    yield Finding(f"PyTorch uses up to {torch.get_num_threads()} threads in one process")
