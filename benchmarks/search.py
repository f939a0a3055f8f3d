"""Wall times of searches with any number of workers, in processes of this machine and with Ray.

    python benchmarks/search.py schedules --repetitions 3     the paper's schedules for Adam, LODO and Table 8
    python benchmarks/search.py sleeping                      individuals that only sleep, 1 to 64 workers
    python benchmarks/search.py simulated                     MNIST's schedule on 8 GPUs, simulated with measured costs

Each search is a process of its own that begins with an empty database; its wall time includes Python's start and all
imports. Configurations take turns, and medians are printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypedDict
from unittest.mock import patch

ROOT = Path(__file__).parent.parent
SCHEDULES: Mapping[str, Sequence[str]] = {
    "adam": ("adam", "--task", "quadratic"),
    "lodo": ("lodo", "--task", "quadratic"),
    "table8": ("--task", "rosenbrock"),
}
CONFIGURATIONS: Mapping[str, Sequence[str]] = {
    "this process": ("--workers", "0"),
    "1 process": ("--workers", "1"),
    "2 processes": ("--workers", "2"),
    "Ray, 1 worker": ("--workers", "1", "--engine", "ray"),
    "Ray, 2 workers": ("--workers", "2", "--engine", "ray"),
}
SLEEPERS = ["momentum", "adam", "rmsprop", "yogi"]
SLEEPING_GENERATIONS, SLEEPING_POPULATION = 10, 32
GPUS = 8


class Measurement(TypedDict):
    """Times of a search in seconds, and counts.

    `wall` is from the start of the process to its end, `search` from the first report of progress to the last.
    `evaluated` lists the time of each report since the first, with the number of individuals evaluated until then.
    """

    wall: float
    first_individual: float
    search: float
    training: float
    evaluated: list[tuple[float, int]]
    workers: int
    started: int
    values: str


# One search, in the process that is measured


def search_once(arguments: Sequence[str], started: float) -> Measurement:
    """Run `lodo-bench tune`, and return what it took; `started` is the time at which this process was started."""
    from lodo_bench.cli import app
    from lodo_bench.results.database import Database
    from lodo_bench.results.store import Store

    counts: dict[str, int] = {}
    reports: list[tuple[float, int]] = []
    workers = {"num_workers": 0, "num_started": 0}

    class Watch:
        def progress(self, progress: Any) -> None:
            counts[progress.optimizer.label] = progress.evaluated
            reports.append((time.time(), sum(counts.values())))

        def activity(self, activity: Any) -> None:
            workers.update(num_workers=activity.num_workers, num_started=activity.num_started)

        def notice(self, message: str) -> None: ...

    with tempfile.TemporaryDirectory() as folder:
        db = f"{folder}/search.db"
        sys.argv = ["lodo-bench", "tune", *arguments, "--db", db]
        with patch("lodo_bench.cli.views.progress.tuning_progress", lambda: nullcontext(Watch())), suppress(SystemExit):
            app.main()
        summaries = Store(Database(db, create=False)).study_summaries()
    begun = reports[0][0]
    return {
        "wall": 0.0,
        "first_individual": next(moment for moment, count in reports if count) - started,
        "search": reports[-1][0] - begun,
        "training": sum(summary.seconds for summary in summaries),
        "evaluated": [(moment - begun, count) for moment, count in reports],
        "workers": workers["num_workers"],
        "started": workers["num_started"],
        "values": repr([each.result and sorted(each.result.values.items()) for each in summaries]),
    }


def measure(*arguments: str) -> Measurement:
    """Run `lodo-bench tune` in a new process, and return what it took."""
    started = time.time()
    command = [sys.executable, __file__, "once", json.dumps(arguments), str(started)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    wall = time.time() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    measurement: Measurement = json.loads(done.stdout.splitlines()[-1])
    return {**measurement, "wall": wall}


# Comparisons


def compare_schedules(names: Sequence[str], labels: Sequence[str], repetitions: int) -> None:
    """Print the times of the paper's schedules for each engine and number of workers."""
    for name in names:
        taken: dict[str, list[Measurement]] = {label: [] for label in labels}
        for _ in range(repetitions):
            for label in labels:
                taken[label].append(measure(*SCHEDULES[name], *CONFIGURATIONS[label]))
        values = {each["values"] for several in taken.values() for each in several}
        base = statistics.median(each["wall"] for each in taken[labels[0]])
        training = statistics.median(each["training"] for each in taken[labels[0]])
        print(f"\n{name}: pure training on one core {training:.2f} s; tuned values equal: {len(values) == 1}")
        titles = "".join(f"{title:>8}" for title in ("wall", "speed", "/ pure", "first", "search", "starts", "idle"))
        print(f"{'':16}{titles}   all walls")
        for label, several in taken.items():
            wall, first, seconds = (
                statistics.median(each[key] for each in several)
                for key in ("wall", "first_individual", "search")  # type: ignore[literal-required]
            )
            starts = max(each["started"] for each in several)
            idle = statistics.median(1 - each["training"] / (each["workers"] * each["search"]) for each in several)
            walls = " ".join(f"{each['wall']:.1f}" for each in several)
            print(
                f"{label:16}{wall:8.2f}{base / wall:7.2f}x{wall / training:8.2f}{first:8.2f}{seconds:8.2f}{starts:8}"
                f"{idle:8.0%}   {walls}",
                flush=True,
            )


