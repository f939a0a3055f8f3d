"""Milestones as users write them."""

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.spec.milestone import Milestone
from tests.builders import at_seconds, at_steps


@pytest.mark.parametrize(
    ("text", "milestone"),
    [("20000", at_steps(20000)), ("1", at_steps(1)), ("10s", at_seconds(10)), ("0.5s", at_seconds(0.5))],
)
def test_steps_have_no_suffix_and_seconds_have_one(text, milestone):
    assert Milestone.read(text) == milestone


@pytest.mark.parametrize(
    ("text", "meant"),
    [("20_000", "20000"), ("20,000", "20000"), ("20 000", "20000"), ("200 steps", "200"), ("1_000s", "1000s")],
)
def test_numbers_are_written_in_digits_alone(text, meant):
    with pytest.raises(UsageError, match=rf"invalid milestone '{text}': .*Did you mean '{meant}'\?"):
        Milestone.read(text)


@pytest.mark.parametrize("text", ["", "2e4", "-5", "1.5", "10m", "s", "nan", "infs", "٣"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="must be a number of steps in digits alone, such as 20000") as caught:
        Milestone.read(text)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("text", ["0", "0s", "0.0s"])
def test_a_milestone_is_after_the_start(text):
    with pytest.raises(UsageError, match=r"must be (an integer from 1 to|a number of seconds greater than 0)"):
        Milestone.read(text)
