"""`lodo-bench reproduce`: the paper's tables and figures, or the user's own experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataDirOption,
    JsonOption,
    open_store,
    open_store_for_writing,
    resolve_backend,
    set_data_directory,
)
from lodo_bench.cli.output import command_line, echo_err, print_json, show_table
from lodo_bench.errors import DatabaseError, Interrupted, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lodo_bench.experiments.plan import ExecutionConfig, Plan
    from lodo_bench.experiments.result import ExperimentResult
    from lodo_bench.results.store import Store
    from lodo_bench.spec.compute import Device


def reproduce(
    experiment: Annotated[
        str | None,
        typer.Argument(help="A table or figure, e.g. table1 (see --list), or a YAML file.", metavar="NAME|PATH"),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="paper: as published, hours or days. laptop: what a CPU can, by default where there is such a scale. "
            "smoke: seconds, to see that it works.",
            metavar="SCALE",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done, and how long.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Name every table and figure, and what it needs.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="How many to train in parallel; 0: in this process. One a CPU by default.")
    ] = None,
    gpus_per_worker: Annotated[
        float,
        typer.Option(min=0, help="Share of a GPU for each worker; final runs use it, too. 0: on the CPU."),
    ] = 0,
    address: Annotated[
        str | None, typer.Option(help="A running Ray cluster, e.g. auto; starts one by default.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Where tables and pictures go; results/NAME-SCALE by default.", metavar="DIR"),
    ] = None,
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compute a table or figure of the paper: tune and run what the database lacks, then write tables and pictures.

    The same command again goes on where it was stopped, and does nothing that is done.
    """
    set_data_directory(data_dir)
    if list_:
        _list(json)
        return
    if experiment is None:
        raise UsageError("which table or figure? Name one, e.g. 'lodo-bench reproduce table8'; --list shows them all.")
    from lodo_bench.experiments.loading import load_experiment
    from lodo_bench.experiments.plan import make_plan

    loaded = load_experiment(experiment, scale)
    plan = make_plan(loaded, _execution(workers, gpus_per_worker, address))
    if dry_run:
        _print_summary(plan, db, json)
    else:
        _reproduce(plan, output or f"results/{loaded.name}-{loaded.scale}", db, json)


def _execution(workers: int | None, gpus_per_worker: float, address: str | None) -> ExecutionConfig:
    from lodo_bench.experiments.plan import ExecutionConfig
    from lodo_bench.training.validation import check_device
    from lodo_bench.tuner.driver import Cluster

    if workers == 0 and address is not None:
        raise UsageError("--workers 0 trains in this process, and --address names a cluster. Leave out one of them.")
    device: Device = "cuda" if gpus_per_worker else "cpu"
    check_device(device)
    return ExecutionConfig(device, resolve_backend("auto", device), Cluster(workers, gpus_per_worker, address))


def _list(json: bool) -> None:
    from lodo_bench.experiments.loading import list_experiments

    rows = list_experiments()
    if json:
        print_json({"experiments": [asdict(row) for row in rows]})
    else:
        show_table(["name", "title", "availability"], [[r.name, r.title, r.availability] for r in rows], left=3)


def _print_summary(plan: Plan, db: str, json: bool) -> None:
    from lodo_bench.experiments.estimate import duration_of, missing_work
    from lodo_bench.report.formatting import duration

    try:
        store: Store | None = open_store(db)
    except DatabaseError as error:
        if "there is no database" not in str(error):
            raise
        store = None
    items = missing_work(plan, store)
    total = duration_of(items, plan.execution)
    name, scale = plan.experiment.name, plan.experiment.scale
    if json:
        print_json({"experiment": name, "scale": scale, "missing": [asdict(i) for i in items], "seconds": total})
        return
    rows = [[i.phase, i.label, i.amount, "?" if i.basis == "unknown" else duration(i.seconds), i.basis] for i in items]
    if rows:
        show_table(["phase", "optimizer and task", "amount", "duration", "speed"], rows, left=3)
    summary = f"about {duration(total)}, {plan.execution.num_processes} at a time" if items else "nothing to compute"
    echo_err(f"{plan.experiment.title}, scale {scale}: {summary}.")


def _reproduce(plan: Plan, directory: str, db: str, json: bool) -> None:
    from lodo_bench.experiments.reproduce import reproduce

    echo_err(f"{plan.experiment.title}, scale {plan.experiment.scale}")
    try:
        done = reproduce(plan, directory, command_line(), lambda p: open_store_for_writing(db, p), _Terminal())
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; everything is kept. Continue with:\n  {command_line()}") from None
    _show(done.result, done.files, json)
    if failures := done.result.failures():
        echo_err(f"Some runs failed: {'; '.join(failures)}")
        raise typer.Exit(3)


def _show(result: ExperimentResult, files: Sequence[Path], json: bool) -> None:
    from lodo_bench.experiments.outputs.comparison import comparisons
    from lodo_bench.report.json import document

    if json:
        tables = document((comparison, None) for comparison in comparisons(result))
        print_json(
            {
                "experiment": result.experiment.name,
                "scale": result.experiment.scale,
                "files": [str(path) for path in files],
                "studies": [study.id for study in result.studies],
                "run_sets": [record.id for record in result.run_sets],
                **tables,
            }
        )
        return
    print(files[0].read_text("utf-8"), end="")
    echo_err(f"Wrote {', '.join(str(path) for path in files)}.")


class _Terminal:
    """Shows how it goes on standard error."""

    def tuning(self) -> Any:
        from lodo_bench.cli.progress import tuning_progress

        return tuning_progress()

    def running(self, spec: Any) -> Any:
        from lodo_bench.cli.progress import RunProgress

        return RunProgress(spec.optimizer.label, spec.steps, spec.seconds)

    def notice(self, message: str) -> None:
        echo_err(message)
