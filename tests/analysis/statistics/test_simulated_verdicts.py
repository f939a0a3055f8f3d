"""How often verdicts are wrong where the truth is known; benchmarks/verdicts.py prints the whole tables.

The random numbers are fixed. A bound leaves the slack that one in a thousand binomial counts would need.
"""

import numpy as np
import pytest
from scipy import stats

from benchmarks.simulated_verdicts import (
    AROUND_ONE,
    DISTRIBUTIONS,
    Setting,
    log_normal,
    searched,
    searched_once,
    simulate,
)

CHANCE = 1e-3


def at_most(rate, trials):
    return stats.binom.isf(CHANCE, trials, rate)


def at_least(rate, trials):
    return stats.binom.ppf(CHANCE, trials, rate)


def counts_of(*arguments, trials, **options):
    return simulate(Setting(*arguments, **options), trials, np.random.default_rng(0))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("optimizers", "seeds", "trials"), [(2, 8, 300), (2, 20, 200), (5, 8, 120), (13, 8, 25)])
def test_one_of_the_best_is_called_worse_in_at_most_5_percent(name, optimizers, seeds, trials):
    kind, draw = DISTRIBUTIONS[name]
    counts = counts_of(draw, kind, optimizers, seeds, trials=trials)
    assert counts.first["worse"] <= at_most(0.05, trials)
    assert counts.planned["better"] + counts.planned["worse"] <= at_most(0.05, trials)
    assert counts.intervals >= 0.9 * trials  # few pairs are left where runs diverge
    assert counts.covering >= at_least(0.95, counts.intervals)


def test_that_rate_is_the_one_that_the_ranks_admit():
    # Ten of the 256 outcomes of eight signs have a sum of ranks of at least 31; with 30 there would be 14, 5.5 %.
    trials = 1200
    counts = counts_of(log_normal(0.5), "ratio", 2, 8, trials=trials)
    assert at_least(10 / 256, trials) <= counts.first["worse"] <= at_most(10 / 256, trials)


@pytest.mark.parametrize(("optimizers", "seeds"), [(2, 2), (2, 3), (2, 4), (5, 5)])
def test_too_few_seeds_cannot_tell(optimizers, seeds):
    counts = counts_of(log_normal(0.5), "ratio", optimizers, seeds, trials=100, ratio=300.0)
    if optimizers == 2:
        assert counts.every == {"undecided": 200}
    assert counts.every["tied"] == 0


@pytest.mark.parametrize("tuning_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("optimizers", "searches", "trials"), [(2, 5, 300), (2, 10, 200), (5, 5, 120)])
def test_searches_that_are_equally_good_are_called_worse_in_at_most_5_percent(
    tuning_share, optimizers, searches, trials
):
    counts = counts_of(searched(tuning_share), "ratio", optimizers, searches, unit="search", trials=trials)
    assert counts.first["worse"] <= at_most(0.05, trials)
    assert counts.intervals == trials
    assert counts.covering >= at_least(0.95, trials)


def test_seeds_of_one_search_do_not_tell_how_good_an_optimizer_is():
    trials = 300
    counts = counts_of(searched_once, "ratio", 2, 8, trials=trials)
    assert counts.first["worse"] > at_most(0.05, trials)


@pytest.mark.parametrize("name", AROUND_ONE)
@pytest.mark.parametrize("count", [6, 20])
def test_a_constant_is_compared_with_the_median_of_any_distribution(name, count):
    kind, draw = AROUND_ONE[name]
    trials = 400
    counts = counts_of(draw, kind, 2, count, constant=1.0, trials=trials)
    assert max(counts.first["worse"], counts.others["worse"]) <= at_most(0.05, trials)
    assert counts.covering >= at_least(0.95, trials)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 300.0])
@pytest.mark.parametrize(("spread", "seeds"), [(0.5, 5), (0.5, 8), (2.0, 8), (2.0, 20)])
def test_who_is_at_least_twice_as_bad_is_tied_in_at_most_2_5_percent(ratio, spread, seeds):
    trials = 200
    counts = counts_of(log_normal(spread), "ratio", 2, seeds, ratio=ratio, trials=trials)
    assert counts.others["tied"] <= at_most(0.025, trials)
    assert counts.first["worse"] <= at_most(0.05, trials)


def test_large_effects_are_told_and_the_best_is_named():
    trials = 60
    counts = counts_of(log_normal(0.5), "ratio", 5, 8, ratio=300.0, trials=trials)
    assert counts.first == {"best": trials}
    assert counts.others == {"worse": 4 * trials}
    assert counts.planned == {"worse": trials}
    counts = counts_of(searched(0.5), "ratio", 5, 5, unit="search", ratio=300.0, trials=trials)
    assert counts.first == {"best": trials}
    assert counts.others == {"worse": 4 * trials}
