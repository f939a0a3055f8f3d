"""Training speed of the networks: Adam and LODO in lodo-bench, beside a plain PyTorch loop with torch.optim.Adam.

Every contestant trains in a process of its own, so that the peak of its memory is its own, in turns over several
repetitions; the medians are printed. The optimizer's share of a step is what the task alone does not take. On a GPU
with the paper's batch sizes it is also computed how long Table 2 and Table 4 of the paper would take there.

    python benchmarks/networks.py --task mnist --device cuda -t compile=yes
    python benchmarks/networks.py --task cifar10 --random-data --batch-size 8 --width 8

It needs PyTorch and NumPy, and the data, see `lodo-bench data`; `--random-data` does with random pictures, which are
as quick to train on.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from plain_loops import WARM_UP_STEPS, finished, plain_seconds

from lodo_bench import seeding
from lodo_bench.errors import LodoBenchError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Value, resolve
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from lodo_bench.training.validation import check_device, check_task

BATCH = {"mnist": 256, "cifar10": 2048}
# Of the paper's tables: which, the step milestone, the time milestone in seconds.
TABLES = {"mnist": ("Table 2", 300_000, 50_000), "cifar10": ("Table 4", 3000, 24_000)}
RUNS, FIRST_ORDER = 8, 5
# The paper's tuned values (LODO Table 6).
VALUES = {
    ("mnist", "adam"): (0.0009554, 0.9323, 0.99505),
    ("cifar10", "adam"): (0.0004295, 0.9562, 0.99814),
    ("mnist", "lodo"): (7.946e-6, 0.9343, 0.08459),
    ("cifar10", "lodo"): (0.0001134, 0.9490, 0.1725),
}
# What LODO keeps for each parameter in single precision: 128 weights with two moments each, traces and permutations.
LODO_BYTES = 2300


@dataclass(frozen=True)
class Setting:
    """A setup to measure."""

    task: str
    options: Mapping[str, Value]
    device: str
    steps: int
    threads: int

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        return int(self.options.get("batch_size", BATCH[self.task]))


def training(setting: Setting, optimizer: str) -> TrainingSpec:
    """Return a spec with one individual at the paper's values; as in tuning, without metrics."""
    names = [p.name for p in OPTIMIZERS.load(optimizer).hyperparameters]
    individual = Individual((0,), dict(zip(names, VALUES[setting.task, optimizer], strict=True)))
    task = TaskSpec(setting.task, setting.options)
    compute = ComputeSpec(setting.device, "float32")
    return TrainingSpec(task, OptimizerSpec(optimizer), "tuning", (individual,), setting.steps, compute=compute)


def our_seconds(setting: Setting, optimizer: str) -> float:
    """Return the seconds per step on the training clock."""
    curve = train(training(setting, optimizer))[0].curve
    return curve.seconds / len(curve.losses)


def task_seconds(setting: Setting) -> float:
    """Return the seconds per evaluation of loss and gradient on a fresh batch."""
    spec = training(setting, "adam")
    task = TASKS.load(setting.task)(seeding.task_generators(spec), torch.float32, spec.task.options)
    x = task.initial_point()
    for step in range(WARM_UP_STEPS + setting.steps):
        if step == WARM_UP_STEPS:
            started = finished(setting.device)
        task.next_batch()
        task.loss_and_gradient(x)
    return (finished(setting.device) - started) / setting.steps


def plain(setting: Setting) -> float:
    """Return the seconds per step of the plain loop."""
    width = int(setting.options.get("width", 64))
    return plain_seconds(setting.task, setting.batch_size, width, setting.steps, setting.device)


CONTESTANTS: Mapping[str, Callable[[Setting], float]] = {
    "adam, plain PyTorch loop": plain,
    "task alone": task_seconds,
    "adam": lambda setting: our_seconds(setting, "adam"),
    "lodo": lambda setting: our_seconds(setting, "lodo"),
}


