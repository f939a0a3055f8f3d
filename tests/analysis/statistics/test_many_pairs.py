"""The tests of all pairs of samples at once: each p is, to the last bit, that of a plain test of the pair alone."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.analysis.statistics import matching
from lodo_bench.analysis.statistics.matching import distances, match, match_all
from lodo_bench.analysis.statistics.rank_tests import choice_distribution, equal, sign_distribution
from lodo_bench.analysis.statistics.sample import Sample
from tests.builders import examples

INF = math.inf
VALUES = st.one_of(
    st.sampled_from([0.5, 1.0, 1.0 + 1e-12, 2.0, 3.0, INF, math.nan]),  # ties, equal up to rounding, diverged runs
    st.floats(0.1, 10.0),
)
SEEDS = st.sampled_from([range(6), range(3, 9), range(20, 25), range(2), (5, 3, 1)])


@st.composite
def samples(draw):
    seeds, unit = draw(SEEDS), draw(st.sampled_from(["seed", "seed", "search"]))
    values = {seed: draw(VALUES) for seed in seeds}
    blocks = {seed: range(3 * i, 3 * i + 3) for i, seed in enumerate(seeds)} if unit == "search" else {}
    is_constant = unit == "seed" and draw(st.integers(0, 3)) == 0
    return Sample(values, draw(st.sampled_from([None, "cpu"])), unit, is_constant, blocks)


def plain_ranks(values):
    """Twice the mid-ranks, by counting."""
    return [int((values < value).sum() + (values <= value).sum()) + 1 for value in values]


def merged(values):
    """The values in rising order, each as the one below it if they are equal up to rounding; then as they came."""
    order = np.argsort(values, kind="stable")
    found = values.copy()
    for before, index in itertools.pairwise(order):
        if equal(values[index], values[before]):
            found[index] = found[before]
    return found


@cache
def tails(distribution, ranks, found, *size):
    probabilities = distribution(ranks, *size)
    return min(probabilities[found:].sum(), 1.0), min(probabilities[: found + 1].sum(), 1.0)


def plain(pair, kind):
    """The two p of one pair, without arrays of pairs."""
    if pair.test == "none":
        return 1.0, 1.0
    if pair.test == "rank-sum":
        ranks = plain_ranks(merged(np.concatenate([pair.own, pair.other])))
        return tails(choice_distribution, tuple(sorted(ranks)), sum(ranks[: len(pair.own)]), len(pair.own))
    differences = distances(pair.own, pair.other, kind)
    differences = np.sign(differences) if pair.test == "sign" else differences
    differences = differences[(differences != 0) & ~np.isnan(differences)]
    ranks = plain_ranks(np.abs(differences))
    found = sum(rank for rank, value in zip(ranks, differences, strict=True) if value > 0)
    return tails(sign_distribution, tuple(sorted(ranks)), found)


def check(found, kind):
    """Compare the tests of all pairs with plain ones, and return how many of each test there are."""
    tests, seen = {}, set()
    for i, j, pairs in match_all(found):
        larger, smaller = pairs.tails(kind)
        for k, (one, other) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            alone = match(found[one], found[other])
            assert (pairs.test, pairs.sizes) == (alone.test, alone.sizes)
            assert np.array_equal(pairs.own[k], alone.own)
            assert np.array_equal(pairs.other[k], alone.other)
            assert (larger[k], smaller[k]) == tuple(map(float, alone.tails(kind))) == plain(alone, kind)
            tests[alone.test] = tests.get(alone.test, 0) + 1
            seen.add((one, other))
    count = len(found)
    assert len(seen) == sum(tests.values()) == count * (count - 1) // 2
    assert all(one < other for one, other in seen)
    return tests


@examples
@given(st.lists(samples(), max_size=6), st.sampled_from(["ratio", "difference"]))
def test_pairs_at_once_are_tested_like_one_alone(found, kind):
    check(found, kind)


@pytest.mark.parametrize("values_at_once", [1, 100, 2**18])
@pytest.mark.parametrize("kind", ["ratio", "difference"])
def test_many_samples_of_some_layouts_are_tested_like_single_pairs(values_at_once, kind, monkeypatch):
    monkeypatch.setattr(matching, "_VALUES_AT_ONCE", values_at_once)
    random = np.random.default_rng(1)
    layouts = [range(10), range(9), range(4, 14), range(30, 37)]
    found = [Sample({seed: random.lognormal() for seed in layouts[i % 4]}) for i in range(24)]
    found += [Sample({seed: round(random.lognormal()) + 1.0 for seed in range(10)}) for _ in range(4)]
    found += [Sample(dict.fromkeys(range(3), 1.0), is_constant=True), Sample({})]
    blocks = {search: range(2 * search, 2 * search + 2) for search in range(5)}
    found += [Sample({s: random.lognormal() for s in range(5)}, unit="search", blocks=blocks) for _ in range(2)]
    random.shuffle(found)
    assert check(found, kind).keys() == {"signed-rank", "rank-sum", "sign", "none"}


def test_one_sample_has_no_pairs():
    assert [len(i) for i, _, _ in match_all([Sample({0: 1.0})])] == []
    assert list(match_all([])) == []
