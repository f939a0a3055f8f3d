"""Time of a LODO step (LODO §3) without the task, by backend and size, compared with a memory-bandwidth lower bound.

For each n, dtype and backend available on the device: the median time of a step, the bytes that a step must move, the
time that the machine needs to copy as many bytes, and the peak memory. Sizes that do not fit in memory are listed and
skipped. Needs PyTorch and NumPy, and Numba or Triton for their backends.

    python benchmarks/lodo_step.py --device cuda --output results.md

With `--drop-in`, `lodo_bench.LODO` by preset instead, beside AdamW in its fastest form for many tensors (foreach): time
and bytes of state for each parameter entry, in one tensor of n entries.

    python benchmarks/lodo_step.py --drop-in
"""

import argparse
import gc
import math
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch

import lodo_bench
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.lodo.block_network import padded_dimension
from lodo_bench.optimizers.lodo.lodo import Lodo
from lodo_bench.runs.provenance import collect_provenance
from lodo_bench.spec.compute import BackendChoice

SIZES = (100, 1_000, 10_000, 94_696, 1_000_000, 5_000_000, 10_000_000)
LAYERS, BLOCK_SIZE = 16, 4
WARM_UP_STEPS = 3
COPY_BYTES = 2**28
VALUES = {"meta_learning_rate": 0.001, "momentum": 0.9, "initial_learning_rate": 0.1}
BYTES_MOVED = """\
The bytes that a step must move, for θ of W = N ñ k numbers of s bytes: 9 W s for θ and Adam's moments (θ
is read by both passes of the update and both of the hypergradient; θ and the moments are written, and the moments
read, once), 6 N ñ s for activations (two written by the update and read by the hypergradient, whose own are written
and read) and 16 N ñ for the permutations, read by four passes. Signals between layers, and their random order, are
not counted. If everything fits in a cache, a step can be faster than a copy through memory."""


@dataclass(frozen=True)
class Case:
    """A configuration to measure."""

    n: int
    population: int
    dtype: torch.dtype
    backend: BackendChoice
    device: str

    @property
    def entries(self) -> int:
        """N ñ, summed over all individuals."""
        return self.population * LAYERS * padded_dimension(self.n, BLOCK_SIZE)

    @property
    def moved_bytes(self) -> int:
        """Lower bound of the bytes that a step moves; see BYTES_MOVED."""
        return self.entries * ((9 * BLOCK_SIZE + 6) * self.dtype.itemsize + 16)

    @property
    def needed_bytes(self) -> int:
        """Estimate of the peak memory of a step: the reference has an extra gradient and work tensor."""
        tensors = 6 if self.backend == "torch" else 3
        return self.entries * (
            (tensors * BLOCK_SIZE + 4) * self.dtype.itemsize + (28 if self.backend == "torch" else 8)
        )


@dataclass(frozen=True)
class Measured:
    """Result of a case; `memory` in bytes, None if unknown."""

    case: Case
    seconds: float
    memory: int | None


class Memory:
    """Increase of the peak memory over the memory in use before; on CPUs only under Linux."""

    def __init__(self, device: str) -> None:
        self._device = device
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self._before: int | None = torch.cuda.memory_allocated()
        else:
            self._before = _resident("VmRSS")
            if self._before is not None:
                Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far

    def peak(self) -> int | None:
        """Return the increase in bytes; None if unknown."""
        if self._device == "cuda":
            now: int | None = torch.cuda.max_memory_allocated()
        else:
            now = _resident("VmHWM")
        return None if now is None or self._before is None else now - self._before


def _resident(field: str) -> int | None:
    return _kibibytes("/proc/self/status", field)


def _kibibytes(path: str, field: str) -> int | None:
    if sys.platform != "linux":
        return None
    lines = Path(path).read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def free_bytes(device: str) -> float:
    """Return the free memory in bytes."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return _kibibytes("/proc/meminfo", "MemAvailable") or math.inf


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def timed(work: Callable[[], object], device: str, budget: float) -> float:
    """Return the median seconds of as many calls as the budget of seconds allows, at least three."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < budget:
        synchronize(device)
        started = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - started)
    return median(times)


