"""Tuned values at the edges of their ranges, beyond which better ones may lie."""

from __future__ import annotations

from collections.abc import Mapping

from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.space import Space
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import OptimizerSpec
from lodo_bench.tuner.space import TRANSFORMS, at_edge

Edges = Mapping[str, tuple[float, float]]  # ranges by the names of hyperparameters

# One scale for each kind, whatever that of the search, so that equal values are marked alike everywhere.
_SCALES = {"rate": TRANSFORMS["log"], "decay": TRANSFORMS["logit"]}


def edges_of(optimizer: OptimizerSpec, tuned: Mapping[str, float] | None) -> dict[str, tuple[float, float]]:
    """Return the ranges of the tuned values that are within 1 % of an end of them, by name.

    Args:
        optimizer: states the ranges; only an adapted optimizer has any.
        tuned: the result of a search by name; None if it is unfinished.
    """
    if not optimizer.space or tuned is None:
        return {}
    found = {}
    for argument in Space.from_json(optimizer.space).tuned:
        is_edge = argument.name in tuned and at_edge(
            argument.hyperparameter, tuned[argument.name], _SCALES[argument.kind]
        )
        if argument.range is not None and is_edge:
            found[argument.name] = argument.range
    return found


def edges_of_runs(
    optimizer: OptimizerSpec, hyperparameters: Hyperparameters, tuning: StudySummary | None = None
) -> dict[str, tuple[float, float]]:
    """Return the edges of the values of final runs, which are none unless the values are tuned.

    Args:
        optimizer: the optimizer of the runs.
        hyperparameters: their values.
        tuning: the study that tuned them, where it is known: final runs may scale its learning rates.
    """
    if hyperparameters.source != "tuned":
        return {}
    tuned = hyperparameters.values if tuning is None or tuning.result is None else tuning.result.values
    return edges_of(optimizer, tuned)
