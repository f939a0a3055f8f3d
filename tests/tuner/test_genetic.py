"""The genetic search against generations computed by hand, and on a function with a known minimizer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.study import GenerationPlan, Schedule
from lodo_bench.tuner.genetic import GeneticSearch
from lodo_bench.tuner.space import SearchSpace
from tests.builders import individual
from tests.tuner.helpers import examples, schedule

RATE = HyperparameterSpec("learning_rate", "lr", "rate", 0.1, "step size")
DECAY = HyperparameterSpec("momentum", "beta", "decay", 0.5, "decay")
SPACE = SearchSpace((RATE, DECAY))
NOT_FINITE = (math.nan, math.inf, -math.inf)

# In the unconstrained space, a generation is the mean plus sigma times these; the mean starts at (ln 0.1, 0).
DRAWS = {
    0: [[1.0, 0.0], [-1.0, 0.5], [0.5, -1.0], [0.0, 2.0]],
    1: [[2.0, 2.0], [0.0, 0.0], [-2.0, 1.0], [0.0, -2.0]],
}


class Draws:
    """A stand-in for a generator of normal numbers."""

    def __init__(self, seed):
        self.index = seed[-1]

    def standard_normal(self, shape):
        draws = np.array(DRAWS[self.index])
        assert draws.shape == shape
        return draws


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setattr(np.random, "default_rng", Draws)
    return GeneticSearch(SPACE, schedule(4, sigmas=(2.0, 0.5), steps=(7, 9)), seed=0)


def search(population=6, sigmas=(1.0, 0.5), seed=0):
    return GeneticSearch(SPACE, schedule(population, sigmas, steps=(1,) * len(sigmas)), seed)


def tell(search, fitnesses):
    search.tell([individual(index, fitness=fitness) for index, fitness in enumerate(fitnesses)])


def unconstrained(values):
    """Return a point of the space without the space's own code."""
    decay = values["momentum"]
    return [math.log(values["learning_rate"]), math.log(decay / (1 - decay))]


def points(generation):
    return [unconstrained(values) for values in generation.individuals]


def mean_of(rows):
    return [sum(row[axis] for row in rows) / len(rows) for axis in range(2)]


def close(values):
    return pytest.approx(values, rel=1e-9, abs=1e-9)


def values(learning_rate, momentum):
    return pytest.approx({"learning_rate": learning_rate, "momentum": momentum}, rel=1e-12)


def test_the_first_generation_spreads_around_the_defaults(drawn):
    generation = drawn.ask()
    assert (generation.index, generation.sigma, generation.steps) == (0, 2.0, 7)
    assert generation.mean == values(0.1, 0.5)
    rates = [i["learning_rate"] for i in generation.individuals]
    decays = [i["momentum"] for i in generation.individuals]
    # 0.1 times e², e⁻², e¹, e⁰; the logistic function of 0, 1, -2, 4.
    assert rates == pytest.approx([0.738905609893065, 0.01353352832366127, 0.27182818284590454, 0.1], rel=1e-12)
    assert decays == pytest.approx([0.5, 0.7310585786300049, 0.11920292202211755, 0.9820137900379085], rel=1e-12)


def test_two_generations_by_hand(drawn):
    # Rows 1 and 2 are the better half: their draws' mean is (-0.25, -0.25), times sigma (-0.5, -0.5).
    tell(drawn, [3.0, 1.0, 2.0, 4.0])
    assert drawn.mean == values(0.06065306597126334, 0.3775406687981454)
    generation = drawn.ask()
    assert (generation.index, generation.sigma, generation.steps) == (1, 0.5, 9)
    assert generation.mean == drawn.mean
    # Rows 0 and 3: the draws' mean is (1, 0), times sigma (0.5, 0), on top of the former mean.
    tell(drawn, [-5.0, 5.0, 5.0, 2.0])
    assert drawn.finished
    assert drawn.mean == values(0.1, 0.3775406687981454)


def test_ties_go_to_the_lower_index(drawn):
    tell(drawn, [1.0, 1.0, 1.0, 1.0])
    # Rows 0 and 1: the mean of the draws is (0, 0.25), times sigma (0, 0.5).
    assert drawn.mean == values(0.1, 0.6224593312018546)