def bandwidth(device: str, budget: float) -> float:
    """Return the bytes per second that copying a tensor reads and writes in total."""
    source = torch.ones(COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * COPY_BYTES / timed(lambda: target.copy_(source), device, budget)


def measure(case: Case, budget: float) -> Measured:
    """Build a LODO of this size and let it step; a small one first, so that its code is there and compiled."""
    build(replace(case, n=64, population=1))
    memory = Memory(case.device)
    lodo, gradient = build(case)
    # Many small steps at once, so that the clock is no part of what it measures.
    several = max(1, 1_000_000 // case.entries)

    def steps() -> None:
        for _ in range(several):
            lodo.step(gradient, GradientOnly())

    return Measured(case, timed(steps, case.device, budget) / several, memory.peak())


def measure_apart(case: Case, budget: float) -> Measured:
    """Measure in a separate process, so that other cases leave no memory behind."""
    with multiprocessing.get_context("spawn").Pool(1, torch.set_num_threads, (torch.get_num_threads(),)) as pool:
        return pool.apply(measure, (case, budget))


@torch.no_grad()
def build(case: Case) -> tuple[Lodo, torch.Tensor]:
    """Return a LODO of this size after some warm-up steps, and a gradient."""
    x = torch.zeros(case.population, case.n, device=case.device, dtype=case.dtype)
    values = {name: x.new_full((case.population,), value) for name, value in VALUES.items()}
    generators = [torch.Generator(device=case.device).manual_seed(p) for p in range(case.population)]
    with use_backend(case.backend):
        lodo = Lodo(x, values, generators, {"layers": LAYERS, "block_size": BLOCK_SIZE})
    gradient = torch.randn_like(x)
    for _ in range(WARM_UP_STEPS):
        lodo.step(gradient, GradientOnly())
    return lodo, gradient


def cases(device: str, most: int) -> Iterator[Case]:
    """Return all sizes of one individual and a population of small ones, for the fastest backend and the reference."""
    backends: list[BackendChoice] = sorted({best_backend(device), "torch"})
    shapes = [(n, 1) for n in SIZES if n <= most] + [(100, 32)]
    for dtype in (torch.float32, torch.float64):
        for backend in backends:
            for n, population in shapes:
                yield Case(n, population, dtype, backend, device)


def row(found: Measured, former: Measured | None, speed: float) -> str:
    case, floor = found.case, found.case.moved_bytes / speed
    growth = ""
    if former is not None and former.case.n < case.n and former.case.population == case.population:
        growth = f"{math.log(found.seconds / former.seconds) / math.log(case.n / former.case.n):.2f}"
    memory = "" if found.memory is None else f"{found.memory / 1e6:,.1f}"
    dtype = str(case.dtype).removeprefix("torch.")
    return (
        f"| {case.backend} | {dtype} | {case.n:,} | {case.population} | {found.seconds * 1e3:,.4g} | "
        f"{case.moved_bytes / 1e6:,.4g} | {floor * 1e3:,.4g} | {found.seconds / floor:.2f} | {growth} | {memory} |"
    )


def table(device: str, most: int, budget: float, speed: float) -> Iterator[str]:
    """Yield the lines of a Markdown table as they are measured, and the skipped cases."""
    yield "| backend | dtype | n | P | step, ms | moved, MB | bound, ms | step / bound | growth | peak memory, MB |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    former, skipped = None, []
    for case in cases(device, most):
        if 1.1 * case.needed_bytes > free_bytes(device):
            dtype = str(case.dtype).removeprefix("torch.")
            skipped.append(f"{case.backend}, {dtype}, n = {case.n:,} ({case.needed_bytes / 1e9:.1f} GB)")
            continue
        found = measure_apart(case, budget)
        yield row(found, former, speed)
        former = found
    if skipped:
        yield f"\nLeft out, as they do not fit into memory: {'; '.join(skipped)}."


# `lodo_bench.LODO` by preset

DROP_IN_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
CONTESTANTS: dict[str, Callable[[list[torch.Tensor]], torch.optim.Optimizer]] = {
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, foreach=True),
    "light": lambda parameters: lodo_bench.LODO(parameters, preset="light"),
    "light, torch": lambda parameters: lodo_bench.LODO(parameters, preset="light"),
    "light, adam": lambda parameters: lodo_bench.LODO(parameters, preset="light", meta_optimizer="adam"),
    "light, bfloat16": lambda parameters: lodo_bench.LODO(parameters, preconditioner_dtype="bfloat16"),
    "diagonal": lambda parameters: lodo_bench.LODO(parameters, preset="diagonal"),
    "paper": lambda parameters: lodo_bench.LODO(parameters, preset="paper"),
}
BACKENDS: dict[str, BackendChoice] = {"light, torch": "torch"}  # the others: the fastest that is available
# The bytes for each entry that the paper's network needs, its activations included.
PAPER_BYTES = 2_200


@dataclass(frozen=True)
class DropInCost:
    """Seconds of a step, bytes of the optimizer's state, and of the growth of the peak memory, None if unknown."""

    seconds: float
    state: int
    memory: int | None


def measure_drop_in(name: str, n: int, device: str, budget: float) -> DropInCost:
    """Let an optimizer step over one tensor; one of a small tensor first, so that its code is there and compiled."""
    drop_in_step(name, 64, device)
    memory = Memory(device)
    step, optimizer = drop_in_step(name, n, device)
    several = max(1, 100_000 // n)

    def steps() -> None:
        for _ in range(several):
            step()

    seconds = timed(steps, device, budget) / several
    states = (value for state in optimizer.state.values() for value in state.values())
    held = sum(value.nbytes for value in states if isinstance(value, torch.Tensor))
    return DropInCost(seconds, held, memory.peak())


def drop_in_step(name: str, n: int, device: str) -> tuple[Callable[[], object], torch.optim.Optimizer]:
    parameter = torch.zeros(n, device=device, requires_grad=True)
    optimizer = CONTESTANTS[name]([parameter])
    parameter.grad = torch.randn(n, device=device)
    with use_backend(BACKENDS.get(name, "auto")):
        for _ in range(WARM_UP_STEPS):
            optimizer.step()
    return optimizer.step, optimizer


def drop_in_table(device: str, most: int, budget: float) -> Iterator[str]:
    """Yield the lines of a Markdown table as they are measured."""
    yield "| n | optimizer | step, ms | ns per entry | ratio to AdamW | state, bytes per entry | peak, bytes |"
    yield "|---:|---|---:|---:|---:|---:|---:|"
    for n in (size for size in DROP_IN_SIZES if size <= most):
        reference = None
        for name in CONTESTANTS:
            if name == "paper" and 1.1 * n * PAPER_BYTES > free_bytes(device):
                yield f"| {n:,} | {name} | does not fit into memory | | | | |"
                continue
            with multiprocessing.get_context("spawn").Pool(
                1, torch.set_num_threads, (torch.get_num_threads(),)
            ) as pool:
                found = pool.apply(measure_drop_in, (name, n, device, budget))
            reference = found.seconds if reference is None else reference
            peak = "" if found.memory is None else f"{found.memory / n:,.1f}"
            yield (
                f"| {n:,} | {name} | {found.seconds * 1e3:.4g} | {found.seconds / n * 1e9:.4g} | "
                f"{found.seconds / reference:.2f} | {found.state / n:,.1f} | {peak} |"
            )


def report(arguments: argparse.Namespace) -> Iterator[str]:
    where = collect_provenance(arguments.device, "", torch.get_num_threads())
    speed = bandwidth(arguments.device, arguments.seconds)
    versions = ", ".join(f"{name} {version}" for name, version in where.versions.items() if name != "ray")
    machine = f"{where.machine.device} ({where.machine.cpu}, {where.machine.threads} threads)"
    yield f"A step of LODO on {machine}, {platform.system()}, {datetime.now(UTC):%Y-%m-%d};"
    yield f"{versions}. Copying moves {speed / 1e9:.1f} GB/s.\n"
    if arguments.drop_in:
        yield from drop_in_table(arguments.device, arguments.max_n, arguments.seconds)
        yield "\nPeak: the growth of the process's memory per entry, construction included, with the parameter and its"
        yield "gradient (8 bytes)."
        return
    yield from table(arguments.device, arguments.max_n, arguments.seconds, speed)
    yield f"\n{BYTES_MOVED}\n"
    yield "Growth: the exponent of n between a size and the one before. Peak memory: what the optimizer added, its"
    yield "construction included."


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default %(default)s")
    parser.add_argument("--drop-in", action="store_true", help="measure lodo_bench.LODO by preset, beside AdamW")
    parser.add_argument("--max-n", type=int, default=SIZES[-1], help="the largest n (default %(default)s)")
    parser.add_argument("--threads", type=int, help="threads on a CPU (default: as many as PyTorch takes)")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each measurement (default %(default)s)")
    parser.add_argument("--output", type=Path, help="a file to write to as well")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU here; use --device cpu")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with arguments.output.open("w", encoding="utf-8") if arguments.output else nullcontext() as file:
        for line in report(arguments):
            print(line, flush=True)
            if file is not None:
                print(line, file=file, flush=True)


if __name__ == "__main__":
    main()
