"""The paper's published numbers, from `published.yaml`; valid for the paper's task options only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """A mean of the paper's tables, with its standard deviation over 8 runs where the paper gives one.

    The mean is infinite where the paper says that the optimizer diverged.
    """

    mean: float
    std: float | None = None


def published_optimizers(task: str) -> tuple[str, ...]:
    """Return the optimizers that the paper runs on `task`, in its order; none for a task that is not in the paper."""
    return tuple(_document()["optimizers"].get(task, ()))


def published_hyperparameters(task: TaskSpec, optimizer: OptimizerSpec) -> Mapping[str, float] | None:
    """Return the paper's tuned hyperparameters (Table 6); None unless all of them are known."""
    if task.options or optimizer.options or optimizer.recipe:
        return None
    found: Mapping[str, float] | None = _document()["tuned"].get(task.name, {}).get(optimizer.name)
    return found


def published_score(
    task: TaskSpec, milestone: Milestone, optimizer: OptimizerSpec, score: str = "loss"
) -> PublishedScore | None:
    """Return the paper's `score` (`loss` is the training loss) at `milestone`; None if it is unknown."""
    if task.options or optimizer.options or optimizer.recipe:
        return None
    found = _document()["scores"].get(task.name, {}).get(milestone.key, {}).get(score, {}).get(optimizer.name)
    return PublishedScore(**found) if found else None


@cache
def _document() -> Any:
    text = resources.files(__package__).joinpath("published.yaml").read_text("utf-8")
    return yaml.safe_load(text)
