"""The page on the frozen preconditioner says what its numbers show."""

import numpy as np
import pytest

from lodo_bench.experiments.outputs.frozen import findings, steps_to_large

CALM, STEPS = 5.0, 50


def losses(*blows_up_at):
    """Losses (50, seeds) that exceed every bound from the given steps on; None for a seed that stays calm."""
    table = np.full((STEPS, len(blows_up_at)), CALM)
    for seed, step in enumerate(blows_up_at):
        if step is not None:
            table[step - 1 :, seed] = 1e9
    return table


def told(frozen_new, learning_new, own):
    named = {"frozen, new problem": frozen_new, "still learning, new problem": learning_new}
    return findings({**named, "frozen, its own problem": own})


def test_the_first_large_loss_counts_and_one_that_is_not_finite_is_large():
    table = losses(3, None)
    table[10, 1] = np.nan
    assert steps_to_large(table).tolist() == [3, 11]
    assert steps_to_large(losses(None)).tolist() == [np.inf]


def test_if_learning_changes_nothing_that_is_said():
    assert told(losses(3, 3), losses(3, 3), losses(None, None)) == [
        "On its own problem, the loss with the frozen preconditioner exceeds 1,000 in none of 2 runs within 50 steps.",
        "On a new problem, it exceeds 1,000 in 2 of 2 runs, after a median of 3 steps; with one that keeps "
        "learning, it exceeds 1,000 in 2 of 2 runs, after a median of 3 steps.",
        "Further learning does not delay this: both exceed it at the same step in all of 2 runs.",
    ]


@pytest.mark.parametrize(
    ("learning", "sentence"),
    [
        ((None, 9, 3), "later or never in 2 of 3 runs, sooner in 0, and at the same step in 1."),
        ((2, 3, 3), "later or never in 0 of 3 runs, sooner in 1, and at the same step in 2."),
    ],
)
def test_if_learning_makes_a_difference_it_is_counted(learning, sentence):
    assert told(losses(3, 3, 3), losses(*learning), losses(None, None, None))[2].endswith(sentence)


def test_if_nothing_blows_up_nothing_is_concluded():
    found = told(losses(None), losses(None), losses(4))
    assert found[0].endswith("exceeds 1,000 in 1 of 1 runs, after a median of 4 steps.")
    assert found[2].startswith("Neither exceeds 1,000 on a new problem")
