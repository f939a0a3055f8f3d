"""Resolution of the requested device, dtype, backend and workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.api.requests import WorkersRequest
from lodo_bench.compute.selection import FAST_BACKENDS, best_backend, check_backend, why_unavailable
from lodo_bench.errors import Remedy, UsageError, check_choice
from lodo_bench.spec.compute import Backend, BackendChoice, ComputeSpec, Device, DType
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.machine_code import code_failure
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.cluster import Cluster, EngineChoice

Training = tuple[TaskSpec, OptimizerSpec, ComputeSpec]


def compute_spec(device: Device, dtype: str | None, backend: str, task: str) -> ComputeSpec:
    """Resolve the dtype, the task's own if None, and the backend, the fastest available one if `auto`.

    Raises:
        UsageError: if there is no such dtype or backend, or the backend cannot be used.
    """
    found = cast("DType", check_choice(dtype or TASKS.load(task).default_dtype, get_args(DType), "dtype"))
    return ComputeSpec(device, found, resolve_backend(backend, device))


def resolve_device(name: str) -> Device:
    """Return the device of this name.

    Raises:
        UsageError: if there is no such device, or PyTorch cannot use it here.
    """
    device = cast("Device", check_choice(name, get_args(Device), "device"))
    check_device(device)
    return device


def resolve_backend(name: str, device: Device) -> BackendChoice:
    """Return the backend of this name; for `auto`, the fastest available one for the device.

    Raises:
        UsageError: if there is no such backend, or it cannot be used.
    """
    backend = cast("BackendChoice", check_choice(name, ("auto", *get_args(Backend)), "backend"))
    check_backend(backend, device)
    return best_backend(device) if backend == "auto" else backend


def resolve_workers(request: WorkersRequest) -> Cluster:
    """Return the workers of searches, which know their device.

    Raises:
        UsageError: for a combination that contradicts itself, or a device that is not available in this process.
    """
    gpus, device = request.gpus_per_worker, request.device
    if device is None:
        device = "cuda" if gpus else "cpu"
    check_choice(device, get_args(Device), "device")
    if gpus is None:
        gpus = 1.0 if device == "cuda" else 0.0
    if (device == "cuda") != (gpus > 0):
        raise UsageError(f"device '{device}' and {gpus:g} GPUs per worker conflict. Omit one of them.")
    engine = cast("EngineChoice", check_choice(request.engine, get_args(EngineChoice), "engine"))
    cluster = Cluster(request.workers, gpus, request.address, engine)
    if request.workers == 0:
        check_device(cluster.device)
    return cluster


def settle_backend(requested: str, trainings: Sequence[Training], progress: ProgressReporter) -> BackendChoice:
    """Return the backend for a request, whose optimizers all have the same, as their times are compared.

    It is that of the trainings, unless Numba's code for one of them fails; then PyTorch's operations are used instead.
    The user is told if the backend that makes the device faster cannot be used.

    Args:
        requested: the backend that the user asks for.
        trainings: task, optimizer and computation of each, with one device and backend, at least one.
        progress: receives the notice.

    Raises:
        UsageError: if the user asks for a backend whose code fails.
    """
    compute = trainings[0][2]
    reason = next(filter(None, (code_failure(*training) for training in trainings)), None)
    if reason is None:
        if requested == "auto":
            notice_slow_backend(compute, progress)
        return compute.backend
    if requested != "auto":
        raise UsageError(f"backend '{requested}' cannot be used: {reason}.", remedy=Remedy.CHOOSE_BACKEND)
    _notice(FAST_BACKENDS[compute.device], reason, progress)
    return "torch"


def notice_slow_backend(compute: ComputeSpec, progress: ProgressReporter) -> None:
    """Emit a notice if PyTorch's operations are used because the backend that makes the device faster is unusable."""
    if compute.backend != "torch":
        return
    fast = FAST_BACKENDS[compute.device]
    if (reason := why_unavailable(fast, compute.device)) is not None:
        _notice(fast, reason.partition(". ")[0], progress)


def _notice(fast: Backend, reason: str, progress: ProgressReporter) -> None:
    progress.notice(
        f"PyTorch's operations are used, as the faster backend '{fast}' cannot be: {reason}. See 'lodo-bench doctor'."
    )
