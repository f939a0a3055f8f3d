"""The workers of a search, and the engine that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from lodo_bench.compute.cpus import available_cpus
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.compute import Device
from lodo_bench.tuner.capacity import room_on, workers_per_gpu

EngineChoice = Literal["auto", "processes", "ray"]
Engine = Literal["inline", "processes", "ray"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers that a search trains in.

    Attributes:
        workers: the number of workers; 0 trains in this process, None starts one worker for each CPU.
        gpus_per_worker: the share of a GPU that each takes; 0 trains on the CPU.
        address: the address of a running Ray cluster; None uses this machine.
        choice: `processes` of this machine, `ray`, or `auto`: Ray if GPUs or a cluster are asked for.

    Raises:
        UsageError: if the engine cannot serve what is asked for.
    """

    workers: int | None = None
    gpus_per_worker: float = 0.0
    address: str | None = None
    choice: EngineChoice = "auto"

    def __post_init__(self) -> None:
        if self.workers == 0:
            self._check_inline()
        elif self.choice == "processes" and self._needs_ray is not None:
            raise UsageError(
                f"the engine 'processes' uses the CPUs of this machine only, not {self._needs_ray}.",
                remedy=Remedy.USE_RAY,
            )

    @property
    def device(self) -> Device:
        """The device that the workers train on."""
        return "cuda" if self.gpus_per_worker else "cpu"

    @property
    def engine(self) -> Engine:
        """The engine that serves what is asked for."""
        if self.workers == 0:
            return "inline"
        return "ray" if self.choice == "ray" or self._needs_ray is not None else "processes"

    @property
    def reason(self) -> str:
        """The reason for this engine, in words."""
        if self.workers == 0:
            return "0 workers"
        if self._needs_ray is not None:
            return f"for {self._needs_ray}"
        return "as requested" if self.choice != "auto" else "no GPUs or cluster needed"

    @property
    def _needs_ray(self) -> str | None:
        """The demand that only Ray can serve, in words; None without any."""
        if self.address is not None:
            return f"the cluster at '{self.address}'"
        if not self.gpus_per_worker:
            return None
        return f"workers with {self.gpus_per_worker:g} GPU{'' if self.gpus_per_worker <= 1 else 's'} each"

    @property
    def room_here(self) -> int:
        """The number of workers that this machine has room for: one for each CPU, if there are GPUs enough."""
        gpus = torch.cuda.device_count() if self.gpus_per_worker else 0
        return max(1, room_on(available_cpus(), gpus, self.gpus_per_worker))

    def sharing(self, shards: int) -> int:
        """Return the number of workers that train at the same time, and share the memory of this machine or of a GPU.

        Args:
            shards: the number of shards that there are at a time.
        """
        workers = available_cpus() if self.workers is None else max(1, self.workers)
        if self.device == "cuda":
            workers = min(workers, workers_per_gpu(self.gpus_per_worker))
        return max(1, min(workers, shards))

    def _check_inline(self) -> None:
        if self.choice == "ray" or self.address is not None:
            where = "Ray" if self.address is None else f"the Ray cluster at '{self.address}'"
            raise UsageError(
                f"without workers, training runs in this process and cannot use {where}.", remedy=Remedy.USE_WORKERS
            )
        if self.gpus_per_worker > 1:
            raise UsageError(
                f"without workers, training runs in this process, which uses one GPU at most, not "
                f"{self.gpus_per_worker:g}.",
                remedy=Remedy.FEWER_GPUS,
            )
