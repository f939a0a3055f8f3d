"""Which steps of a long curve share a loss."""

import numpy as np
import pytest

from lodo_bench.spec.curve_blocks import EXACT_STEPS, block_ends, block_size, next_change, num_blocks

LENGTHS = (0, 1, 2, EXACT_STEPS - 1, EXACT_STEPS, EXACT_STEPS + 1, EXACT_STEPS + 8, 2 * EXACT_STEPS, 3_333_333)


@pytest.mark.parametrize("steps", LENGTHS)
def test_every_step_is_in_one_block(steps):
    ends = block_ends(steps)
    assert len(ends) == num_blocks(steps) and (np.diff(ends, prepend=0) > 0).all()
    assert not steps or ends[-1] == steps


def test_up_to_the_stated_length_each_step_has_its_own():
    assert (np.diff(block_ends(EXACT_STEPS), prepend=0) == 1).all()
    assert num_blocks(EXACT_STEPS + 8) == EXACT_STEPS + 1


def test_a_curve_begins_as_any_shorter_one():
    long = block_ends(5_000_000)
    for steps in LENGTHS[1:]:
        assert (block_ends(steps)[:-1] == long[: num_blocks(steps) - 1]).all()


@pytest.mark.parametrize("step", [EXACT_STEPS, 2**30 - 1, 2**30, 10**12])
def test_blocks_are_a_small_share_of_the_steps_before_them(step):
    assert 2**-18 < block_size(step) / step <= 2**-17
    assert block_size(next_change(step) - 1) == block_size(step) < block_size(next_change(step))


def test_a_trillion_steps_have_few_losses():
    assert num_blocks(10**12) < 4e6
