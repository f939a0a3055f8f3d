"""The spread of a search in natural values, and the scales of its pictures."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.charts.searches import fitness_limits, jitter, logit_ticks, search_spread
from lodo_bench.spec.study import StudyRecord
from lodo_bench.tuner.space import TRANSFORMS
from tests.builders import examples, generation, individual, schedule, study_spec


def study(mean, sigma, transform="logit"):
    spec = study_spec(schedule=schedule(decay_transform=transform))
    generations = (generation(0, mean={"x": mean}, sigma=sigma), generation(1, mean={"x": mean}, sigma=sigma / 2))
    return StudyRecord(1, spec, None, generations, ())


@pytest.mark.parametrize(
    ("kind", "transform", "mean"),
    [("rate", "log", 0.01), ("decay", "logit", 0.9), ("decay", "logit", 0.01), ("decay", "log-complement", 0.99)],
)
def test_the_band_is_one_sigma_on_the_scale_of_the_search(kind, transform, mean):
    found = search_spread(study(mean, 1.5, "logit" if transform == "log" else transform), "x", kind)
    scale = TRANSFORMS[transform]
    ends = sorted(scale.inverse(scale.forward(mean) + shift) for shift in (-1.5, 1.5))
    assert found.generations.tolist() == [1, 2]
    np.testing.assert_allclose([found.low[0], found.high[0]], ends, rtol=1e-12)
    assert ends[0] < found.low[1] < mean < found.high[1] < ends[1]


@examples
@given(st.floats(0, 1, exclude_max=True), st.floats(0, 5), st.sampled_from(["logit", "log-complement"]))
def test_bands_of_decays_stay_in_their_range(mean, sigma, transform):
    found = search_spread(study(mean, sigma, transform), "x", "decay")
    assert (found.low >= 0).all() and (found.high <= 1).all()
    assert (found.low <= found.mean + 1e-12).all() and (found.mean <= found.high + 1e-12).all()


def test_dots_stand_apart_within_their_generation():
    places = [jitter(index, 32) for index in range(32)]
    assert places == sorted(set(places))
    assert places[0] >= -0.3 and places[-1] <= 0.3


def test_there_is_room_for_more_dots_than_planned():
    assert jitter(5, 1) <= 0.3


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.999), (0.4, 0.6), (1e-9, 1 - 1e-9), (0.9, 0.9999), (0.85, 0.97)])
def test_ticks_of_decays_are_few_and_inside(low, high):
    ticks = logit_ticks(low, high)
    assert 1 <= len(ticks) <= 8
    assert ticks == sorted(ticks)
    assert all(low <= tick <= high for tick in ticks)


def test_an_interval_without_round_numbers_has_no_ticks():
    assert logit_ticks(0.511, 0.512) == []


def test_changing_a_study_does_not_change_the_shape():
    record = study(0.9, 3.0)
    assert len(search_spread(replace(record, generations=record.generations[:1]), "x", "decay").mean) == 1


def test_the_fitness_axis_ignores_outliers_and_what_diverged():
    members = tuple(individual(n, fitness=value) for n, value in enumerate([1.0, 2.0, 3.0, 1e9, math.inf]))
    limits = fitness_limits(replace(study(0.5, 1.0), individuals=members))
    assert (limits.ceiling, limits.clipped) == (3, [1e9])
