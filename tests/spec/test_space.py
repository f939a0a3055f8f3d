"""Search spaces as text, and the hyperparameters that they define."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.spec.space import Argument, Space
from tests.builders import examples

rates = st.floats(1e-12, 1e12)
scalars = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.none())
fixed_values = st.dictionaries(st.text(min_size=1), st.one_of(scalars, st.lists(scalars)))
arguments = st.builds(
    lambda default, bounds, index: Argument(f"betas[{index}]", "rate", default, bounds),
    rates,
    st.one_of(st.none(), st.tuples(rates, rates)),
    st.integers(0, 9),
)
spaces = st.builds(
    Space, st.lists(arguments).map(tuple), fixed_values, fixed_values, st.sampled_from([(), ("matrices",)]), st.text()
)


@examples
@given(spaces)
def test_a_space_comes_back_from_its_text(space):
    assert Space.from_json(space.to_json()) == space


def test_equal_spaces_have_equal_texts():
    one = Space((Argument("lr", "rate", 0.1, (0.01, 1.0), "here"),), {"a": 1, "b": [2, 3]})
    other = Space((Argument("lr", "rate", 0.1, (0.01, 1.0), "there"),), {"b": [2, 3], "a": 1})
    assert one == other
    assert one.to_json() == other.to_json()
    assert one.to_json() != Space(one.tuned, {"a": 2, "b": [2, 3]}).to_json()


@pytest.mark.parametrize(
    ("path", "name", "argument", "index"),
    [
        ("lr", "lr", "lr", None),
        ("betas[0]", "beta1", "betas", 0),
        ("betas[2]", "beta3", "betas", 2),
        ("etas[1]", "eta2", "etas", 1),
        ("x[1]", "x2", "x", 1),
        ("eps", "eps", "eps", None),
    ],
)
def test_names(path, name, argument, index):
    found = Argument(path, "rate", 0.5)
    assert (found.name, found.argument, found.index) == (name, argument, index)


def test_an_argument_is_a_hyperparameter():
    rate = Argument("lr", "rate", 0.1, (0.01, 1.0)).hyperparameter
    assert (rate.name, rate.alias, rate.kind, rate.initial, rate.range) == ("lr", "lr", "rate", 0.1, (0.01, 1.0))
    assert rate.is_learning_rate
    decay = Argument("betas[1]", "decay", 0.9).hyperparameter
    assert (decay.name, decay.alias, decay.range, decay.is_learning_rate) == ("beta2", "beta2", None, False)


def test_a_space_in_words():
    space = Space(
        (Argument("lr", "rate", 0.001, (1e-5, 1.0)), Argument("betas[0]", "decay", 0.9)),
        {"nesterov": True, "weight_decay": 0.0, "mode": None, "betas": [0.5, 1]},
        {"optimize_1d": True},
        horizon="num_iterations",
    )
    assert space.describe() == (
        "tunes lr (rate, 0.001, range 1e-05 to 1), beta1 (decay, 0.9); fixed: nesterov = true, weight_decay = 0, "
        "mode = null, betas = [0.5, 1]; where all parameters are vectors: optimize_1d = true; "
        "num_iterations = the planned number of steps; all else as in its constructor"
    )
    assert Space(()).describe() == "tunes nothing; all else as in its constructor"