def compare_sleeping(workers: Sequence[int], engine: str) -> None:
    """Print the efficiency of searches whose individuals only sleep: of all, and after the first generations.

    Workers are started during the first generations. On a machine with fewer cores than workers, this takes longer.
    """
    from benchmarks.sleeping_task import SECONDS_PER_STEP

    work = len(SLEEPERS) * SLEEPING_GENERATIONS * SLEEPING_POPULATION * SECONDS_PER_STEP
    shape = f"{SLEEPING_GENERATIONS} generations x {SLEEPING_POPULATION} individuals x {SECONDS_PER_STEP:g} s"
    print(f"{len(SLEEPERS)} optimizers x {shape}, engine {engine}")
    print(f"{'workers':>8}{'search':>9}{'ideal':>9}{'efficiency':>12}{'after start':>13}{'starts':>8}")
    with tempfile.TemporaryDirectory() as folder:
        schedule = Path(folder) / "schedule.yaml"
        plans = "  - {sigma: 1, steps: 1}\n" * SLEEPING_GENERATIONS
        schedule.write_text(f"population: {SLEEPING_POPULATION}\ngenerations:\n{plans}")
        for number in workers:
            taken = measure(
                *SLEEPERS,
                *("--task", "benchmarks.sleeping_task:Sleeping", "--backend", "torch", "--schedule", str(schedule)),
                *("--workers", str(number), "--engine", engine),
            )
            ideal, seconds, total = work / number, taken["search"], taken["evaluated"][-1][1]
            moment, count = next(each for each in taken["evaluated"] if each[1] >= total / SLEEPING_GENERATIONS)
            after = ideal * (1 - count / total) / (seconds - moment)
            print(
                f"{number:8}{seconds:9.2f}{ideal:9.2f}{ideal / seconds:12.2f}{after:13.2f}{taken['started']:8}",
                flush=True,
            )


def simulate_mnist(seconds_per_step: Mapping[str, float] | None) -> None:
    """Print simulated times of MNIST's schedule on 8 GPUs, for one to four workers on each."""
    from benchmarks.simulated_cluster import Costs, simulate
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.study import StudyRecord, StudySpec
    from lodo_bench.spec.training import OptimizerSpec, TaskSpec
    from lodo_bench.tuner.schedule import load_schedules
    from lodo_bench.tuner.shard import Shard
    from lodo_bench.tuner.study import Study

    steps = seconds_per_step or dict(_measured_steps())
    overheads = Costs(start=10.0, transaction=0.003, result=0.002, latency=0.005)
    print("seconds per step:", {name: round(seconds, 4) for name, seconds in steps.items()}, f"; {overheads}")

    def studies(names: Sequence[str]) -> list[Study]:
        schedule = load_schedules("paper", "mnist")["genetic"]
        specs = [
            StudySpec(TaskSpec("mnist"), OptimizerSpec(name), schedule, 0, ComputeSpec("cuda", "float32", "torch"))
            for name in names
        ]
        return [Study(StudyRecord(number, spec, None, (), ())) for number, spec in enumerate(specs)]

    names = list(steps)
    for chosen in (names[:1], names):
        for number in (GPUS, 2 * GPUS, 4 * GPUS):

            def seconds_of(shard: Shard) -> float:
                return 1.0 + steps[shard.training.optimizer.name] * shard.training.steps

            found = simulate(studies(chosen), number, seconds_of, overheads)
            hours, efficiency = found.seconds / 3600, found.efficiency
            print(f"{', '.join(chosen)}: {number} workers, {hours:.2f} h, efficiency {efficiency:.3f}")


def _measured_steps() -> Iterator[tuple[str, float]]:
    """Yield Adam and LODO with their seconds for a step on MNIST on this machine's CPU."""
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
    from lodo_bench.training.loop import train

    for name in ("adam", "lodo"):
        values = {parameter.name: parameter.initial for parameter in OPTIMIZERS.load(name).hyperparameters}
        compute = ComputeSpec("cpu", "float32", "auto")
        spec = TrainingSpec(
            TaskSpec("mnist"), OptimizerSpec(name), "tuning", (Individual((0, 0, 0), values),), 5, compute=compute
        )
        outcome = train(spec)[0]
        yield name, outcome.curve.seconds / outcome.steps


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    schedules = commands.add_parser("schedules")
    schedules.add_argument("names", nargs="*", default=list(SCHEDULES))
    schedules.add_argument("--only", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS), metavar="LABEL")
    schedules.add_argument("--repetitions", type=int, default=3)
    sleeping = commands.add_parser("sleeping")
    sleeping.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    sleeping.add_argument("--engine", default="processes")
    simulated = commands.add_parser("simulated")
    simulated.add_argument("--seconds-per-step", type=json.loads, metavar="JSON")
    once = commands.add_parser("once")
    once.add_argument("arguments", type=json.loads)
    once.add_argument("started", type=float)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.command == "schedules":
        compare_schedules(given.names, given.only, given.repetitions)
    elif given.command == "sleeping":
        compare_sleeping(given.workers, given.engine)
    elif given.command == "simulated":
        simulate_mnist(given.seconds_per_step)
    else:
        print(json.dumps(search_once(given.arguments, given.started)))


if __name__ == "__main__":
    main()
