"""PyTorch's contract for optimizers: keys of others in states, repeated parameters, numbers of any library."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import lodo_bench
from lodo_bench.optimizers.lodo.drop_in.arguments import settings_of
from lodo_bench.optimizers.lodo.drop_in.group_step import GroupStep
from lodo_bench.optimizers.lodo.drop_in.part import Rates
from tests.optimizers.lodo.test_drop_in import each_preset

EMPTY = {"looked up": lambda state, p: state[p], "made empty": lambda state, p: state.update({p: {}})}
KEYS = {"a number": 1, "a tensor": torch.zeros(5), "a text": "ema"}


def parameters(*sizes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(len(sizes))
    made = [nn.Parameter(torch.randn(size, generator=generator, dtype=dtype)) for size in sizes]
    for p in made:
        p.grad = torch.randn(p.shape, generator=generator, dtype=dtype)
    return made


def values(found):
    return [p.detach().clone() for p in found]


def loaded(optimizer):
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return optimizer


@each_preset
@pytest.mark.parametrize("how", EMPTY)
def test_an_empty_state_is_none(preset, how):
    p, q = parameters(5, 3)
    q.grad = None
    optimizer = lodo_bench.LODO([p, q], preset=preset)
    EMPTY[how](optimizer.state, p)
    EMPTY[how](optimizer.state, q)
    optimizer.step()
    loaded(optimizer)
    EMPTY[how](optimizer.state, q)
    q.grad = torch.ones(3)
    optimizer.step()
    assert {"momentum"} <= optimizer.state[p].keys() & optimizer.state[q].keys()


@each_preset
@pytest.mark.parametrize("value", KEYS.values(), ids=KEYS)
def test_keys_of_others_stay_in_the_state(preset, value):
    ours, plain = parameters(5, 3), parameters(5, 3)
    optimizer, other = (lodo_bench.LODO(found, preset=preset) for found in (ours, plain))
    optimizer.state[ours[1]]["note"] = value
    for _ in range(3):
        optimizer.state[ours[0]]["note"] = value
        optimizer.step()
        other.step()
    assert all(map(torch.equal, ours, plain))
    target = lodo_bench.LODO(parameters(5, 3), preset=preset)
    target.load_state_dict(optimizer.state_dict())
    for states in (optimizer.state, target.state):
        assert all(state["note"] is value for state in states.values())
    target.step()


CHANGES = {
    "meta_optimizer": "sgd",
    "layers": 2,
    "hidden_dim": 64,
    "block_size": 2,
    "per_tensor": True,
    "preconditioner_dtype": "bfloat16",
    "structure": "diagonal",
}
AGAIN = {
    "loaded": loaded,
    "copied": copy.deepcopy,
    "pickled": lambda optimizer: pickle.loads(pickle.dumps(optimizer)),
    "the same": lambda optimizer: optimizer,
}


@pytest.mark.parametrize("has_gradients", [True, False])
@pytest.mark.parametrize("how", AGAIN)
@pytest.mark.parametrize("name", CHANGES)
def test_the_structure_of_a_state_cannot_change(name, how, has_gradients):
    optimizer = lodo_bench.LODO(parameters(5, 3), per_tensor=False)
    optimizer.step()
    optimizer = AGAIN[how](optimizer)
    group = optimizer.param_groups[0]
    for p in group["params"]:
        p.grad = torch.ones_like(p) if has_gradients else None
    before = values(group["params"])
    group[name] = CHANGES[name]
    with pytest.raises(ValueError, match=rf"has {name} = {CHANGES[name]!r}, but LODO made"):
        optimizer.step()
    assert all(map(torch.equal, group["params"], before))


def test_nor_after_another_parameter_has_left():
    p, q = parameters(5, 3)
    optimizer = lodo_bench.LODO([p, q])
    optimizer.step()
    optimizer.param_groups[0]["params"].pop()
    optimizer.param_groups[0]["preconditioner_dtype"] = "bfloat16"
    with pytest.raises(ValueError, match="has preconditioner_dtype = 'bfloat16', but LODO made"):
        optimizer.step()


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
@each_preset
def test_the_state_of_a_parameter_that_is_named_twice_is_loaded(preset):
    p, q = parameters(5, 3)
    optimizer = lodo_bench.LODO([p, q, p], preset=preset)
    optimizer.step()
    loaded(optimizer).step()
    assert len(optimizer.state) == 2


def spoil_gradient(optimizer, p):
    p.grad = torch.full_like(p, torch.nan)
    optimizer.step()


def spoil_other_group(optimizer, p):
    optimizer.param_groups[1]["lr"] = -1.0
    with pytest.raises(ValueError, match="lr = -1"):
        optimizer.step()
    optimizer.param_groups[1]["lr"] = 0.1


def spoil_structure(optimizer, p):
    optimizer.param_groups[1]["hidden_dim"] = 2
    with pytest.raises(ValueError, match="hidden_dim"):
        optimizer.step()
    optimizer.param_groups[1]["hidden_dim"] = 0


def spoil_second_of_a_group(optimizer, p):
    """Its parameters have two precisions, so that they get two preconditioners, of which the second fails."""
    group = optimizer.param_groups[0]
    other = nn.Parameter(torch.ones(80, dtype=torch.float64))
    other.grad = torch.ones_like(other)
    group["params"].append(other)
    group["hidden_dim"] = 16
    with pytest.raises(ValueError, match="hidden_dim"):
        optimizer.step()
    group["params"].pop()
    group["hidden_dim"] = 0


@pytest.mark.parametrize("spoil", [spoil_gradient, spoil_other_group, spoil_structure, spoil_second_of_a_group])
def test_a_step_that_is_not_taken_makes_no_preconditioner(spoil):
    p, q, r = parameters(5, 3, 9)
    gradients = p.grad, q.grad, r.grad
    optimizer = lodo_bench.LODO([{"params": [p, q]}, {"params": [r]}], preset="paper", skip_nonfinite=True)
    q.grad = None
    if spoil is spoil_gradient:
        r.grad = None
    before = values((p, q, r))
    spoil(optimizer, p)
    assert all(map(torch.equal, (p, q, r), before))
    assert len(optimizer.state) == 0
    p.grad, q.grad, r.grad = gradients
    optimizer.step()
    assert [int(optimizer.state[each]["part"]) for each in (p, q, r)] == [0, 0, 1]


def test_parameters_of_one_preconditioner_must_have_the_same_precision():
    p, q = parameters(5, 6)
    optimizer = lodo_bench.LODO([p, q], preset="paper")
    optimizer.step()
    q.data, q.grad = q.data.double(), None
    q.grad = torch.ones(6, dtype=torch.float64)
    before = values((p, q))
    with pytest.raises(ValueError, match="different devices or precisions"):
        optimizer.step()
    assert all(map(torch.equal, (p, q), before))
    p.data, p.grad = p.data.double(), None
    p.grad = torch.ones(5, dtype=torch.float64)
    optimizer.step()
    assert optimizer.state[p]["momentum"].dtype == torch.float64


NUMBERS = {"warmup_steps": 10, "seed": 3, "max_grad_norm": 0.5, "skip_nonfinite": True, "meta_eps": 1e-6, "layers": 3}


@each_preset
@pytest.mark.parametrize("make", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_any_library_can_be_put_into_a_group(preset, name, make):
    ours, plain = parameters(5, 6), parameters(5, 6)
    optimizer, expected = (lodo_bench.LODO(found, preset=preset) for found in (ours, plain))
    value = make(NUMBERS[name])
    optimizer.param_groups[0][name] = value if make is torch.tensor else value[()]
    expected.param_groups[0][name] = NUMBERS[name]
    for _ in range(3):
        optimizer.step()
        expected.step()
    assert all(map(torch.equal, ours, plain))


@pytest.mark.parametrize("name", ["preset", "seed"])
def test_what_was_for_the_start_only_is_checked_in_each_step_too(name):
    optimizer = lodo_bench.LODO(parameters(5))
    optimizer.step()
    optimizer.param_groups[0][name] = "nonsense"
    with pytest.raises(ValueError, match=f"{name} = 'nonsense' of LODO"):
        optimizer.step()


@pytest.mark.parametrize(("name", "value"), [("lr", "x"), ("meta_lr", None), ("block_size", 1), ("seed", 0.5)])
def test_a_group_that_no_step_would_take_is_not_loaded(name, value):
    optimizer = lodo_bench.LODO(parameters(5))
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0][name] = value
    with pytest.raises(ValueError, match=name):
        optimizer.load_state_dict(state)
    optimizer.step()


def test_groups_are_taken_over_with_what_pytorch_keeps_in_them():
    optimizer = lodo_bench.LODO(parameters(5))
    optimizer.step()
    loaded(optimizer).add_param_group({"params": parameters(3)})
    torch.optim.swa_utils.SWALR(optimizer, 0.1)
    lodo_bench.LODO(optimizer.param_groups).step()


@pytest.mark.parametrize("lr", [10**400, -(10**400)])
def test_an_integer_beyond_all_floats_is_refused(lr):
    with pytest.raises(ValueError, match="lr = "):
        lodo_bench.LODO(parameters(5), lr=lr)


def test_parameters_of_eight_bits_are_refused():
    with pytest.raises(ValueError, match="16 to 64 bits"):
        lodo_bench.LODO([nn.Parameter(torch.zeros(5).to(torch.float8_e4m3fn), requires_grad=False)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_clipping_is_by_the_norm_of_all_gradients(dtype):
    found = parameters(50, 70, dtype=dtype)
    before = values(found)
    optimizer = lodo_bench.LODO(found, max_grad_norm=0.25, beta=0.0, layers=0, lr=1.0)
    optimizer.step()
    moved = torch.cat([(now.detach() - old).float().view(-1) for now, old in zip(found, before, strict=True)])
    assert float(moved.norm()) == pytest.approx(0.25, rel=1e-5 if dtype == torch.float32 else 0.02)


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that is made."""

    size = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.size = max(self.size, tensor.numel())
        return made


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_norm_of_gradients_is_computed_without_a_copy_of_any(dtype):
    found = parameters(500, 700, dtype=dtype)
    group = lodo_bench.LODO(found, max_grad_norm=0.25, skip_nonfinite=True).param_groups[0]
    rates = Rates(lr=1.0, meta_lr=0.0, beta=0.0, weight_decay=0.0, warmup_steps=0)
    step = GroupStep(found, found, settings_of(group), rates, group)
    with Largest() as largest:
        assert not step.is_skipped
        scale = step.scale
    assert largest.size == len(found)
    norm = torch.cat([p.grad.double() for p in found]).norm()
    assert float(scale) == pytest.approx(0.25 / float(norm), rel=1e-5)
