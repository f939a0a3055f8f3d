"""Command-line wording of remedies: the option or the command to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lodo_bench.cli.typed import tune_command, typed
from lodo_bench.errors import LodoBenchError, Remedy, UsageError
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

if TYPE_CHECKING:
    from lodo_bench.spec.study import StudySpec


def explain(error: LodoBenchError) -> str:
    """Return the message of an error, with its remedy in terms of the command line."""
    if not isinstance(error, UsageError) or error.remedy is None:
        return str(error)
    wording = _WORDING[error.remedy]
    return f"{error.message} {wording(**error.details) if callable(wording) else wording.format(**error.details)}"


def _tune(task: TaskSpec, optimizer: OptimizerSpec) -> str:
    return f"Run 'lodo-bench tune {typed(task, optimizer)}'."


def _run(task: TaskSpec, optimizer: OptimizerSpec | None = None) -> str:
    return f"Run 'lodo-bench run {typed(task, optimizer)}'."


def _continue(study: StudySpec, db: str) -> str:
    return f"Continue it with '{tune_command(study, db)}'."


_WORDING: Mapping[Remedy, str | Callable[..., str]] = {
    Remedy.CHOOSE_DATABASE: "Choose another database with --db or LODO_BENCH_DB.",
    Remedy.CHOOSE_WRITABLE_DATABASE: "Choose a writable database with --db or LODO_BENCH_DB.",
    Remedy.CHOOSE_DATA_DIRECTORY: "Choose another data directory with --data-dir or LODO_BENCH_DATA.",
    Remedy.CHOOSE_OUTPUT: "Choose another output with --output.",
    Remedy.CHOOSE_FORMAT: "Choose one with --format ({formats}).",
    Remedy.CHOOSE_TASK: "Choose one with --task and --task-option.",
    Remedy.CHOOSE_BACKEND: "Use --backend auto or torch.",
    Remedy.CHOOSE_HYPERPARAMETERS: "Use --from tuned or default, or give them with -p.",
    Remedy.CHOOSE_CLUSTER: "Start one with 'ray start --head', or omit --address.",
    Remedy.USE_CPU: "Use --device cpu.",
    Remedy.USE_GPU: "Use --device cuda, or omit the option.",
    Remedy.USE_WORKERS: "Use --workers 1 or more, or omit --address and --engine.",
    Remedy.REINSTALL_RAY: "Reinstall it with pip install -U 'ray[tune]'; on CPUs, --engine processes needs no Ray.",
    Remedy.USE_RAY: "Use --engine ray, or omit --engine.",
    Remedy.USE_ONE_PROCESS: "With --workers 0 everything runs in one process.",
    Remedy.FEWER_GPUS: "Use a smaller --gpus-per-worker, or 0 for the CPU.",
    Remedy.SHORTEN_TEMPORARY_DIRECTORY: "Set the environment variable TMPDIR to a writable directory with a "
    "short path, such as /tmp.",
    Remedy.START_FRESH: "To start over, use --fresh.",
    Remedy.FETCH_DATA: "Run 'lodo-bench data fetch {data_set}', or choose the data directory with --data-dir or "
    "LODO_BENCH_DATA.",
    Remedy.RUN_AGAIN: "Use --fresh to run them again.",
    Remedy.CONTINUE_SEARCH: _continue,
    Remedy.TUNE_FIRST: _tune,
    Remedy.RUN_FIRST: _run,
    Remedy.TUNE_FRESH: "Tune it again with --fresh.",
    Remedy.DELETE_DAMAGED: "Delete it with 'lodo-bench delete', or restore the database from a copy.",
    Remedy.MAKE_STUDIES: "Create some with 'lodo-bench tune'.",
    Remedy.MAKE_RUNS: "Create some with 'lodo-bench run'.",
    Remedy.NAME_SWEEP: "Name one with --over, e.g. --over momentum.",
    Remedy.DELETE_WITH_RUNS: "Delete them as well with --with-runs.",
    Remedy.FILL_DATABASE: "Create one with 'lodo-bench tune' or 'lodo-bench run', or choose another with --db or "
    "LODO_BENCH_DB.",
    Remedy.FREE_SPACE: "Free some space, or choose another database with --db or LODO_BENCH_DB.",
    Remedy.COPY_DATABASE: "Copy it to a writable location, and choose the copy with --db or LODO_BENCH_DB.",
    Remedy.UPGRADE_PROGRAM: "Upgrade lodo-bench with 'pip install -U lodo-bench'.",
    Remedy.USE_FORMER_PROGRAM: "Use the version of lodo-bench that wrote it, or choose another database with --db or "
    "LODO_BENCH_DB.",
}
