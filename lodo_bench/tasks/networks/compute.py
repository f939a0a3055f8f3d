"""How a network's products are computed: in which precision, in which order in memory, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar, final

import torch
from torch import Tensor

from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value

OPTIONS = (
    Option(
        "precision",
        "precision",
        "choice",
        "float32",
        "of products; float32 for that of the whole run, tf32 (GPUs) and bf16 for coarser, faster ones",
        choices=("float32", "tf32", "bf16"),
    ),
    Option("channels_last", "nhwc", "choice", "no", "channels next to each other in memory", choices=("no", "yes")),
    Option("compile", "compile", "choice", "no", "let torch.compile fuse the operations", choices=("no", "yes")),
)

F = TypeVar("F", bound=Callable[..., Any])


def check(options: Mapping[str, Value], device: Device, dtype: DType) -> None:
    """Make sure that the arithmetic asked for exists.

    Raises:
        UsageError: for tf32 and channels_last without a GPU, and for tf32 and bf16 in a run of another dtype than
            float32.
    """
    if options.get("channels_last") == "yes" and device != "cuda":
        # PyTorch 2.13 ends the process in the backward pass of such convolutions on some CPUs.
        raise UsageError(
            "channels_last is for GPUs: on CPUs PyTorch may crash with it. Use --device cuda, or leave it out."
        )
    precision = options.get("precision", "float32")
    if precision == "float32":
        return
    if dtype != "float32":
        raise UsageError(f"precision = {precision} is for runs in float32, not {dtype}. Leave out one of them.")
    if precision == "tf32" and device != "cuda":
        raise UsageError("precision = tf32 is a mode of NVIDIA's GPUs. Use --device cuda, or leave it out.")


@final
class ComputeOptions:
    """The arithmetic that a task's options ask for.

    `float32` means no rounding below the run's own precision: PyTorch's default of TF32 in the convolutions of a GPU is
    switched off. On a GPU cuDNN tries its algorithms and takes the fastest, so results there are not bit-identical from
    one run to the next.

    Args:
        options: of the task, all of `OPTIONS` filled in.
        device: where it computes.
    """

    def __init__(self, options: Mapping[str, Any], device: torch.device) -> None:
        self._precision, self._device = options["precision"], device
        self._channels_last, self._compiled = options["channels_last"] == "yes", options["compile"] == "yes"

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """For the forward pass."""
        low = torch.autocast(self._device.type, torch.bfloat16) if self._precision == "bf16" else nullcontext()
        with low:
            yield

    @contextmanager
    def cuda_flags(self) -> Iterator[None]:
        """For forward and backward pass."""
        if self._device.type != "cuda":
            yield
            return
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
        coarse = self._precision == "tf32"
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = coarse, coarse, True
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before

    def to_memory_format(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in the order in memory that is asked for."""
        order = torch.channels_last if self._channels_last else torch.contiguous_format
        return pictures.contiguous(memory_format=order)

    def maybe_compile(self, function: F) -> F:
        """A function of a module, compiled if that is asked for."""
        return _compiled(function, self._device.type) if self._compiled else function


@cache
def _compiled(function: F, device: str) -> F:
    """Compiled once in a process; on a GPU its kernels are also recorded and replayed in one go (CUDA graphs)."""
    mode = "reduce-overhead" if device == "cuda" else "default"
    compiled: F = torch.compile(function, dynamic=False, mode=mode)  # type: ignore[assignment]
    return compiled
