"""The tables of checks, by the property that they check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from lodo_bench.conformance import randomness, results, steps, tasks
from lodo_bench.conformance.cases import TaskCase
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.tasks.base import Task

OPTIMIZER_CHECKS: Mapping[str, Callable[[type[Optimizer]], None]] = {
    "declared hyperparameters": steps.check_hyperparameters,
    "x in place": steps.check_x_in_place,
    "gradient not modified": steps.check_gradient_unmodified,
    "gradient not kept": steps.check_gradient_not_kept,
    "evaluation counts": steps.check_evaluation_counts,
    "single precision": steps.check_single_precision,
    "determinism": results.check_determinism,
    "lockstep independence": results.check_lockstep_independence,
    "state round trip": results.check_state_round_trip,
    "NaN handling": results.check_nan_handling,
    "finite start": results.check_finite_start,
    "stated randomness": randomness.check_optimizer_randomness,
}

TASK_CHECKS: Mapping[str, Callable[[TaskCase], None]] = {
    "shapes": tasks.check_shapes,
    "determinism": tasks.check_determinism,
    "lockstep independence": tasks.check_lockstep_independence,
    "repeatability": tasks.check_repeatability,
    "new tensors": tasks.check_new_tensors,
    "gradient": tasks.check_gradient,
    "state round trip": tasks.check_state_round_trip,
    "metrics without influence": tasks.check_metrics,
    "stated randomness": randomness.check_task_randomness,
}


def checks_of(kind: type[Optimizer] | type[Task]) -> Mapping[str, Callable[[], None]]:
    """Return the checks of a class, by property; each raises a `ConformanceError` if the class lacks the property."""
    if issubclass(kind, Task):
        return {name: partial(check, TaskCase(kind)) for name, check in TASK_CHECKS.items()}
    return {name: partial(check, kind) for name, check in OPTIMIZER_CHECKS.items()}
