"""Which preconditioner a parameter of `lodo_bench.LODO` gets, whenever its first gradient comes."""

import pytest
import torch
from torch import nn

import lodo_bench
from lodo_bench.optimizers.lodo.drop_in.arguments import PRESETS


def give(parameter, step):
    parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(step))


@pytest.mark.parametrize(
    "changes", [{"preset": "light"}, {"preset": "diagonal"}, {"preset": "paper", "per_tensor": True}]
)
@pytest.mark.parametrize("gradient", [0.0, 1.0])
def test_that_of_a_tensor_does_not_depend_on_others(changes, gradient):
    """As some tools give a gradient to parameters that training never uses, to find out what the state is like."""
    ends = []
    for has_others in (False, True):
        unused, used = nn.Parameter(torch.ones(9)), nn.Parameter(torch.ones(20))
        optimizer = lodo_bench.LODO([unused, used], lr=0.1, meta_lr=1e-2, **changes)
        if has_others:
            unused.grad = torch.full((9,), gradient)
            optimizer.step()
            unused.grad = None
        for step in range(4):
            give(used, step)
            optimizer.step()
        ends.append(used.detach())
    assert torch.equal(*ends)


def test_tensors_of_a_shape_get_different_ones():
    first, second = nn.Parameter(torch.ones(40)), nn.Parameter(torch.ones(40))
    optimizer = lodo_bench.LODO([{"params": [first]}, {"params": [second]}])
    for parameter in (first, second):
        parameter.grad = torch.ones(40)
    optimizer.step()
    assert not torch.equal(optimizer.state[first]["weights"], optimizer.state[second]["weights"])


@pytest.mark.parametrize("preset", PRESETS)
def test_new_tensors_after_a_group_was_emptied(preset):
    """They share no preconditioner with those that have had one for longer."""

    def trained(is_emptied):
        first, second, third = (nn.Parameter(torch.ones(size)) for size in (4, 6, 5))
        optimizer = lodo_bench.LODO([{"params": [first]}, {"params": [second]}], preset=preset, lr=0.1, meta_lr=1e-2)
        for step in range(3):
            for parameter in (first, second):
                give(parameter, step)
            optimizer.step()
        optimizer.param_groups[1]["params"].append(third)
        if is_emptied:
            optimizer.param_groups[0]["params"].clear()
        for step in range(3, 6):
            for parameter in (second, third):
                give(parameter, step)
            optimizer.step()
        assert sum("weights" in state for state in optimizer.state.values()) == 3 - is_emptied
        optimizer.load_state_dict(optimizer.state_dict())
        return second.detach()

    assert torch.equal(trained(is_emptied=True), trained(is_emptied=False))
