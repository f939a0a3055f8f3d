"""The unconstrained space: round trips, and no value outside a hyperparameter's range."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.tuner.space import TRANSFORMS, SearchSpace, at_edge
from tests.helpers import defaults
from tests.tuner.helpers import examples

LOG, LOGIT, LOG_COMPLEMENT = (TRANSFORMS[name] for name in ("log", "logit", "log-complement"))
RANGED_RATE = HyperparameterSpec("lr", "lr", "rate", 0.001, "step size", range=(1e-5, 1.0))
RANGED_DECAY = HyperparameterSpec("beta1", "beta1", "decay", 0.9, "decay", range=(0.5, 0.995))
RATE = HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size")
DECAY = HyperparameterSpec("momentum", "beta", "decay", 0.5, "decay")
DECAY_TRANSFORMS = ("logit", "log-complement")
BELOW_ONE = 1 - 2**-53

anything = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("transform", "value", "coordinate"),
    [
        (LOG, 1.0, 0.0),
        (LOG, 0.001, -6.907755278982137),
        (LOG, 20.0, 2.995732273553991),
        (LOGIT, 0.5, 0.0),
        (LOGIT, 0.9, 2.1972245773362196),
        (LOGIT, 0.25, -1.0986122886681098),
        (LOG_COMPLEMENT, 0.0, 0.0),
        (LOG_COMPLEMENT, 0.9, -2.302585092994046),
        (LOG_COMPLEMENT, 0.999, -6.907755278982137),
    ],
)
def test_known_values(transform, value, coordinate):
    assert transform.forward(value) == pytest.approx(coordinate, rel=1e-13)
    assert transform.inverse(coordinate) == pytest.approx(value, rel=1e-13)


@examples
@given(st.floats(1e-307, 1e307))
@example(1e-307)
@example(1e307)
def test_a_rate_comes_back_from_the_log_scale(value):
    assert LOG.inverse(LOG.forward(value)) == pytest.approx(value, rel=1e-12, abs=0)


@examples
@given(st.floats(-706, 709))
def test_a_point_of_the_log_scale_comes_back(coordinate):
    assert LOG.forward(LOG.inverse(coordinate)) == pytest.approx(coordinate, rel=1e-13, abs=1e-14)


@examples
@given(st.floats(1e-307, BELOW_ONE))
@example(1e-307)
@example(BELOW_ONE)
def test_a_decay_comes_back_from_the_logit_scale(value):
    back = LOGIT.inverse(LOGIT.forward(value))
    assert back == pytest.approx(value, rel=1e-12, abs=0)
    assert 1 - back == pytest.approx(1 - value, rel=1e-12, abs=2.3e-16)


@examples
@given(st.floats(-706, 36))
def test_a_point_of_the_logit_scale_comes_back(coordinate):
    # A value near 1 is a float of spacing 1.1e-16, so the point is known to 1.1e-16 / (1 - value) only.
    tolerance = 1e-12 + 4e-16 * math.exp(coordinate)
    assert LOGIT.forward(LOGIT.inverse(coordinate)) == pytest.approx(coordinate, rel=1e-13, abs=tolerance)


@examples
@given(st.floats(0, BELOW_ONE))
@example(BELOW_ONE)
@example(1e-300)
def test_a_decay_comes_back_from_the_log_complement_scale(value):
    back = LOG_COMPLEMENT.inverse(LOG_COMPLEMENT.forward(value))
    assert back == pytest.approx(value, rel=1e-12, abs=0)
    assert 1 - back == pytest.approx(1 - value, rel=1e-12, abs=2.3e-16)


@examples
@given(st.floats(-36, 0))
def test_a_point_of_the_log_complement_scale_comes_back(coordinate):
    tolerance = 1e-15 + 4e-16 * math.exp(-coordinate)
    assert LOG_COMPLEMENT.forward(LOG_COMPLEMENT.inverse(coordinate)) == pytest.approx(coordinate, abs=tolerance)


@pytest.mark.parametrize("coordinate", [0.1, 3.0, 1e6])
def test_above_zero_the_log_complement_stands_for_zero(coordinate):
    assert LOG_COMPLEMENT.inverse(coordinate) == 0


def test_the_zero_has_no_sign():
    assert math.copysign(1, LOG_COMPLEMENT.inverse(3.0)) == 1


@pytest.mark.parametrize("decay_transform", DECAY_TRANSFORMS)
@pytest.mark.parametrize("coordinate", [-1e308, -1e6, -800.0, -40.0, 0.0, 40.0, 800.0, 1e6, 1e308])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.names)
def test_extremes_are_values_that_the_optimizers_accept(optimizer, coordinate, decay_transform):
    parameters = OPTIMIZERS.load(optimizer).hyperparameters
    values = SearchSpace(parameters, decay_transform).constrain(np.full(len(parameters), coordinate))
    assert [p.validate(values[p.name], optimizer) for p in parameters] == list(values.values())


@pytest.mark.parametrize("decay_transform", DECAY_TRANSFORMS)
@examples
@given(point=st.tuples(anything, anything))
def test_every_point_is_of_possible_values_with_a_finite_coordinate(decay_transform, point):
    space = SearchSpace((RATE, DECAY), decay_transform)
    values = space.constrain(np.array(point))
    assert RATE.validate(values["learning_rate"], "it") > 0
    assert DECAY.validate(values["momentum"], "it") < 1
    assert np.isfinite(space.unconstrain(values)).all()


@pytest.mark.parametrize("coordinate", [1e3, 1e6])
def test_extremes_are_the_ends_of_the_range(coordinate):
    assert 0 < LOG.inverse(-coordinate) < 1e-300
    assert 1e300 < LOG.inverse(coordinate) < math.inf
    assert 0 < LOGIT.inverse(-coordinate) < 1e-300
    assert LOGIT.inverse(coordinate) == BELOW_ONE
    assert LOG_COMPLEMENT.inverse(-coordinate) == BELOW_ONE


@pytest.mark.parametrize(("transform", "direction"), [(LOG, 1), (LOGIT, 1), (LOG_COMPLEMENT, -1)])
@examples
@given(a=st.floats(-1e6, 1e6), b=st.floats(-1e6, 1e6))
def test_order_is_kept_up_to_the_direction_of_the_scale(transform, direction, a, b):
    # Neighboring floats may be rounded the wrong way.
    assume(abs(a - b) > 1e-9 * max(abs(a), abs(b), 1))
    assert (transform.inverse(a) - transform.inverse(b)) * (a - b) * direction >= 0


@pytest.mark.parametrize(
    ("transform", "low", "high", "direction"),
    [(LOG, -700, 700, 1), (LOGIT, -700, 14, 1), (LOG_COMPLEMENT, -14, 0, -1)],
)
@examples
@given(data=st.data())
def test_different_points_are_different_values(transform, low, high, direction, data):
    a = data.draw(st.floats(low, high - 0.001))
    b = data.draw(st.floats(a + 0.001, high))
    assert (transform.inverse(b) > transform.inverse(a)) == (direction > 0)
    assert transform.inverse(b) != transform.inverse(a)


def by_hand(parameter, value, decay_transform):
    if parameter.kind == "rate":
        return math.log(value)
    return math.log(value / (1 - value)) if decay_transform == "logit" else math.log(1 - value)


@pytest.mark.parametrize("decay_transform", DECAY_TRANSFORMS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.names)
def test_the_center_is_the_unconstrained_defaults(optimizer, decay_transform):
    parameters = OPTIMIZERS.load(optimizer).hyperparameters
    space = SearchSpace(parameters, decay_transform)
    expected = [by_hand(p, p.default, decay_transform) for p in parameters]
    np.testing.assert_allclose(space.center, expected, rtol=1e-12)
    assert space.constrain(space.center) == pytest.approx(defaults(optimizer), rel=1e-12)


def test_decays_are_searched_on_the_logit_scale_unless_told_otherwise():
    np.testing.assert_allclose(SearchSpace((RATE, DECAY)).center, [math.log(0.001), 0], rtol=1e-15)


def test_values_go_by_name_and_points_by_the_order_of_the_parameters():
    space = SearchSpace((DECAY, RATE))
    point = space.unconstrain({"learning_rate": 2.0, "momentum": 0.75})
    np.testing.assert_allclose(point, [math.log(3), math.log(2)], rtol=1e-14)
    assert list(space.constrain(point)) == ["momentum", "learning_rate"]


def test_values_are_plain_floats():
    space = SearchSpace((RATE, DECAY))
    assert {type(value) for value in space.constrain(space.center).values()} == {float}


@pytest.mark.parametrize("decay_transform", DECAY_TRANSFORMS)
@examples
@given(point=st.tuples(anything, anything, anything))
def test_values_are_within_their_ranges(decay_transform, point):
    space = SearchSpace((RANGED_RATE, RATE, RANGED_DECAY), decay_transform)
    values = space.constrain(np.array(point))
    assert 1e-5 <= values["lr"] <= 1.0
    assert 0.5 <= values["beta1"] <= 0.995
    assert values["learning_rate"] == SearchSpace((RATE,)).constrain(np.array(point[1:2]))["learning_rate"]


@pytest.mark.parametrize("decay_transform", DECAY_TRANSFORMS)
@examples
@given(points=st.lists(st.tuples(anything, anything, anything), min_size=1))
def test_clipped_points_have_the_same_values_and_come_back(decay_transform, points):
    space = SearchSpace((RANGED_RATE, RATE, RANGED_DECAY), decay_transform)
    clipped = space.clip(np.array(points))
    for point, inside in zip(points, clipped, strict=True):
        values = space.constrain(np.array(point))
        assert space.constrain(inside) == pytest.approx(values, rel=1e-12)
        assert inside[1] == point[1]
        assert space.unconstrain(values)[[0, 2]] == pytest.approx(inside[[0, 2]], rel=1e-9)


@examples
@given(points=st.lists(st.tuples(anything, anything), min_size=1))
def test_without_ranges_points_are_the_same_bit_for_bit(points):
    array = np.array(points)
    assert SearchSpace((RATE, DECAY)).clip(array).tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1e-5, True),
        (1.1e-5, True),  # the range has the length ln 1e5 = 11.51, a hundredth of which is a factor of 1.122
        (1.13e-5, False),
        (0.001, False),
        (0.88, False),
        (0.9, True),
        (1.0, True),
    ],
)
def test_the_edges_of_a_rate(value, expected):
    assert at_edge(RANGED_RATE, value, LOG) is expected
    assert at_edge(RATE, value, LOG) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, True),
        (0.51, True),  # the range has the length ln 199 = 5.29, and the logit of 0.51 is 0.04
        (0.52, False),
        (0.9, False),
        (0.9947, False),
        (0.9948, True),
        (0.995, True),
    ],
)
def test_the_edges_of_a_decay(value, expected):
    assert at_edge(RANGED_DECAY, value, LOGIT) is expected
