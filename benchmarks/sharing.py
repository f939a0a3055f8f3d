"""Two workers as threads of one process and as two processes, for each kind of work, against one after the other.

    python benchmarks/sharing.py

Each evaluates the first generation of the paper's search, 32 individuals in shards of 4. The medians of five rounds are
printed, without the start of workers.
"""

import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tuner.schedule import load_schedules
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate

PAIRS = {
    "compiled loops": [("quadratic", "adam"), ("quadratic", "lodo")],
    "PyTorch calls": [("quadratic", "lodo-diagonal"), ("rosenbrock", "adam"), ("rosenbrock", "lodo")],
}
SHARD_SIZE, WORKERS, ROUNDS = 4, 2, 5


def shards_of(task: str, optimizer: str) -> list[Shard]:
    """Return the shards of the first generation."""
    schedule = load_schedules("paper", task)["genetic"]
    compute = ComputeSpec("cpu", "float64", "numba")
    study = Study(
        StudyRecord(1, StudySpec(TaskSpec(task), OptimizerSpec(optimizer), schedule, 0, compute), None, (), ())
    )
    shards = []
    while study.num_pending:
        shards.append(study.take(SHARD_SIZE))
    return shards


def in_turn(shards: Sequence[Shard]) -> None:
    """Evaluate the shards one after the other."""
    for shard in shards:
        evaluate(shard)


def in_threads(shards: Sequence[Shard]) -> None:
    """Evaluate the shards in threads of this process."""
    threads = [threading.Thread(target=in_turn, args=(shards[k::WORKERS],)) for k in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_processes(shards: Sequence[Shard]) -> None:
    """Evaluate the shards in forks of this process."""
    children = []
    for k in range(WORKERS):
        child = os.fork()
        if child == 0:
            in_turn(shards[k::WORKERS])
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def median_seconds(run: Callable[[Sequence[Shard]], None], shards: Sequence[Shard]) -> float:
    """Return the median of several rounds, in a process of its own: one that has had threads must not be forked."""
    ours, theirs = multiprocessing.Pipe()
    if os.fork() == 0:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            run(shards)
            theirs.send(time.perf_counter() - begun)
        os._exit(0)
    seconds = statistics.median(ours.recv() for _ in range(ROUNDS))
    os.wait()
    return seconds


def main() -> None:
    """Print a table."""
    ways: dict[str, Callable[[Sequence[Shard]], None]] = {
        "in turn": in_turn,
        f"{WORKERS} threads": in_threads,
        f"{WORKERS} processes": in_processes,
    }
    print(f"{'':40}" + "".join(f"{way:>20}" for way in ways))
    for kind, pairs in PAIRS.items():
        for task, optimizer in pairs:
            shards = shards_of(task, optimizer)
            in_turn(shards[:1])  # compile
            seconds = {way: median_seconds(run, shards) for way, run in ways.items()}
            base = seconds["in turn"]
            row = "".join(f"{each:12.3f} s{base / each:5.2f}x" for each in seconds.values())
            print(f"{f'{kind}: {optimizer}, {task}':40}{row}", flush=True)


if __name__ == "__main__":
    main()
