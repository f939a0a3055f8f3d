"""Which test two samples admit, of which values, and how small its p can be."""

import math

import numpy as np
import pytest

from lodo_bench.analysis.statistics.matching import match
from lodo_bench.analysis.statistics.rank_tests import Tails
from lodo_bench.analysis.statistics.sample import Sample

NAN, INF = math.nan, math.inf


def seeds(*values, data=None, first=0):
    return Sample(dict(enumerate(values, first)), data)


def searches(*values, data=None):
    return Sample(dict(enumerate(values)), data, unit="search")


def constant(*values, unit="seed"):
    return Sample(dict(enumerate(values)), unit=unit, is_constant=True)


EIGHT = tuple(np.arange(1.0, 9.0))


@pytest.mark.parametrize(
    ("one", "other", "test", "sizes", "floor"),
    [
        (seeds(*EIGHT), seeds(*EIGHT), "signed-rank", (8, 8), 2**-8),
        (seeds(*EIGHT), seeds(*EIGHT[:6], first=1), "signed-rank", (6, 6), 2**-6),
        (seeds(*EIGHT), seeds(*EIGHT, first=6), "rank-sum", (8, 8), 1 / math.comb(16, 8)),
        (seeds(*EIGHT, data="cpu"), seeds(*EIGHT, data="gpu"), "rank-sum", (8, 8), 1 / math.comb(16, 8)),
        (searches(*EIGHT[:5]), searches(*EIGHT[:3]), "rank-sum", (5, 3), 1 / 56),
        (constant(1.0), seeds(*EIGHT), "sign", (1, 8), 2**-8),
        (seeds(*EIGHT), constant(1.0), "sign", (8, 1), 2**-8),
        (searches(*EIGHT[:5]), constant(1.0), "sign", (5, 1), 2**-5),
        (seeds(2.0), constant(1.0), "sign", (1, 1), 0.5),
        (constant(1.0), constant(2.0), "none", (1, 1), 1.0),
        (searches(*EIGHT), seeds(*EIGHT), "none", (8, 8), 1.0),
        (seeds(*EIGHT), searches(*EIGHT), "none", (8, 8), 1.0),
        (seeds(), seeds(*EIGHT), "none", (0, 8), 1.0),
        (constant(), seeds(*EIGHT), "none", (0, 8), 1.0),
    ],
)
def test_the_replicates_decide_the_test(one, other, test, sizes, floor):
    found = match(one, other)
    assert (found.test, found.sizes, found.floor) == (test, sizes, pytest.approx(floor, rel=1e-15))
    if test == "none":
        assert found.tails("ratio") == Tails(1.0, 1.0)


@pytest.mark.parametrize("make", [seeds, searches])
@pytest.mark.parametrize("count", [2, 5, 8])
def test_the_floor_is_the_p_of_the_clearest_outcome(make, count):
    worse = make(*(10.0 + i for i in range(count)))
    for better in (make(*(1.0 + i for i in range(count))), constant(1.0)):
        found = match(worse, better)
        assert found.tails("ratio").larger == pytest.approx(found.floor, rel=1e-12)
        assert match(better, worse).tails("ratio").smaller == pytest.approx(found.floor, rel=1e-12)


def test_copies_of_a_constant_are_one_value():
    copies, once = constant(*[2.0] * 8), constant(2.0)
    assert match(copies, once).test == match(copies, copies).test == "none"
    assert match(copies, seeds(*EIGHT)).sizes == (1, 8)
    assert match(copies, seeds(*EIGHT)).tails("ratio") == match(once, seeds(*EIGHT)).tails("ratio")


def test_pairs_are_of_the_same_seeds():
    found = match(seeds(5.0, 6.0, 7.0, 8.0), Sample({3: 80.0, 2: 70.0, 1: 60.0}))
    assert found.own.tolist() == [6.0, 7.0, 8.0]
    assert found.other.tolist() == [60.0, 70.0, 80.0]


def test_signed_ranks_of_ratios_are_those_of_logarithms():
    # Differences: 1, 2, 3, 4, -50. Logarithms of the ratios: 0.7, 1.1, 1.4, 1.6, -0.5.
    found = match(seeds(2.0, 3.0, 4.0, 5.0, 75.0), seeds(1.0, 1.0, 1.0, 1.0, 125.0))
    assert found.tails("difference").larger == 10 / 32
    assert found.tails("ratio").larger == 2 / 32


def test_signs_do_not_depend_on_how_far_values_are_off():
    values = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 0.001, 1000.0]
    found = match(seeds(*values), constant(1.0))
    assert found.tails("ratio") == found.tails("difference") == Tails(9 / 256, 255 / 256)


def test_a_diverged_constant_is_worse_than_any_value():
    assert match(constant(NAN), seeds(*EIGHT)).tails("ratio") == Tails(2**-8, 1.0)
    assert match(constant(INF), seeds(*[NAN] * 8)).tails("ratio") == Tails(1.0, 1.0)
