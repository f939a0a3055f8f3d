"""Results of training one individual: status, learning curve and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.milestone import Milestone


class Status(StrEnum):
    """The end of an individual's training. Failures and divergence are stored like any other outcome."""

    COMPLETED = "completed"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """The values of a metric over a training.

    Attributes:
        steps: (K,), the numbers of steps after which it was measured.
        values: (K,), its values.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of one individual.

    Attributes:
        losses: (K,), the training loss of each step, on the batch of that step, before the update. Of more than 2^20
            steps, later ones share the mean of a block: see `lodo_bench.spec.curve_blocks`.
        clock_steps: (M,), increasing step counts at which the training clock was read, starting with 0.
        clock_seconds: (M,), the training seconds at those counts.
        metrics: other measurements, off the clock, by name.
        block_ends: (K,), the number of steps after which each block ends; None if each step has a loss of its own.
    """

    losses: NDArray[np.float64]
    clock_steps: NDArray[np.int64]
    clock_seconds: NDArray[np.float64]
    metrics: Mapping[str, MetricHistory] = field(default_factory=dict)
    block_ends: NDArray[np.int64] | None = None

    @property
    def steps(self) -> int:
        """The number of steps."""
        if self.block_ends is None:
            return len(self.losses)
        return int(self.block_ends[-1])

    @property
    def ends(self) -> NDArray[np.int64]:
        """(K,), the number of steps after each of the losses."""
        return np.arange(1, len(self.losses) + 1) if self.block_ends is None else self.block_ends

    @property
    def block_sizes(self) -> NDArray[np.int64] | None:
        """(K,), the number of steps that share each loss; None if each has one of its own."""
        return None if self.block_ends is None else np.diff(self.block_ends, prepend=0)

    @property
    def seconds(self) -> float:
        """Training time in seconds."""
        return float(self.clock_seconds[-1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of training one individual.

    Attributes:
        status: the way it ended.
        reason: an explanation of a status other than `completed`; else empty.
        steps: gradient evaluations on fresh batches. If it diverged, the last one, counted from 1, is the step whose
            loss is not finite; the reason names it.
        evaluations: all gradient evaluations, those on the same batch included.
        curve: the learning curve.
        scores: other measurements at each milestone that was reached, by name.
        milestones: the mean of all losses before each milestone that was reached; NaN if it diverged before.
    """

    status: Status
    reason: str
    steps: int
    evaluations: int
    curve: Curve
    scores: Mapping[Milestone, Mapping[str, float]] = field(default_factory=dict)
    milestones: Mapping[Milestone, float] = field(default_factory=dict)

    @classmethod
    def failed(cls, reason: str) -> Outcome:
        """Return the outcome of a training that an exception ended, with an empty curve."""
        return cls(Status.FAILED, reason, 0, 0, Curve(np.empty(0), np.zeros(1, dtype=np.int64), np.zeros(1)))
