"""The selection of stored results that a report shows, where they are scored, and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.spec.numbers import FINITE, RECORD, WINDOW, check_fields


@dataclass(frozen=True, slots=True)
class Selection:
    """The stored results that a report, a plot or a list shows; whatever is empty restricts nothing.

    Args:
        task: a task's name or path, with any options.
        optimizers: names of optimizers.
        run_sets: numbers of run sets.
        studies: numbers of studies: these, and the run sets at their results.
        sources: sources of hyperparameters: `tuned`, `paper`, `default` or `given`.
        tags: run sets and studies with any of these tags.

    Raises:
        UsageError: for a number that no record has.
    """

    task: str | None = None
    optimizers: tuple[str, ...] = ()
    run_sets: tuple[int, ...] = ()
    studies: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, run_sets=RECORD, studies=RECORD)


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A comparison of stored final runs.

    Args:
        selection: the runs.
        target: a loss; adds the steps and seconds to it. By default it is the loss at which a task counts as solved,
            for the tasks that define one.
        window: the number of losses that are averaged for `target`; by default as many as in each run's own score.
        at: milestones to score all rows at, such as `20000` or `10s`, in place of their own.
        baseline: name of the optimizer to compare all others with, in place of each with all.

    Raises:
        UsageError: for a number out of range.
    """

    selection: Selection = Selection()
    target: float | None = None
    window: int | None = None
    at: tuple[str, ...] = ()
    baseline: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, target=FINITE, window=WINDOW)
