"""`lodo-bench reproduce`: the paper's tables and figures, or the user's own experiments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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

    from lodo_bench.experiments.directory import Directory
    from lodo_bench.experiments.plan import ExecutionConfig
    from lodo_bench.experiments.run import ExperimentResult
    from lodo_bench.experiments.spec import Experiment
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

    wanted = load_experiment(experiment, scale)
    setting = _setting(workers, gpus_per_worker, address)
    if dry_run:
        _print_summary(wanted, setting, db, json)
    else:
        _reproduce(wanted, setting, output or f"results/{wanted.name}-{wanted.scale}", db, json)


def _setting(workers: int | None, gpus_per_worker: float, address: str | None) -> ExecutionConfig:
    from lodo_bench.experiments.plan import ExecutionConfig
    from lodo_bench.training.validation import check_device
    from lodo_bench.tuner.driver import Cluster

    if workers == 0 and address is not None:
        raise UsageError("--workers 0 trains in this process, and --address names a cluster. Leave out one of them.")
    device: Device = "cuda" if gpus_per_worker else "cpu"
    check_device(device)
    return ExecutionConfig(device, resolve_backend("auto", device), Cluster(workers, gpus_per_worker, address))


def _list(json: bool) -> None:
    from lodo_bench.experiments.availability import availability
    from lodo_bench.experiments.loading import BUILT_IN, load_experiment

    entries = []
    for name in BUILT_IN:
        found = load_experiment(name, "paper")
        entries.append({"name": name, "title": found.title, "here": availability(found)})
    if json:
        print_json({"experiments": entries})
    else:
        show_table(["name", "what", "here"], [list(entry.values()) for entry in entries], left=3)


def _print_summary(experiment: Experiment, setting: ExecutionConfig, db: str, json: bool) -> None:
    from lodo_bench.experiments.estimate import duration_of, missing
    from lodo_bench.experiments.run import processes_of
    from lodo_bench.report.formatting import duration

    try:
        store: Store | None = open_store(db)
    except DatabaseError as error:
        if "there is no database" not in str(error):
            raise
        store = None
    items = missing(experiment, store, setting)
    total = duration_of(items, setting)
    if json:
        fields = ("what", "label", "amount", "seconds", "how")
        document = [{name: getattr(item, name) for name in fields} for item in items]
        print_json({"experiment": experiment.name, "scale": experiment.scale, "missing": document, "seconds": total})
        return
    rows = [[i.what, i.label, i.amount, "?" if i.how == "unknown" else duration(i.seconds), i.how] for i in items]
    if rows:
        show_table(["", "optimizer and task", "how much", "time", "speed"], rows, left=3)
    told = f"about {duration(total)} with {processes_of(setting)} at a time" if items else "nothing to compute"
    echo_err(f"{experiment.title}, scale {experiment.scale}: {told}.")


def _reproduce(experiment: Experiment, setting: ExecutionConfig, place: str, db: str, json: bool) -> None:
    from lodo_bench.experiments.directory import Directory
    from lodo_bench.experiments.outputs import needs, render_sections
    from lodo_bench.experiments.run import check, run_experiment
    from lodo_bench.runs.execute import threads_of
    from lodo_bench.runs.provenance import gather
    from lodo_bench.tasks import TASKS

    tasks: list[str] = []
    if needs(experiment) != "nothing":
        check(experiment, setting)
        tasks.extend(dict.fromkeys(part.task.name for part in experiment.parts))
    directory = Directory(place, experiment)
    data = ", ".join(name for name in (TASKS.load(task).dataset_name() for task in tasks) if name)
    threads = max((threads_of(task) for task in tasks), default=1)
    provenance = gather(setting.device, command_line(), threads, data)
    store = open_store_for_writing(db, provenance)
    echo_err(f"{experiment.title}, scale {experiment.scale}")
    with _journal(directory) as finish:
        done = run_experiment(experiment, store, setting, _Terminal())
        pieces = render_sections(done)
        finish()
    files = directory.write(pieces, [p for record in done.run_sets for p in record.provenances] or [provenance])
    _show(done, files, json)
    if failures := done.failures():
        echo_err(f"Some runs failed: {'; '.join(failures)}")
        raise typer.Exit(3)


@contextmanager
def _journal(directory: Directory) -> Iterator[Any]:
    """Writes down how long it took, also if it was stopped."""
    from lodo_bench.experiments.directory import Invocation

    started, clock, finished = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic(), []
    try:
        yield lambda: finished.append(True)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; everything is kept. Continue with:\n  {command_line()}") from None
    finally:
        directory.note(Invocation(command_line(), started, time.monotonic() - clock, bool(finished)))


def _show(done: ExperimentResult, files: list[Path], json: bool) -> None:
    from lodo_bench.experiments.outputs.comparison import comparisons
    from lodo_bench.report.json import document

    if json:
        tables = document((comparison, None) for comparison in comparisons(done))
        print_json(
            {
                "experiment": done.experiment.name,
                "scale": done.experiment.scale,
                "files": [str(path) for path in files],
                "studies": [study.id for study in done.studies],
                "run_sets": [record.id for record in done.run_sets],
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