def test_a_tie_for_the_last_place_goes_to_the_lower_index(drawn):
    tell(drawn, [2.0, 2.0, 7.0, 1.0])
    # Rows 3 and 0: the mean of the draws is (0.5, 1), times sigma (1, 2).
    assert drawn.mean == pytest.approx(
        {"learning_rate": 0.27182818284590454, "momentum": 0.8807970779778823}, rel=1e-12
    )


@pytest.mark.parametrize("kinds", [1, 2, 5])
def test_many_ties_go_to_the_lower_indices(kinds):
    genetic = search(population=200)
    fitnesses = [float(i % kinds) for i in range(200)]
    better = [i for fitness in range(kinds) for i in range(200) if fitnesses[i] == fitness][:100]
    individuals = points(genetic.ask())
    tell(genetic, fitnesses)
    assert unconstrained(genetic.mean) == close(mean_of([individuals[i] for i in better]))


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_what_is_not_finite_ranks_last(drawn, bad):
    tell(drawn, [bad, 1e308, bad, -1e308])
    # Rows 1 and 3: the mean of the draws is (-0.5, 1.25), times sigma (-1, 2.5).
    assert drawn.mean == pytest.approx(
        {"learning_rate": 0.036787944117144235, "momentum": 0.9241418199787566}, rel=1e-12
    )


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_fewer_than_half_that_are_finite_are_averaged(drawn, bad):
    tell(drawn, [bad, bad, 8.0, bad])
    # Row 2 alone: (0.5, -1), times sigma (1, -2).
    assert drawn.mean == pytest.approx(
        {"learning_rate": 0.27182818284590454, "momentum": 0.11920292202211755}, rel=1e-12
    )


def test_without_any_finite_fitness_the_mean_stays_and_the_search_goes_on(drawn):
    before = drawn.mean
    tell(drawn, [math.nan, math.inf, -math.inf, math.nan])
    assert drawn.mean == before
    generation = drawn.ask()
    assert (generation.index, generation.mean) == (1, before)
    # Row 0 of the second generation: sigma 0.5 times (2, 2).
    assert points(generation)[0] == close([math.log(0.1) + 1, 1])


def test_a_last_generation_without_any_finite_fitness_keeps_the_mean_too(drawn):
    tell(drawn, [3.0, 1.0, 2.0, 4.0])
    before = drawn.mean
    tell(drawn, [math.nan] * 4)
    assert drawn.finished
    assert drawn.mean == before


@pytest.mark.parametrize(("population", "better"), [(2, 1), (3, 1), (5, 2), (7, 3), (32, 16)])
def test_the_better_half_of_an_odd_population_is_rounded_down(population, better):
    genetic = search(population)
    expected = mean_of(points(genetic.ask())[-better:])
    tell(genetic, [float(-i) for i in range(population)])
    assert unconstrained(genetic.mean) == close(expected)


def better_half(fitnesses):
    """Return the indices of the better half by repeated search for the lowest, without sorting."""
    left = [i for i, fitness in enumerate(fitnesses) if fitness - fitness == 0]
    chosen = []
    while left and len(chosen) < len(fitnesses) // 2:
        lowest = left[0]
        for i in left:
            if fitnesses[i] < fitnesses[lowest]:
                lowest = i
        chosen.append(lowest)
        left.remove(lowest)
    return chosen


fitness_values = st.one_of(
    st.sampled_from([*NOT_FINITE, 0.0, -0.0, 1.0, 2.0]), st.floats(allow_nan=False, allow_infinity=False)
)


@examples
@given(st.lists(fitness_values, min_size=2, max_size=9), st.integers(0, 2**63 - 1))
def test_the_next_mean_is_that_of_the_better_half(fitnesses, seed):
    genetic = search(len(fitnesses), seed=seed)
    before, chosen = genetic.mean, better_half(fitnesses)
    individuals = points(genetic.ask())
    tell(genetic, fitnesses)
    if chosen:
        assert unconstrained(genetic.mean) == close(mean_of([individuals[i] for i in chosen]))
    else:
        assert genetic.mean == before


def test_asking_again_gives_the_same_generation():
    genetic = search()
    assert genetic.ask() == genetic.ask()


def aggregate(seed, fitnesses=(3.0, 1.0, 2.0, 6.0, 5.0, 4.0)):
    genetic, generations = search(seed=seed), []
    while not genetic.finished:
        generations.append(genetic.ask())
        tell(genetic, fitnesses)
    return generations, genetic.mean