def contest(name: str, setting: Setting) -> tuple[float, float]:
    """Return the seconds per step, and the peak memory of the GPU or this process in bytes."""
    torch.set_num_threads(setting.threads)
    seconds = CONTESTANTS[name](setting)
    if setting.device == "cuda":
        return seconds, torch.cuda.max_memory_allocated()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(setting: Setting, repetitions: int) -> dict[str, tuple[float, float]]:
    """Return the median seconds per step and the peak memory, by contestant."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTESTANTS if fits(name, setting)}
    context = multiprocessing.get_context("spawn")
    for _ in range(repetitions):
        for name, results in found.items():
            with context.Pool(1) as pool:
                results.append(pool.apply(contest, (name, setting)))
    return {name: (median(s for s, _ in each), max(m for _, m in each)) for name, each in found.items()}


def fits(name: str, setting: Setting) -> bool:
    """Return True if there is enough memory; print a message if not."""
    if name != "lodo":
        return True
    needed = LODO_BYTES * TASKS.load(setting.task).dimension_for(setting.options)
    if setting.device == "cuda":
        there = torch.cuda.mem_get_info()[0]
    else:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    if needed > there:
        print(f"lodo is left out: it takes about {needed / 2**30:.0f} GiB, and {there / 2**30:.0f} are free.\n")
    return needed <= there


def table(found: Mapping[str, tuple[float, float]]) -> str:
    """Return a Markdown table."""
    alone, loop = found["task alone"][0], found["adam, plain PyTorch loop"][0]
    lines = [
        "| contestant | steps/s | ratio to the plain loop | optimizer's share | peak memory, GiB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (seconds, memory) in found.items():
        share = f"{max(0.0, 1 - alone / seconds):.0%}" if name in ("adam", "lodo") else "–"
        lines.append(f"| {name} | {1 / seconds:,.3g} | {loop / seconds:.2f} | {share} | {memory / 2**30:.2f} |")
    return "\n".join(lines)


def whole_table(setting: Setting, found: Mapping[str, tuple[float, float]]) -> str:
    """Estimate the duration of the paper's table: 8 runs each of LODO and of five others about as fast as Adam."""
    title, steps, seconds = TABLES[setting.task]
    adam, lodo = (max(steps * found[name][0], seconds) for name in ("adam", "lodo"))
    hours = RUNS * (FIRST_ORDER * adam + lodo) / 3600
    short = RUNS * steps * (FIRST_ORDER * found["adam"][0] + found["lodo"][0]) / 3600
    return f"{title} takes {hours:,.0f} hours of training here, or {short:,.1f} with its step milestone alone."


def write_random_data(task: str, directory: Path) -> None:
    """Write random images in the formats of the real data, declared as a stand-in."""
    rng = np.random.default_rng(0)
    if task == "mnist":
        contents = {}
        for prefix in ("train", "t10k"):
            images, labels = rng.integers(0, 256, (2000, 28, 28)), rng.integers(0, 10, 2000)
            contents[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, *images.shape) + to_bytes(images)
            contents[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, len(labels)) + to_bytes(labels)
    else:
        names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
        pictures = np.concatenate([rng.integers(0, 10, (2000, 1)), rng.integers(0, 256, (2000, 3072))], axis=1)
        contents = dict.fromkeys(names, to_bytes(pictures))
    (directory / task).mkdir()
    for name, content in contents.items():
        (directory / task / name).write_bytes(content)
    files = {n: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in contents.items()}
    declaration = {"stand_in_for": task, "name": "random", "files": files}
    (directory / task / "stand-in.json").write_text(json.dumps(declaration))


def to_bytes(numbers: np.ndarray) -> bytes:
    return numbers.astype(np.uint8).tobytes()


def setting_of(arguments: argparse.Namespace) -> Setting:
    """Parse and validate the arguments."""
    task = arguments.task
    given = dict(text.split("=", 1) for text in arguments.task_option)
    given |= {"batch_size": arguments.batch_size or BATCH[task]} | (
        {"width": arguments.width} if arguments.width else {}
    )
    options = resolve(TASKS.load(task).options_table, given, f"task {task}", "option")
    check_device(arguments.device)
    check_task(TaskSpec(task, options), arguments.device, "float32")
    return Setting(task, options, arguments.device, arguments.steps, arguments.threads)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=list(BATCH), required=True)
    parser.add_argument("--batch-size", type=int, help="the paper's by default")
    parser.add_argument("--width", type=int, help="channels of cifar10's first stage, 64 by default")
    parser.add_argument("-t", "--task-option", action="append", default=[], metavar="NAME=VALUE", help="as of run")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=20, help="steps of a training (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="turns of each (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="on a CPU (default %(default)s)")
    parser.add_argument("--random-data", action="store_true", help="random pictures in place of the data")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.random_data:
            write_random_data(arguments.task, Path(directory))
            os.environ["LODO_BENCH_DATA"] = directory
        try:
            report(setting_of(arguments), arguments.repetitions)
        except LodoBenchError as error:
            sys.exit(f"networks.py: {error}")


def report(setting: Setting, repetitions: int) -> None:
    where = torch.cuda.get_device_name() if setting.device == "cuda" else f"CPU, {setting.threads} threads"
    print(
        f"{TaskSpec(setting.task, setting.options).label} on {where}, float32, PyTorch {torch.__version__}; median of "
        f"{repetitions} trainings of {setting.steps} steps.\n"
    )
    found = measure(setting, repetitions)
    print(table(found))
    if setting.device == "cuda" and setting.batch_size == BATCH[setting.task] and "lodo" in found:
        print("\n" + whole_table(setting, found))


if __name__ == "__main__":
    main()
