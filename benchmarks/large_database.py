"""Seconds and memory of the commands that read, on a large synthetic database.

    python benchmarks/large_database.py --database large.db

The database, of 100,000 individuals and 10,000 runs of 100,000 steps, takes some minutes and 2 GB; it is kept and used
again if `--database` names it. `--scale 0.01` makes a small one in seconds. Each command is a process of its own, and
its seconds include Python's start. Seconds of the CPU, unlike those of a clock, mean something also on a busy machine.
Repeat at least once: the first process of a kind compiles the modules, which a program is spared after its first start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from synthetic_database import write

ROOT = Path(__file__).parent.parent
COMMANDS: Sequence[str] = (
    "list studies",
    "list run-sets",
    "show study 1",
    "show run-set 1",
    "report",
    "report --task deep-linear",
    "report --task deep-linear --target 10",
    "report -o page.html",
    "report --task deep-linear -o task.html",
    "plot curves --task deep-linear -o curves.png",
    "plot search --task deep-linear -o search.png",
    "export runs -o runs.csv",
    "export individuals -o individuals.csv",
    "export curves --run-set 1 -o curves.parquet",
)


class Cost(NamedTuple):
    """Seconds of a process and of the CPU, its peak memory, its exit status and the MB of the file that it wrote."""

    seconds: float
    cpu: float
    memory: float
    status: int
    written: float | None


def measure(command: str, database: Path, folder: Path) -> Cost:
    """Run a command in `folder`."""
    arguments = [sys.executable, "-m", "lodo_bench", *command.split(), "--db", str(database)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    *_, flag, name = ["", *command.split()]
    written = (folder / name).stat().st_size / 1e6 if flag == "-o" and (folder / name).exists() else None
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, process.returncode, written)


def table(database: Path, commands: Sequence[str], repetitions: int) -> Iterator[str]:
    """Yield the lines of the table: the least seconds and memory of several processes for each command."""
    yield "| command | seconds | CPU seconds | peak memory, MB | written, MB |"
    yield "|---|---:|---:|---:|---:|"
    with tempfile.TemporaryDirectory() as folder:
        for command in commands:
            costs = [measure(command, database, Path(folder)) for _ in range(repetitions)]
            best = min(costs)
            failed = f" (exit code {best.status})" if best.status else ""
            written = "" if best.written is None else f"{best.written:.2f}"
            yield f"| {command}{failed} | {best.seconds:.2f} | {best.cpu:.2f} | {best.memory:.0f} | {written} |"


def main() -> None:
    """Write the database unless it exists, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=Path, help="file, kept afterwards (default: a temporary one)")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of individuals, runs and steps (default: 1)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each command (default: 3)")
    parser.add_argument("--only", action="append", help="measure commands that begin so; repeatable")
    arguments = parser.parse_args()
    commands = [c for c in COMMANDS if arguments.only is None or c.startswith(tuple(arguments.only))]
    individuals, runs, steps = (max(round(count * arguments.scale), 1) for count in (100_000, 10_000, 100_000))
    with tempfile.TemporaryDirectory() as folder:
        database = (arguments.database or Path(folder, "large.db")).absolute()
        if not database.exists():
            started = time.perf_counter()
            write(database, individuals, runs, max(steps, 100))
            print(f"Written in {time.perf_counter() - started:.0f} s.\n", file=sys.stderr)
        print(f"{individuals:,} individuals, {runs:,} runs, {database.stat().st_size / 1e6:,.0f} MB.\n")
        for line in table(database, commands, arguments.repetitions):
            print(line, flush=True)


if __name__ == "__main__":
    main()
