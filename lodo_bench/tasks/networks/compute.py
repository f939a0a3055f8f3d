"""Precision, memory format and compilation of a network's operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar, final

import torch
from torch import Tensor

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value

OPTIONS = (
    Option(
        "precision",
        "precision",
        "choice",
        "float32",
        "of convolutions and matrix products: float32 (the run's dtype), or the faster tf32 (GPUs) and bf16",
        choices=("float32", "tf32", "bf16"),
    ),
    Option("channels_last", "nhwc", "choice", "no", "store images channels-last (GPUs)", choices=("no", "yes")),
    Option("compile", "compile", "choice", "no", "compile the network with torch.compile", choices=("no", "yes")),
)

F = TypeVar("F", bound=Callable[..., Any])


def check(options: Mapping[str, Value], device: Device, dtype: DType) -> None:
    """Check that the device and dtype support the options.

    Raises:
        UsageError: for tf32 or channels_last without a GPU, and for tf32 or bf16 with a dtype other than float32.
    """
    if options.get("channels_last") == "yes" and device != "cuda":
        # On some CPUs, PyTorch 2.13 crashes in the backward pass of such convolutions.
        raise UsageError("channels_last requires a GPU: PyTorch may crash with it on CPUs.", remedy=Remedy.USE_GPU)
    precision = options.get("precision", "float32")
    if precision == "float32":
        return
    if dtype != "float32":
        raise UsageError(f"precision = {precision} requires dtype float32, not {dtype}. Omit one of them.")
    if precision == "tf32" and device != "cuda":
        raise UsageError("precision = tf32 requires an NVIDIA GPU.", remedy=Remedy.USE_GPU)


@final
class ComputeOptions:
    """Context managers and functions that apply a task's compute options.

    `float32` means no rounding below the run's own dtype: TF32, PyTorch's default for convolutions on GPUs, is
    disabled. On GPUs, cuDNN benchmarks its algorithms and selects the fastest, so results there are not bit-identical
    between runs.

    Args:
        options: option values of the task, with defaults for all of `OPTIONS`.
        device: device of all tensors.
    """

    def __init__(self, options: Mapping[str, Any], device: torch.device) -> None:
        self._precision, self._device = options["precision"], device
        self._channels_last, self._compiled = options["channels_last"] == "yes", options["compile"] == "yes"

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Autocast to bf16 if the options ask for it; for the forward pass."""
        low = torch.autocast(self._device.type, torch.bfloat16) if self._precision == "bf16" else nullcontext()
        with low:
            yield

    @contextmanager
    def cuda_flags(self) -> Iterator[None]:
        """Set PyTorch's CUDA flags, and restore them at the end; for forward and backward pass."""
        if self._device.type != "cuda":
            yield
            return
        cudnn = torch.backends.cudnn
        before = cudnn.benchmark
        cudnn.benchmark = True
        try:
            with _tf32(self._precision == "tf32"):
                yield
        finally:
            cudnn.benchmark = before

    def to_memory_format(self, images: Tensor) -> Tensor:
        """Return images (B, C, H, W) in the memory format of the options."""
        memory_format = torch.channels_last if self._channels_last else torch.contiguous_format
        return images.contiguous(memory_format=memory_format)

    def maybe_compile(self, function: F) -> F:
        """Return the function, compiled by `torch.compile` if the options ask for it."""
        return _compiled(function, self._device.type) if self._compiled else function


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Allow TF32 in matrix products and convolutions inside the block, or forbid it."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    # PyTorch 2.9 warns of the former names.
    switches: list[tuple[Any, str, object]] = [(matmul, "allow_tf32", allowed), (cudnn, "allow_tf32", allowed)]
    if hasattr(matmul, "fp32_precision"):
        precision = "tf32" if allowed else "ieee"
        switches = [(switch, "fp32_precision", precision) for switch in (matmul, getattr(cudnn, "conv"))]  # noqa: B009
    before = [getattr(switch, name) for switch, name, _ in switches]
    for switch, name, value in switches:
        setattr(switch, name, value)
    try:
        yield
    finally:
        for (switch, name, _), former in zip(switches, before, strict=True):
            setattr(switch, name, former)


@cache
def _compiled(function: F, device: str) -> F:
    """Compile once per process; on GPUs with CUDA graphs, which replay all kernels in one launch."""
    mode = "reduce-overhead" if device == "cuda" else "default"
    compiled: F = torch.compile(function, dynamic=False, mode=mode)  # type: ignore[assignment]
    return compiled
