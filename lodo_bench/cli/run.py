"""`lodo-bench run`: final runs, timed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataDirOption,
    DTypeOption,
    JsonOption,
    KernelOption,
    OptimizerOptionOption,
    TaskOptionOption,
    assignments,
    choice,
    open_store_for_writing,
    optimizer_spec,
    resolve_backend,
    resolve_device,
    resolve_dtype,
    set_data_directory,
    task_spec,
)
from lodo_bench.cli.output import command_line, echo_err, print_json, show_table
from lodo_bench.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from lodo_bench.analysis.comparison import Row
    from lodo_bench.results.store import Store
    from lodo_bench.spec.milestone import Milestone
    from lodo_bench.spec.outcome import MetricHistory
    from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec

    Metrics = Mapping[int, Mapping[str, MetricHistory]]  # by seed and name


def run(
    optimizer: Annotated[str, typer.Option(help="Which optimizer; see 'lodo-bench list optimizers'.")],
    task: Annotated[str, typer.Option(help="Which task; see 'lodo-bench list tasks'.")] = "quadratic",
    seeds: Annotated[int, typer.Option(min=1, help="How many runs, with the seeds 0, 1, ...")] = 8,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Step milestone; the paper's for the task by default.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Time milestone: go on until this training time is reached, too.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="A hyperparameter, e.g. lr=0.1; repeat.", metavar="NAME=VALUE"),
    ] = None,
    hyperparameters: Annotated[
        str | None,
        typer.Option(help="tuned, paper or default. By default the first of them that there is.", metavar="SOURCE"),
    ] = None,
    untimed: Annotated[
        bool, typer.Option("--untimed", help="All seeds in lockstep: the same losses sooner, without times.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.", metavar="DEVICE")] = "cpu",
    task_option: TaskOptionOption = None,
    optimizer_option: OptimizerOptionOption = None,
    dtype: DTypeOption = None,
    kernel: KernelOption = "auto",
    checkpoint_every: Annotated[
        float,
        typer.Option(help="Keep runs under way every so many seconds; they cost a twentieth of the time at most."),
    ] = 120,
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Train with final hyperparameters, several seeds, by the clock, and keep the whole learning curves.

    The same command continues runs that were interrupted, or killed, from where they were kept last.
    """
    from lodo_bench.runs.execute import threads_of
    from lodo_bench.runs.hyperparameters import SOURCES, choose
    from lodo_bench.runs.provenance import gather
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.run_set import RunSetSpec
    from lodo_bench.tasks import TASKS
    from lodo_bench.training.validation import check_pair, check_task

    set_data_directory(data_dir)
    problem, method = task_spec(task, task_option), optimizer_spec(optimizer, optimizer_option)
    check_pair(problem, method)
    given = _given(optimizer, parameter)
    source = None if hyperparameters is None else choice(hyperparameters, SOURCES, "source of hyperparameters")
    _check_seconds(seconds, untimed)
    _check_interval(checkpoint_every)
    place, accuracy = resolve_device(device), resolve_dtype(dtype, task)
    arithmetic = resolve_backend(kernel, place)
    check_task(problem, place, accuracy)
    store = open_store_for_writing(db, gather(place, command_line(), threads_of(task), TASKS.load(task).dataset_name()))
    spec = RunSetSpec(
        task=problem,
        optimizer=method,
        hyperparameters=choose(problem, method, source, given, store),
        steps=steps or TASKS.load(task).step_milestone,
        seconds=seconds,
        num_seeds=seeds,
        timed=not untimed,
        compute=ComputeSpec(place, accuracy, arithmetic),
    )
    _print_summary(_run(spec, store, checkpoint_every), store, json)


def _given(optimizer: str, assigned: Sequence[str] | None) -> dict[str, float]:
    """The hyperparameters of the command line, checked, by full name."""
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.spec.options import resolve

    parameters = OPTIMIZERS.load(optimizer).hyperparameters
    checked = resolve(parameters, assignments(assigned, "-p"), f"optimizer {optimizer}")
    return {name: float(value) for name, value in checked.items()}


def _check_seconds(seconds: float | None, untimed: bool) -> None:
    if seconds is None:
        return
    if not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"--seconds {seconds:g} is not possible: it must be a finite number greater than 0.")
    if untimed:
        raise UsageError("--untimed runs have no clock to reach --seconds by. Leave out one of them.")


def _check_interval(seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"--checkpoint-every {seconds:g} is not possible: it must be a finite number, 0 or greater.")


