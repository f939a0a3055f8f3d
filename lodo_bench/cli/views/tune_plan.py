"""Plans of searches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lodo_bench.analysis.documents import compute_document, optimizer_document, task_document
from lodo_bench.api.tune_plan import PlannedSearch, TunePlan
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.report.formatting import NOTHING, counted, duration, number
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.study import Schedule

_MIB = 2**20
_NATURAL_RANGES = {"rate": "greater than 0", "decay": "0 to 1"}


def print_tune_plan(plan: TunePlan, json: bool) -> None:
    """Print the searches, their spaces and schedules, the workers, and the expected duration."""
    if json:
        print_json(_document(plan))
        return
    if not plan.searches:
        print("Nothing to tune.")
        return
    headers = ["optimizer", "task", "seed", "study", "individuals", "steps", "duration", "speed", "memory"]
    show_table(headers, [_search_row(search) for search in plan.searches], left=4)
    if spaces := [row for search in plan.searches for row in _space_rows(search)]:
        print()
        show_table(["optimizer", "hyperparameter", "kind", "range", "start"], spaces, left=4)
    print()
    for line in dict.fromkeys(_schedule_text(search.spec.schedule) for search in plan.searches):
        print(line)
    print(_workers_text(plan))
    print(_memory_text(plan))
    print(_total_text(plan))


def _search_row(search: PlannedSearch) -> list[str]:
    rest = search.rest
    known = rest is not None and rest.basis != "unknown"
    return [
        search.spec.optimizer.label,
        search.spec.task.label,
        str(search.spec.seed),
        _study_text(search),
        f"{search.num_individuals:,}",
        f"{search.num_steps:,}",
        NOTHING if rest is None else duration(rest.seconds) if known else "?",
        NOTHING if rest is None else rest.basis,
        NOTHING if search.state_bytes is None else f"{search.state_bytes / _MIB:.3g} MiB",
    ]


def _study_text(search: PlannedSearch) -> str:
    if search.record is None:
        return "new"
    if search.rest is None:
        return f"study {search.record.id}, finished: reused"
    return f"study {search.record.id}, resumed after {counted(search.num_evaluated, 'individual')}"


def _space_rows(search: PlannedSearch) -> list[list[str]]:
    return [
        [search.spec.optimizer.label, h.name, h.kind, _range_text(h), number(h.initial, 6)] for h in search.space
    ] or [[search.spec.optimizer.label, "weights", "meta-trained", NOTHING, NOTHING]]


def _range_text(hyperparameter: HyperparameterSpec) -> str:
    if hyperparameter.range is None:
        return _NATURAL_RANGES[hyperparameter.kind]
    return " to ".join(number(end, 6) for end in hyperparameter.range)


def _schedule_text(schedule: Schedule) -> str:
    plans = schedule.generations
    if schedule.population == 1:
        epochs = counted(len(plans), "epoch")
        return f"Schedule {schedule.name}: a meta-training of {epochs} of {plans[0].steps:,} steps."
    return (
        f"Schedule {schedule.name}: {counted(len(plans), 'generation')} of {schedule.population} individuals; from the "
        f"first generation to the last, steps {plans[0].steps:,} to {plans[-1].steps:,}, "
        f"spread sigma {plans[0].sigma:g} to {plans[-1].sigma:g}."
    )


def _workers_text(plan: TunePlan) -> str:
    compute, engine = plan.searches[0].spec.compute, plan.cluster.engine
    places = {"inline": "in this process", "processes": "as processes of this machine", "ray": "on Ray"}
    workers = "as many workers as fit" if plan.num_workers is None else counted(plan.num_workers, "worker")
    who = "" if engine == "inline" else f"{workers} "
    return f"Workers: {who}{places[engine]} ({plan.cluster.reason}); {compute.label}."


def _memory_text(plan: TunePlan) -> str:
    most = max(search.together for search in plan.searches)
    return (
        f"Memory: parameters and states of the individuals, {most} at most, that a worker trains at a time; data and "
        f"gradients come on top."
    )


def _total_text(plan: TunePlan) -> str:
    rests = [search for search in plan.searches if search.rest is not None]
    if not rests:
        return "All of these searches are finished: nothing is left to compute. --fresh repeats them."
    individuals = sum(search.num_individuals - search.num_evaluated for search in rests)
    about = "of unknown duration" if plan.seconds != plan.seconds else f"about {duration(plan.seconds)}"
    return (
        f"To compute: {counted(individuals, 'individual')}, {about} on an otherwise idle machine. Nothing was stored."
    )


def _document(plan: TunePlan) -> dict[str, Any]:
    return {
        "searches": [_search_document(search) for search in plan.searches],
        "engine": plan.cluster.engine,
        "workers": plan.num_workers,
        "gpus_per_worker": plan.cluster.gpus_per_worker,
        "seconds": plan.seconds,
    }


def _search_document(search: PlannedSearch) -> dict[str, Any]:
    spec, rest = search.spec, search.rest
    return {
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        **compute_document(spec.compute),
        "seed": spec.seed,
        "schedule": asdict(spec.schedule),
        "dimension": search.dimension,
        "study": None if search.record is None else search.record.id,
        "status": "new" if search.record is None else search.record.status,
        "individuals": search.num_individuals,
        "evaluated": search.num_evaluated,
        "together": search.together,
        "state_bytes": search.state_bytes,
        "steps": search.num_steps,
        "space": [
            {"name": h.name, "kind": h.kind, "start": h.initial, "range": h.range, "description": h.description}
            for h in search.space
        ],
        "seconds": 0.0 if rest is None else rest.seconds,
        "basis": "stored" if rest is None else rest.basis,
    }
