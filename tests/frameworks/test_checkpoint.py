"""torch.distributed.checkpoint, which finds an optimizer's state by hidden steps, and names it by parameter."""

import pytest
import torch
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from tests.frameworks.small import SAVED, STEPS, each_preset, learned, lodo
from tests.optimizers.lodo.test_torch_optimizer import backward, equal, network, train

pytestmark = pytest.mark.filterwarnings("ignore")
each_layout = pytest.mark.parametrize("is_flat", [False, True], ids=["nested", "flat"])


def uninterrupted(preset):
    model = network()
    train(model, lodo(model.parameters(), preset), STEPS)
    return model


def states(model, optimizer, is_flat):
    options = StateDictOptions(flatten_optimizer_state_dict=is_flat)
    return {
        "model": get_model_state_dict(model),
        "optimizer": get_optimizer_state_dict(model, optimizer, options=options),
    }


@each_layout
@each_preset
def test_a_saved_training_resumes_with_a_fresh_optimizer(preset, is_flat, tmp_path):
    model = network()
    optimizer = lodo(model.parameters(), preset)
    train(model, optimizer, SAVED)
    checkpoint.save(states(model, optimizer, is_flat), checkpoint_id=tmp_path)

    fresh = network(seed=1)
    resumed = lodo(fresh.parameters(), preset)
    found = states(fresh, resumed, is_flat)
    checkpoint.load(found, checkpoint_id=tmp_path)
    set_model_state_dict(fresh, found["model"])
    options = StateDictOptions(flatten_optimizer_state_dict=is_flat)
    set_optimizer_state_dict(fresh, resumed, found["optimizer"], options=options)
    train(fresh, resumed, STEPS - SAVED, first=SAVED)
    assert learned(resumed)
    assert equal(fresh, uninterrupted(preset))


@each_preset
def test_a_state_goes_to_a_fresh_optimizer_without_a_file(preset):
    model, fresh = network(), network(seed=1)
    optimizer, resumed = lodo(model.parameters(), preset), lodo(fresh.parameters(), preset)
    train(model, optimizer, SAVED)
    fresh.load_state_dict(model.state_dict())
    set_optimizer_state_dict(fresh, resumed, get_optimizer_state_dict(model, optimizer))
    train(fresh, resumed, STEPS - SAVED, first=SAVED)
    assert equal(fresh, uninterrupted(preset))
    train(model, optimizer, STEPS - SAVED, first=SAVED)
    assert equal(model, fresh)


@pytest.mark.parametrize("at", range(STEPS))
@each_preset
def test_looking_at_the_state_does_not_change_training(preset, at):
    model = network()
    optimizer = lodo(model.parameters(), preset)
    train(model, optimizer, at)
    get_optimizer_state_dict(model, optimizer)
    train(model, optimizer, STEPS - at, first=at)
    assert equal(model, uninterrupted(preset))


@pytest.mark.parametrize("preset", ["light", "diagonal"])
def test_nor_does_it_where_parameters_are_unused(preset):
    """A hidden step gives a gradient to parameters that training never uses, so that they get a preconditioner."""

    def with_unused():
        inner = network()
        return nn.ModuleDict({"unused": nn.Linear(4, 4), "used": inner}), inner

    (first, plain), (second, seen) = with_unused(), with_unused()
    optimizer, other = (lodo(model.parameters(), preset) for model in (first, second))
    get_optimizer_state_dict(second, other)
    for step in range(STEPS):
        backward(plain, step)
        backward(seen, step)
        optimizer.step()
        other.step()
    assert equal(first, second)


@each_preset
def test_another_optimizers_state_is_refused(preset):
    model = network()
    adam = torch.optim.Adam(model.parameters())
    train(model, adam, 2)
    optimizer = lodo(model.parameters(), preset)
    with pytest.raises(ValueError, match="LODO"):
        set_optimizer_state_dict(model, optimizer, get_optimizer_state_dict(model, adam))