def _run(spec: RunSetSpec, store: Store, checkpoint_every: float) -> RunSetRecord:
    from lodo_bench.cli.progress import RunProgress
    from lodo_bench.report.formatting import hyperparameter_text
    from lodo_bench.runs.execute import CheckpointPlan, execute_run_set

    source, values = spec.hyperparameters.label, hyperparameter_text(spec.hyperparameters)
    echo_err(f"{spec.optimizer.label} on {spec.task.label}, {source}: {values}")
    opened = store.open_run_set(spec)
    plan = None if store.folder is None else CheckpointPlan(store.folder, checkpoint_every)
    if opened.runs:
        echo_err(
            f"Continuing run set {opened.id}: {len(opened.missing_seeds)} of {spec.num_seeds} runs are to be done."
        )
    try:
        with RunProgress(spec.optimizer.label, spec.steps, spec.seconds) as display:
            execute_run_set(opened, store, display, plan)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; everything is kept. Continue with:\n  {command_line()}") from None
    return store.run_set(opened.id)


def _print_summary(record: RunSetRecord, store: Store, json: bool) -> None:
    """Show what the runs came to; failed ones are an exit code of their own."""
    from lodo_bench.spec.outcome import Status

    metrics = {run.seed: store.metrics(record.id, run.seed) for run in record.runs}
    if json:
        print_json(_document(record, metrics))
    else:
        _print(record, metrics)
    failed = [run for run in record.runs if run.status is Status.FAILED]
    if failed:
        echo_err(f"{len(failed)} of {len(record.runs)} runs failed: {failed[0].reason}")
        raise typer.Exit(3)


def _row(record: RunSetRecord) -> Row:
    from lodo_bench.analysis.comparison import compare

    return compare([record], bound=lambda _: None)[0].rows[0]


def _document(record: RunSetRecord, metrics: Metrics) -> dict[str, Any]:
    spec, row = record.spec, _row(record)
    return {
        "run_set": record.id,
        "task": spec.task.name,
        "task_options": spec.task.options,
        "optimizer": spec.optimizer.name,
        "optimizer_options": spec.optimizer.options,
        "hyperparameters": spec.hyperparameters.values,
        "hyperparameters_source": spec.hyperparameters.source,
        "study_id": spec.hyperparameters.study_id,
        "provenance_note": spec.hyperparameters.provenance_note,
        "device": spec.compute.device,
        "dtype": spec.compute.dtype,
        "kernel": spec.compute.backend,
        "timed": spec.timed,
        "runs": [_run_document(run, metrics[run.seed]) for run in record.runs],
        "summary": {
            "milestones": {milestone.key: asdict(losses) for milestone, losses in row.losses.items()},
            "steps_per_second": None if row.speed is None else asdict(row.speed),
        },
    }


def _run_document(run: RunRecord, metrics: Mapping[str, MetricHistory]) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "status": run.status,
        "reason": run.reason,
        "steps": run.steps,
        "evaluations": run.evaluations,
        "training_seconds": run.training_seconds,
        "steps_per_second": run.steps_per_second,
        "milestones": {at.key: {"loss": loss, **run.scores.get(at, {})} for at, loss in run.milestones.items()},
        "metrics": {name: {"first": s.values[0], "last": s.values[-1]} for name, s in metrics.items()},
    }


def _print(record: RunSetRecord, metrics: Metrics) -> None:
    from lodo_bench.report.formatting import mean_and_spread, mean_speed, number, speed

    row, timed = _row(record), record.spec.timed
    names = list(dict.fromkeys(name for found in metrics.values() for name in found))
    scores = _scores(record, names)
    headers = ["seed", "status", *(f"loss at {milestone.title}" for milestone in row.losses)]
    headers += [f"{_title(name)} at {milestone.title}" for milestone, name in scores]
    headers += [_title(name) for name in names]
    rows = []
    for run in record.runs:
        clock = [number(run.training_seconds), speed(run.steps_per_second)] if timed else []
        losses = [number(run.milestones.get(key)) for key in row.losses]
        found = [number(run.scores.get(key, {}).get(name)) for key, name in scores]
        courses = [_course(metrics[run.seed].get(name)) for name in names]
        rows.append([str(run.seed), run.status, *losses, *found, *courses, *clock])
    losses = [mean_and_spread(found) for found in row.losses.values()]
    clock = ["", mean_speed(row.speed)] if timed else []
    rows.append(["all", f"{len(record.runs)} runs", *losses, *("" for _ in (*scores, *names)), *clock])
    show_table([*headers, *(["training s", "steps/s"] if timed else [])], rows, left=2)


def _scores(record: RunSetRecord, metrics: Collection[str]) -> list[tuple[Milestone, str]]:
    """The scores, by milestone and name, that are not those of a metric, whose course is shown."""
    found = [(key, name) for run in record.runs for key, values in run.scores.items() for name in values]
    return [score for score in dict.fromkeys(found) if score[1] not in metrics]


def _title(name: str) -> str:
    return name.replace("_", " ")


def _course(series: MetricHistory | None) -> str:
    """A metric's first and last values."""
    from lodo_bench.report.formatting import number

    return "–" if series is None else f"{number(series.values[0])} → {number(series.values[-1])}"
