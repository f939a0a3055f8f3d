"""Verdicts on several samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lodo_bench.analysis.statistics.effect import Effect
from lodo_bench.analysis.statistics.matching import TestName

State = Literal["best", "tied", "worse", "undecided", "better", "baseline"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdict on one sample.

    Attributes:
        state: without a baseline `best`, `tied` with the best, `worse` than another, or `undecided`; with one
            `baseline`, `better`, `tied`, `worse` or `undecided`.
        p: of the hypothesis that no other sample is better, corrected for the number of tests; with a baseline, the
            two-sided p of the comparison with it. 1 without a test.
        effect: the size relative to the reference; None for the reference itself, and without one.
        test: of the comparison with the reference; `none` for the reference itself.
        sizes: the numbers of values in that test, (own, reference's).
        num_tests: with how many others the sample was compared by a test.
    """

    state: State
    p: float
    effect: Effect | None = None
    test: TestName = "none"
    sizes: tuple[int, int] = (0, 0)
    num_tests: int = 0


@dataclass(frozen=True, slots=True)
class Judgment:
    """The verdicts on several samples.

    Attributes:
        standings: in the order of the samples.
        reference: the index of the sample that effects are relative to: the baseline, or the one with the best mean (of
            searches, the best median) of those that are not worse and of which less than half of the values diverged;
            None if there is none. Its state is `best` only if the data tell that.
    """

    standings: tuple[Standing, ...]
    reference: int | None
