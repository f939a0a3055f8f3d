"""Evaluates a frozen preconditioner on its own problem and on a new one (LODO §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.charts.captions import seeds_text
from lodo_bench.charts.curves import RunCurve, aggregate
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.rows import CurveChart, row_of
from lodo_bench.charts.series import PlotSeries
from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import UsageError
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.plan import Plan
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.optimizers.lodo.lodo import LearnedPreconditioning
from lodo_bench.plots.curves import caption_of, curve_figure
from lodo_bench.plots.style import Figure
from lodo_bench.report.formatting import number
from lodo_bench.report.markdown import table
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, OptimizerSpec, TrainingSpec
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.build import build_task
from lodo_bench.training.trainer import Trainer

_STEPS_AFTER = 50
_TABLE_STEPS = (1, 2, 5, 10, 20, 50)
_LARGE = 1000.0
_FROZEN_NEW, _LEARNING_NEW, _OWN = "frozen, new problem", "still learning, new problem", "frozen, its own problem"
Floats = NDArray[np.float64]


def frozen(result: ExperimentResult) -> list[Section]:
    """Tabulate and plot LODO's losses after tracking, with θ frozen and not, on its own and on new problems.

    The part's `runs` give the number of seeds and the tracking steps. Nothing is stored; every call recomputes it.
    """
    return [_section(each, measure(each, result.plan)) for each in result.results]


def measure(result: ConditionResult, plan: Plan) -> Mapping[str, Floats]:
    """Return the losses after tracking, (steps, seeds), by the name of the curve."""
    condition, runs = result.condition, result.condition.part.runs[0]
    spec = TrainingSpec(
        task=condition.task,
        optimizer=condition.optimizer,
        purpose="final",
        individuals=tuple(
            Individual((seed,), spec.hyperparameters.values)
            for spec in plan.run_set_specs(condition, runs, result.hyperparameters)
            for seed in spec.seeds
        ),
        steps=runs.steps,
        compute=plan.execution.compute_for(condition.task),
    )
    with single_thread():
        task = build_task(spec)
        tracking = _lodo(spec, task.initial_point(), learning=True)
        _advance(task, tracking, runs.steps)
        found = {}
        for label, learning in ((_FROZEN_NEW, False), (_LEARNING_NEW, True)):
            new = build_task(_on_other_problems(spec))
            found[label] = _advance(new, _lodo(spec, new.initial_point(), learning, tracking), _STEPS_AFTER)
        stopped = _lodo(spec, tracking.x.clone(), False, tracking)
        found[_OWN] = _advance(task, stopped, _STEPS_AFTER)
    return found


def _on_other_problems(spec: TrainingSpec) -> TrainingSpec:
    """Return the same individuals on other problems of the task."""
    return replace(spec, individuals=tuple(Individual((*i.key, 1), i.hyperparameters) for i in spec.individuals))


def _lodo(
    spec: TrainingSpec, x: Tensor, learning: bool, like: LearnedPreconditioning | None = None
) -> LearnedPreconditioning:
    """Build the optimizer, with the weights of another if there is one; frozen unless it is learning."""
    if not learning:
        frozen = [
            replace(i, hyperparameters={**i.hyperparameters, "meta_learning_rate": 0.0}) for i in spec.individuals
        ]
        spec = replace(spec, individuals=tuple(frozen))
    optimizer = build_optimizer(spec, x)
    if not isinstance(optimizer, LearnedPreconditioning):
        raise UsageError(f"{spec.optimizer.name} has no learned preconditioner to freeze. Use lodo.")
    if like is not None:
        optimizer.preconditioner.weights.copy_(like.preconditioner.weights)
    return optimizer


def _advance(task: Task, optimizer: LearnedPreconditioning, steps: int) -> Floats:
    """Take `steps` steps and return their losses, (steps, P)."""
    losses = torch.stack(list(islice(Trainer(task, optimizer, steps).steps(), steps)))
    found: Floats = losses.to("cpu", torch.float64).numpy()
    return found


def _section(result: ConditionResult, found: Mapping[str, Floats]) -> Section:
    optimizer, task, runs = result.condition.optimizer, result.condition.task, result.condition.part.runs[0]
    rows = [
        [name, *(number(float(np.median(losses[step - 1]))) for step in _TABLE_STEPS), _cell(steps_to_large(losses))]
        for name, losses in found.items()
    ]
    headers = ["", *(f"step {step}" for step in _TABLE_STEPS), f"loss > {_LARGE:,.0f}"]
    num_runs = next(iter(found.values())).shape[1]
    lines = [
        *findings(found),
        f"Median training loss over {seeds_text([num_runs])}. Last column: the median number of steps until the "
        f"loss exceeds {_LARGE:,.0f}, over the runs in which it does, and their number.",
    ]
    text = "\n".join(
        [
            f"### {optimizer.label} on {task.label}, frozen after {runs.steps:,} steps\n\n{table(headers, rows)}\n",
            *(f"- {line}" for line in lines),
        ]
    )
    figure, note = _figure(optimizer, found)
    caption = f"{optimizer.label} with a frozen preconditioner, on its own problem and on a new one. {note}"
    return figure_section(figure, "frozen", caption, text)


def _figure(optimizer: OptimizerSpec, found: Mapping[str, Floats]) -> tuple[Figure, str]:
    """Return the figure and its caption."""
    lines = []
    for (name, losses), style in zip(found.items(), line_styles_of([optimizer.name] * len(found)), strict=True):
        if (band := aggregate(_curve(losses[:, seed]) for seed in range(losses.shape[1]))) is not None:
            lines.append(PlotSeries(name, style, band))
    row = row_of("training loss", [CurveChart("steps", lines)], clip=False)
    figure = curve_figure(f"{optimizer.label}, frozen", [row], {"steps": "steps since freezing"})
    return figure, caption_of([row])


def _curve(losses: Floats) -> RunCurve:
    broken = np.flatnonzero(~np.isfinite(losses))
    end = int(broken[0]) + 1 if len(broken) else len(losses)
    return RunCurve(np.arange(1.0, end + 1), losses[:end], Status.DIVERGED if len(broken) else Status.COMPLETED)


def steps_to_large(losses: Floats) -> Floats:
    """Return for each seed the number of steps until the loss exceeds `_LARGE`; infinite if it never does."""
    large = ~(losses <= _LARGE)
    return np.where(large.any(axis=0), large.argmax(axis=0) + 1.0, np.inf)


def findings(found: Mapping[str, Floats]) -> list[str]:
    """Return what the losses of `measure` show, as sentences about when they exceed `_LARGE`."""
    frozen_new, learning_new, own = (steps_to_large(found[name]) for name in (_FROZEN_NEW, _LEARNING_NEW, _OWN))
    return [
        f"On its own problem, the loss with the frozen preconditioner {_exceeds(own)}.",
        f"On a new problem, it {_exceeds(frozen_new)}; with one that keeps learning, it {_exceeds(learning_new)}.",
        _effect(frozen_new, learning_new),
    ]


def _exceeds(steps: Floats) -> str:
    count, seeds = int(np.isfinite(steps).sum()), len(steps)
    if not count:
        return f"exceeds {_LARGE:,.0f} in none of {seeds} runs within {_STEPS_AFTER} steps"
    median = np.median(steps[np.isfinite(steps)])
    return f"exceeds {_LARGE:,.0f} in {count} of {seeds} runs, after a median of {median:g} steps"


def _effect(frozen_steps: Floats, learning_steps: Floats) -> str:
    """Compare both on the new problem, seed by seed."""
    if not np.isfinite([frozen_steps, learning_steps]).any():
        return f"Neither exceeds {_LARGE:,.0f} on a new problem: this does not show whether learning on prevents it."
    later, sooner = int((learning_steps > frozen_steps).sum()), int((learning_steps < frozen_steps).sum())
    seeds = len(frozen_steps)
    if later == sooner == 0:
        return f"Further learning does not delay this: both exceed it at the same step in all of {seeds} runs."
    return (
        f"Still learning, the same seed exceeds it later or never in {later} of {seeds} runs, sooner in {sooner}, and "
        f"at the same step in {seeds - later - sooner}."
    )


def _cell(steps: Floats) -> str:
    reached = steps[np.isfinite(steps)]
    if not len(reached):
        return f"never (0 of {len(steps)})"
    return f"{np.median(reached):g} steps ({len(reached)} of {len(steps)})"
