"""Which samples may be the best: how often that is wrong, how often it is found out, and what is paired."""

import math

import numpy as np
import pytest
from scipy import stats

from lodo_bench.analysis.statistics import LEVEL, Sample, compare_with_all
from lodo_bench.analysis.statistics.simes import simes
from tests.analysis.statistics.test_rank_tests import rank_sum, signed_rank

NAN, INF = math.nan, math.inf


def sample(*values, data=None, first=0):
    return Sample(dict(enumerate(values, first)), data)


def share_excluded(draw, trials):
    """How often each sample of a drawn list is told to be worse."""
    told = [[not found.may_be_best for found in compare_with_all(draw())] for _ in range(trials)]
    return np.mean(told, axis=0)


@pytest.mark.parametrize("optimizers", [2, 5, 11])
@pytest.mark.parametrize(
    ("shared", "paired"), [(0.0, True), (3.0, True), (0.0, False)], ids=["pairs", "pairs of like runs", "no pairs"]
)
def test_one_that_is_as_good_as_the_best_is_told_to_be_worse_within_the_level(optimizers, shared, paired):
    random, trials = np.random.default_rng(optimizers), 1600 // optimizers

    def draw():
        problem = shared * random.normal(size=8)
        noise = random.normal(size=(optimizers, 8))
        return [sample(*(problem + own), data=0 if paired else i) for i, own in enumerate(noise)]

    shares = share_excluded(draw, trials)
    # All are equally good, and so each of these shares is to be at most LEVEL; their mean varies by about 0.01.
    assert 0.01 < shares.mean() <= LEVEL + 0.015


def test_the_best_is_kept_and_those_that_are_worse_are_found():
    random = np.random.default_rng(0)

    def draw():
        problem = 10 * random.normal(size=8)
        return [sample(*(problem + shift + random.normal(size=8))) for shift in (0.0, *np.arange(4.0, 14.0))]

    best, second, *others = share_excluded(draw, 100)
    assert best <= LEVEL
    assert second > 0.9
    assert min(others) > 0.95


def test_skewed_losses_do_not_lead_astray():
    random = np.random.default_rng(1)
    shares = share_excluded(lambda: [sample(*random.lognormal(sigma=2, size=8), data=i) for i in range(3)], 700)
    assert shares.mean() <= LEVEL + 0.02


def test_eleven_optimizers_with_eight_seeds_can_be_told_apart():
    found = compare_with_all([sample(*(10.0 * rank + seed for seed in range(8))) for rank in range(11)])
    assert [one.may_be_best for one in found] == [True] + [False] * 10
    assert found[1].p == 10 / 2**8
    assert found[10].p == 1 / 2**8


def test_pairs_are_of_the_same_seed_and_the_same_data():
    problem = np.array([0.0, 100.0, 20.0, 300.0, 4.0, 50.0, 60.0, 7.0])
    worse, better = sample(*(problem + 1), data="cpu"), sample(*problem, data="cpu")
    paired = compare_with_all([worse, better])[0]
    assert (paired.p, paired.paired, paired.unpaired) == (2.0**-8, ((8, 8),), ())
    elsewhere = Sample(better.values, "gpu")
    unpaired = compare_with_all([worse, elsewhere])[0]
    assert (unpaired.paired, unpaired.unpaired) == ((), ((8, 8),))
    assert unpaired.p == rank_sum(list(worse.values.values()), list(better.values.values()))


def test_seeds_that_only_one_has_are_left_out_of_pairs():
    one, other = sample(*np.arange(8.0) + 1), sample(*np.arange(6.0), first=1)
    found = compare_with_all([one, other])[0]
    assert found.paired == ((6, 6),)
    assert found.p == signed_rank(list(np.arange(6.0) + 2), list(np.arange(6.0)))


def test_samples_with_few_seeds_in_common_are_not_paired():
    found = compare_with_all([sample(*np.arange(8.0)), sample(*np.arange(8.0), first=6)])[0]
    assert (found.paired, found.unpaired) == ((), ((8, 8),))


def test_diverged_runs_are_worse_than_any():
    good, broken = sample(*np.arange(8.0)), sample(*[NAN, INF, -INF, NAN] * 2)
    best, worst = compare_with_all([good, broken])
    assert (best.p, worst.p) == (1.0, 2.0**-8)
    assert [found.p for found in compare_with_all([broken, broken])] == [1.0, 1.0]


def test_one_sample_has_nobody_to_be_worse_than():
    (found,) = compare_with_all([sample(1.0, 2.0)])
    assert (found.p, found.may_be_best, found.has_power) == (1.0, True, False)
    assert compare_with_all([]) == []


@pytest.mark.parametrize(("seeds", "has_power"), [(0, False), (1, False), (4, False), (5, True), (8, True)])
def test_few_seeds_decide_nothing(seeds, has_power):
    samples = [sample(*np.arange(float(seeds)) + rank) for rank in range(3)]
    found = compare_with_all(samples)
    assert [one.has_power for one in found] == [has_power] * 3
    assert found[2].may_be_best is not has_power


def test_identical_losses_are_told_apart_only_if_they_differ():
    same, other = sample(*[0.5] * 8), sample(*[0.6] * 8)
    assert [one.may_be_best for one in compare_with_all([same, same, other])] == [True, True, False]


@pytest.mark.parametrize("values", [[0.2], [0.01, 0.04, 0.3], [0.5, 0.5], [0.004] * 10, [1.0, 1.0]])
def test_simes_p_is_the_least_of_the_adjusted_ones_of_scipy(values):
    assert simes(values) == pytest.approx(stats.false_discovery_control(values).min(), rel=1e-12)


def test_simes_of_nothing_is_no_evidence():
    assert simes([]) == 1.0
