"""Judging of samples: which are the best, which are worse, and which the data cannot tell.

docs/statistics.md explains the rules, and benchmarks/verdicts.py counts how often they err.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.effect import measure
from lodo_bench.analysis.statistics.judgment import Judgment, Standing, State
from lodo_bench.analysis.statistics.matching import Match, match, match_all
from lodo_bench.analysis.statistics.sample import Kind, Sample
from lodo_bench.analysis.statistics.simes import LEVEL, simes
from lodo_bench.analysis.statistics.summary import majority_mean, median

MAX_TIED_RATIO = 2.0
"""Samples are tied only if the interval of their ratio excludes this factor; otherwise the data cannot tell."""


def judge(samples: Sequence[Sample], *, kind: Kind, baseline: int | None = None) -> Judgment:
    """Judge samples against each other, or against one of them that was chosen beforehand.

    Without a baseline, each sample is tested against each other for being worse, one-sided, and the tests are combined
    by Simes' inequality: one that is really the best is called worse with a probability of at most `LEVEL`, whatever
    the number of others. No sample is singled out as the best beforehand: testing against the one that came out first
    would favor that one for its luck. Of those that are not worse, a sample is tied with the reference only if

    - it has enough values: if all of them were worse than the reference's, the sample would be called worse;
    - for ratios, the interval of its ratio to the reference ends below `MAX_TIED_RATIO`;

    and is undecided otherwise. The reference is the best if another is tied with it, or is worse and significantly so
    in the test against the reference alone; otherwise its own place is undecided, too, as is that of a single sample.

    With a baseline, each other is compared with it alone, two-sided at `LEVEL` and without correction for the rest: a
    planned comparison. Those that are neither better nor worse are tied under the same two conditions, with the
    interval above 1 / `MAX_TIED_RATIO` as well.

    Args:
        samples: values that are better if smaller.
        kind: of effects: `ratio`, for values that are not negative, or `difference`.
        baseline: its index.

    Raises:
        ValueError: `kind` is `ratio`, and a value is negative.
    """
    if kind == "ratio" and any(-math.inf < value < 0 for sample in samples for value in sample.values.values()):
        raise ValueError("Ratios are of values that are not negative; others have differences.")
    return _among_all(samples, kind) if baseline is None else _against(samples, kind, baseline)


def _among_all(samples: Sequence[Sample], kind: Kind) -> Judgment:
    tests = _tests(samples, kind)
    p = [simes(found[~np.isnan(found)]) for found in tests]
    reference = _best([sample if p[index] > LEVEL else None for index, sample in enumerate(samples)])
    standings = []
    is_told = False  # of the reference, that something is not as good as it, or about as good
    for index, found in enumerate(tests):
        num_tests = int(np.count_nonzero(~np.isnan(found)))
        standing = Standing("worse" if p[index] <= LEVEL else "undecided", p[index], num_tests=num_tests)
        if reference is not None and index != reference:
            pair = match(samples[index], samples[reference])
            standing = _relative(standing, pair, kind, num_tests * pair.floor)
            is_worse = standing.state == "worse" and bool(found[reference] <= LEVEL)  # not so without a test
            is_told = is_told or is_worse or standing.state == "tied"
        standings.append(standing)
    if reference is not None and is_told:
        standings[reference] = replace(standings[reference], state="best")
    return Judgment(tuple(standings), reference)


def _against(samples: Sequence[Sample], kind: Kind, baseline: int) -> Judgment:
    standings = []
    for index, sample in enumerate(samples):
        if index == baseline:
            standings.append(Standing("baseline", 1.0))
            continue
        pair = match(sample, samples[baseline])
        larger, smaller = map(float, pair.tails(kind))
        p = min(2 * larger, 2 * smaller, 1.0)
        state: State = "undecided" if p > LEVEL else "worse" if larger < smaller else "better"
        standing = Standing(state, p, num_tests=int(pair.test != "none"))
        standings.append(_relative(standing, pair, kind, 2 * pair.floor, 1 / MAX_TIED_RATIO))
    return Judgment(tuple(standings), baseline)


def _tests(samples: Sequence[Sample], kind: Kind) -> NDArray[np.float64]:
    """Return p of each sample, by row, being worse than each other; NaN where there is no test."""
    found = np.full((len(samples), len(samples)), np.nan)
    for i, j, pairs in match_all(samples):
        if pairs.test != "none":
            found[i, j], found[j, i] = pairs.tails(kind)
    return found


def _best(candidates: Sequence[Sample | None]) -> int | None:
    """Return the index of the best mean, or median of searches, of which less than half of the values diverged."""
    found = {}
    for index, sample in enumerate(candidates):
        if sample is not None:
            values = sample.ranked().tolist()
            center = majority_mean(values)
            if math.isfinite(center):
                found[index] = median(values) if sample.unit == "search" else center
    return min(found, key=found.__getitem__, default=None)


def _relative(standing: Standing, pair: Match, kind: Kind, attainable: float, lowest: float = -math.inf) -> Standing:
    """Return a standing with its effect; one that is undecided is tied if the data could have told more.

    Args:
        standing: without an effect.
        pair: the sample and the reference.
        kind: of the effect.
        attainable: the smallest p that this number of values can yield.
        lowest: the ratio that the low end of the interval of one that is tied exceeds.
    """
    effect = measure(pair, kind)
    is_near = kind == "difference" or (effect.low > lowest and effect.high < MAX_TIED_RATIO)
    is_tied = standing.state == "undecided" and attainable <= LEVEL and is_near
    state: State = "tied" if is_tied else standing.state
    return replace(standing, state=state, effect=effect, test=pair.test, sizes=pair.sizes)