def test_the_same_seed_and_fitnesses_give_the_same_search():
    assert aggregate(5) == aggregate(5)


def test_another_seed_gives_another_search():
    first, second = (aggregate(seed)[0][0].individuals for seed in (5, 6))
    assert not any(one == other for one, other in zip(first, second, strict=True))


def test_the_result_is_the_mean_after_the_last_generation():
    genetic = search()
    tell(genetic, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert not genetic.finished
    last = points(genetic.ask())
    tell(genetic, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    assert genetic.finished
    assert unconstrained(genetic.mean) == close(mean_of(last[3:]))


def normals(generation):
    center = unconstrained(generation.mean)
    return [[(row[a] - center[a]) / generation.sigma for a in range(2)] for row in points(generation)]


def test_normal_numbers_do_not_depend_on_what_was_told():
    (_, one), (_, other) = (aggregate(1, fitnesses)[0] for fitnesses in ([1.0, 2, 3, 4, 5, 6], [math.nan] * 6))
    assert one.mean != other.mean
    assert np.array(normals(one)) == close(np.array(normals(other)))


def test_every_generation_has_numbers_of_its_own():
    first, second = (normals(generation) for generation in aggregate(1)[0])
    assert not np.isclose(first, second).any()


def test_the_numbers_are_normal_and_independent_of_each_other():
    genetic = search(population=20_000, sigmas=(3.0, 0.25))
    for sigma in (3.0, 0.25):
        generation = genetic.ask()
        offsets = np.array(points(generation)) - unconstrained(generation.mean)
        np.testing.assert_allclose(offsets.mean(axis=0), 0, atol=0.03 * sigma)
        np.testing.assert_allclose(offsets.std(axis=0), sigma, rtol=0.03)
        assert abs(np.corrcoef(offsets.T)[0, 1]) < 0.03
        within = np.abs(offsets) < sigma
        np.testing.assert_allclose(within.mean(axis=0), 0.6827, atol=0.015)
        tell(genetic, [0.0] * 20_000)


@pytest.mark.parametrize("count", [0, 5, 7])
def test_a_generation_is_told_whole(count):
    with pytest.raises(ValueError, match=f"a generation has 6 individuals, not {count}"):
        tell(search(), [1.0] * count)


@pytest.mark.parametrize("transform", ["logit", "log-complement"])
@pytest.mark.parametrize("seed", range(4))
def test_it_finds_the_minimizer_of_a_quadratic(seed, transform):
    sigmas = (3.0, 3.0, 3.0, 3.0, 2.0, 1.7, 1.4, 1.2, 0.9, 0.6)
    plan = Schedule("paper", 32, tuple(GenerationPlan(sigma, 1) for sigma in sigmas), transform)
    space = SearchSpace((RATE, DECAY), transform)
    minimizer = space.unconstrain({"learning_rate": 40.0, "momentum": 0.97})
    genetic = GeneticSearch(space, plan, seed)
    assert np.abs(space.center - minimizer).max() > 5
    while not genetic.finished:
        tell(genetic, [((space.unconstrain(i) - minimizer) ** 2).sum() for i in genetic.ask().individuals])
    assert np.abs(space.unconstrain(genetic.mean) - minimizer).max() < 0.4


def test_a_search_stays_within_a_range_and_finds_a_minimizer_at_its_edge():
    # The loss falls with the rate, whose range ends at 1; the other hyperparameter has its best value inside.
    ranged = HyperparameterSpec("lr", "lr", "rate", 0.1, "step size", range=(1e-4, 1.0))
    plans = (GenerationPlan(2.0, 1), GenerationPlan(1.0, 1), GenerationPlan(0.5, 1), GenerationPlan(0.1, 1))
    search = GeneticSearch(SearchSpace((ranged, DECAY)), Schedule("any", 64, plans), seed=3)
    while not search.finished:
        generation = search.ask()
        rates = [values["lr"] for values in generation.individuals]
        assert all(1e-4 <= rate <= 1.0 for rate in (*rates, generation.mean["lr"]))
        losses = [(values["momentum"] - 0.7) ** 2 - math.log(values["lr"]) for values in generation.individuals]
        search.tell([individual(index, fitness=loss) for index, loss in enumerate(losses)])
    assert search.mean["lr"] == pytest.approx(1.0, rel=0.05)
    assert search.mean["lr"] <= 1.0
