"""`lodo_bench.LODO` by preset: its state, its arguments, and what PyTorch and its users do with an optimizer."""

import copy
import inspect
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing._internal.common_optimizers import get_error_inputs_for_all_optims

import lodo_bench
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers.lodo.drop_in import arguments, part
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import META_OPTIMIZERS
from tests.optimizers.lodo.test_torch_optimizer import backward, equal, flat, network, through_a_file, train

PRESETS = list(arguments.PRESETS)
RATES = {"lr": 0.2, "meta_lr": 1e-3}
EVERY = [
    *({"preset": preset} for preset in PRESETS),
    *({"preset": "light", "meta_optimizer": meta} for meta in META_OPTIMIZERS),
    *({"preset": "paper", "meta_optimizer": meta, "layers": 4} for meta in META_OPTIMIZERS if meta != "adam"),
    {"preset": "light", "per_tensor": False},
    {"preset": "light", "preconditioner_dtype": "bfloat16"},
    {"preset": "light", "preconditioner_dtype": "bfloat16", "meta_optimizer": "adam", "per_tensor": False},
    {"preset": "paper", "per_tensor": True},
    {"preset": "diagonal", "meta_optimizer": "adam", "per_tensor": False},
]
each_preset = pytest.mark.parametrize("preset", PRESETS)


def lodo(model, **changes):
    return lodo_bench.LODO(model.parameters(), **{**RATES, **changes})


def one_preconditioner_each(optimizer):
    return sum("weights" in state for state in optimizer.state.values())


@pytest.mark.parametrize("changes", EVERY, ids=lambda changes: "-".join(map(str, changes.values())))
@pytest.mark.parametrize("backend", sorted({"torch", best_backend("cpu")}))
def test_a_state_dict_continues_bit_for_bit(changes, backend):
    with use_backend(backend):
        straight, stopped = network(), network()
        optimizer = lodo(straight, **changes)
        losses = train(straight, optimizer, 40)
        assert sum(losses[-10:]) < sum(losses[:10])
        stopped.load_state_dict(through_a_file(straight.state_dict()))
        state = through_a_file(optimizer.state_dict())
        train(straight, optimizer, 6, first=40)
        fresh = lodo_bench.LODO(stopped.parameters(), lr=0.7, seed=9)
        fresh.load_state_dict(state)
        train(stopped, fresh, 6, first=40)
        assert equal(straight, stopped)


# The state


@each_preset
def test_the_state_is_where_pytorch_keeps_it(preset):
    model = network()
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 2)
    assert set(optimizer.state) == set(model.parameters())
    for parameter, state in optimizer.state.items():
        assert state["momentum"].shape == parameter.shape
        assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert set(optimizer.state_dict()) == {"state", "param_groups"}


@each_preset
def test_a_copy_draws_nothing(preset, monkeypatch):
    model = network()
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 3)
    for kind in part.STRUCTURES.values():
        monkeypatch.setattr(kind, "draw", lambda *_: pytest.fail("a new network was drawn"))
    other, copied = copy.deepcopy((model, optimizer))
    train(model, optimizer, 3, first=3)
    train(other, copied, 3, first=3)
    assert equal(model, other)
    copied.load_state_dict(optimizer.state_dict())
    other.load_state_dict(model.state_dict())
    train(model, optimizer, 3, first=6)
    train(other, copied, 3, first=6)
    assert equal(model, other)


@each_preset
def test_what_is_put_into_a_group_later_moves_and_what_is_removed_stays(preset):
    model, more = network(), nn.Linear(2, 2).double()
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 2)
    optimizer.param_groups[0]["params"].append(more.weight)
    removed = optimizer.param_groups[0]["params"].pop(0)
    kept, before = removed.detach().clone(), more.weight.detach().clone()
    for step in (2, 3):
        backward(model, step)
        more.weight.grad = torch.ones_like(more.weight)
        optimizer.step()
    assert torch.equal(kept, removed)
    assert not torch.equal(before, more.weight)
    assert removed not in optimizer.state
    other, theirs = copy.deepcopy((model, more))
    fresh = lodo_bench.LODO([*list(other.parameters())[1:], theirs.weight], preset=preset)
    fresh.load_state_dict(through_a_file(optimizer.state_dict()))
    for a, b, steps in ((model, more, optimizer), (other, theirs, fresh)):
        backward(a, 4)
        b.weight.grad = torch.ones_like(b.weight)
        steps.step()
    assert torch.equal(more.weight, theirs.weight)
    assert equal(model, other)


@each_preset
def test_the_precision_of_a_model_is_followed(preset):
    model = network(dtype=torch.float32)
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 3)
    weights = [state["weights"].clone() for state in optimizer.state.values() if "weights" in state]
    model.double()
    optimizer.param_groups[0]["meta_lr"] = 0.0
    train(model, optimizer, 1, first=3)
    now = [state["weights"] for state in optimizer.state.values() if "weights" in state]
    for before, after in zip(weights, now, strict=True):
        assert torch.equal(before.double(), after)
    assert flat(model).dtype == torch.float64


def spoil(state, how):
    """A state dict with one thing wrong."""
    state = copy.deepcopy(state)
    first = state["state"][0]
    if how == "not a dict":
        state["state"][0] = [1, 2]
    elif how == "without groups":
        del state["param_groups"]
    elif how == "without its state":
        del state["state"]
    elif how == "a group that is none":
        state["param_groups"][0] = None
    elif how == "a group without an argument":
        del state["param_groups"][0]["structure"], state["param_groups"][0]["lr"]
    elif how == "an argument out of range":
        state["param_groups"][0]["layers"] = -1
    elif how == "fewer parameters":
        state["param_groups"][0]["params"].pop()
    elif how == "without weights":
        del first["weights"]
    elif how == "weights of another shape":
        first["weights"] = first["weights"][..., :0]
    elif how == "a momentum of another shape":
        state["state"][1]["momentum"] = torch.zeros(7)
    elif how == "a number in place of a tensor":
        first["weights"] = 3.0
    elif how == "moments of another rule":
        first["meta_second" if "meta_second" not in first else "meta_first"] = torch.zeros(3)
    return state


FAULTS = [
    "not a dict", "without groups", "without its state", "a group that is none", "a group without an argument",
    "an argument out of range", "fewer parameters", "without weights", "weights of another shape",
    "a momentum of another shape", "a number in place of a tensor", "moments of another rule",
]  # fmt: skip


@each_preset
@pytest.mark.parametrize("how", FAULTS)
def test_a_malformed_state_is_refused_and_changes_nothing(preset, how):
    model = network()
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 3)
    before = copy.deepcopy(optimizer.state_dict())
    wrong = spoil(before, how)
    with pytest.raises(ValueError, match="LODO"):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    for mine, theirs in zip(after["state"].values(), before["state"].values(), strict=True):
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    other = network()
    other.load_state_dict(model.state_dict())
    fresh = lodo(other, preset=preset)
    fresh.load_state_dict(before)
    train(model, optimizer, 2, first=3)
    train(other, fresh, 2, first=3)
    assert equal(model, other)


@each_preset
def test_numbers_and_keys_of_others_in_a_state_are_taken(preset):
    model = network()
    optimizer = lodo(model, preset=preset)
    train(model, optimizer, 3)
    state = copy.deepcopy(optimizer.state_dict())
    for entry in state["state"].values():
        if "step" in entry:
            entry["step"] = entry["step"].item()
    state["state"]["mine"] = 1
    optimizer.load_state_dict(state)
    assert optimizer.state["mine"] == 1
    train(model, optimizer, 1, first=3)
    assert optimizer.state_dict()["state"]["mine"] == 1


def test_hooks_see_and_change_the_state():
    model = network()
    optimizer = lodo(model)
    train(model, optimizer, 2)
    seen = []
    optimizer.register_state_dict_post_hook(lambda _, state: seen.append(set(state["state"])))

    def halve(_, state):
        return {**state, "param_groups": [{**group, "lr": group["lr"] / 2} for group in state["param_groups"]]}

    optimizer.register_load_state_dict_pre_hook(halve)
    optimizer.register_load_state_dict_post_hook(lambda loaded: seen.append(len(loaded.state)))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == [{0, 1, 2, 3}, 4]
    assert optimizer.param_groups[0]["lr"] == RATES["lr"] / 2


@each_preset
def test_a_step_with_rates_and_gradients_of_zero_changes_nothing_that_follows(preset):
    """As torch.distributed.checkpoint takes one to find out what an optimizer's state is like."""
    plain, hidden = network(), network()
    optimizer, other = lodo(plain, preset=preset, warmup_steps=3), lodo(hidden, preset=preset, warmup_steps=3)
    for parameter in hidden.parameters():
        parameter.grad = torch.zeros_like(parameter)
    other.param_groups[0]["lr"] = 0.0
    other.step()
    other.param_groups[0]["lr"] = RATES["lr"]
    train(plain, optimizer, 5)
    train(hidden, other, 5)
    assert equal(plain, hidden)


# Arguments


def test_an_unknown_argument_of_a_group_is_refused():
    with pytest.raises(ValueError, match=r"unknown argument of LODO 'weight_decai'\. Did you mean 'weight_decay'\?"):
        lodo_bench.LODO([{"params": network().parameters(), "weight_decai": 0.1}])


def test_what_schedulers_keep_in_a_group_is_no_argument():
    model = network()
    group = {"params": model.parameters(), "initial_lr": 0.1, "name": "all"}
    optimizer = lodo_bench.LODO([group], **RATES)
    torch.optim.lr_scheduler.StepLR(optimizer, 2, last_epoch=3)
    train(model, optimizer, 1)


def test_a_group_has_a_preset_of_its_own():
    model = network()
    groups = [{"params": model[0].parameters(), "preset": "diagonal"}, {"params": model[2].parameters(), "lr": 0.01}]
    optimizer = lodo_bench.LODO(groups, meta_lr=1e-4)
    first, second = optimizer.param_groups
    assert (first["structure"], first["meta_lr"]) == ("diagonal", arguments.PRESETS["diagonal"]["meta_lr"])
    assert (second["structure"], second["lr"], second["meta_lr"]) == ("butterfly", 0.01, 1e-4)


def test_the_preset_of_a_group_replaces_only_what_differs_between_presets():
    common = {"weight_decay": 0.1, "max_grad_norm": 1.0, "skip_nonfinite": True, "seed": 7, "warmup_steps": 10}
    model = network()
    groups = [
        {"params": model[0].parameters(), "preset": "light"},
        {"params": model[2].weight, "preset": "paper", "seed": 8},
        {"params": model[2].bias, "max_grad_norm": None},
    ]
    optimizer = lodo_bench.LODO(groups, lr=0.05, layers=3, **common)
    for group in optimizer.param_groups[:1]:
        assert {name: group[name] for name in common} == common
        assert (group["lr"], group["layers"]) == (0.05, 3)
    paper = optimizer.param_groups[1]
    assert {name: paper[name] for name in common} == {**common, "seed": 8}
    assert (paper["lr"], paper["layers"], paper["structure"]) == (0.1, 16, "random")
    assert optimizer.param_groups[2]["max_grad_norm"] is None


def test_a_preset_is_a_name():
    with pytest.raises(ValueError, match="preset = None of LODO: must be one of 'light', 'paper', 'diagonal'"):
        lodo_bench.LODO(network().parameters(), preset=None)


def test_a_group_without_parameters_is_refused():
    optimizer = lodo(network())
    with pytest.raises(ValueError, match="needs 'params'; this one has \\['lr'\\]"):
        optimizer.add_param_group({"lr": 0.1})
    assert len(optimizer.param_groups) == 1


def test_numbers_of_numpy_and_tensors_are_numbers():
    given = {
        "lr": np.float32(0.1),
        "meta_lr": np.float64(1e-3),
        "beta": torch.tensor(0.5),
        "weight_decay": np.float32(0.1),
        "max_grad_norm": np.float64(2.0),
        "warmup_steps": np.int64(3),
        "skip_nonfinite": np.bool_(True),
        "layers": np.int32(2),
        "meta_eps": torch.tensor(1e-6),
        "seed": np.int64(5),
    }
    models = [network(), network()]
    for model, arguments_ in zip(models, (given, {name: value.item() for name, value in given.items()}), strict=True):
        optimizer = lodo_bench.LODO(model.parameters(), meta_optimizer="adam", **arguments_)
        train(model, optimizer, 5)
        optimizer.param_groups[0]["beta"] = np.float32(0.5)
        optimizer.load_state_dict(optimizer.state_dict())
        train(model, optimizer, 5, first=5)
    assert equal(*models)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_grad_norm", -1.0),
        ("warmup_steps", -10),
        ("skip_nonfinite", "no"),
        ("meta_eps", -1.0),
        ("lr", "0.1"),
        ("lr", True),
        ("lr", None),
        ("beta", 1.0),
    ],
)
@pytest.mark.parametrize("steps", [0, 1])
def test_what_is_changed_in_a_group_is_checked(name, value, steps):
    model = network()
    optimizer = lodo(model)
    train(model, optimizer, steps)
    before = flat(model).clone()
    optimizer.param_groups[0][name] = value
    with pytest.raises(ValueError, match=rf"{name} = .* of LODO: must be "):
        train(model, optimizer, 1)
    assert torch.equal(before, flat(model))


@pytest.mark.parametrize(("name", "value"), [("meta_optimizer", "adamw"), ("structure", "x"), ("seed", "a")])
def test_what_is_changed_before_the_first_step_is_checked(name, value):
    model = network()
    optimizer = lodo(model)
    optimizer.param_groups[0][name] = value
    with pytest.raises(ValueError, match=rf"{name} = .* of LODO: must be "):
        train(model, optimizer, 1)


@each_preset
def test_all_arguments_are_in_all_presets(preset):
    names = set(inspect.signature(lodo_bench.LODO).parameters) - {"params", "preset"}
    assert set(arguments.PRESETS[preset]) == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", -1.0),
        ("lr", "0.1"),
        ("meta_lr", float("inf")),
        ("beta", 1.0),
        ("preset", "heavy"),
        ("preset", 1),
        ("weight_decay", -0.1),
        ("max_grad_norm", 0.0),
        ("warmup_steps", 1.5),
        ("skip_nonfinite", 1),
        ("structure", "dense"),
        ("meta_optimizer", "adamw"),
        ("meta_eps", 0.0),
        ("per_tensor", "yes"),
        ("preconditioner_dtype", "float16"),
        ("seed", 0.5),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_own_name(name, value):
    with pytest.raises(ValueError, match=rf"{name} = .* of LODO: must be "):
        lodo_bench.LODO(network().parameters(), **{name: value})
    with pytest.raises(ValueError, match=rf"{name} = .* of LODO: must be "):
        lodo_bench.LODO([{"params": network().parameters(), name: value}])


@each_preset
@pytest.mark.parametrize("name", ["lr", "meta_lr"])
def test_rates_of_zero_are_taken(preset, name):
    model = network()
    optimizer = lodo(model, preset=preset, **{name: 0.0})
    train(model, optimizer, 3)
    assert equal(model, network()) == (name == "lr")


@each_preset
def test_a_schedule_that_ends_at_zero(preset):
    """Its arithmetic ends below zero by a rounding error."""
    model = network()
    optimizer = lodo(model, preset=preset, lr=0.1)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=7)
    for step in range(10):
        train(model, optimizer, 1, first=step)
        scheduler.step()
    optimizer.param_groups[0]["lr"] = -1e-17
    before = flat(model).clone()
    train(model, optimizer, 1, first=10)
    assert torch.equal(before, flat(model))
    optimizer.param_groups[0]["lr"] = -1e-3
    with pytest.raises(ValueError, match=r"lr = -0\.001"):
        optimizer.step()


def test_the_structure_of_a_group_in_use_cannot_change():
    model = network()
    optimizer = lodo(model)
    train(model, optimizer, 1)
    optimizer.param_groups[0]["layers"] = 7
    before = flat(model).clone()
    with pytest.raises(ValueError, match="has layers = 7, but LODO made its preconditioner with 4"):
        train(model, optimizer, 1, first=1)
    assert torch.equal(before, flat(model))


def test_nor_can_it_change_right_after_a_state_was_loaded():
    model = network()
    optimizer = lodo(model)
    train(model, optimizer, 1)
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.param_groups[0]["layers"] = 7
    before = flat(model).clone()
    with pytest.raises(ValueError, match="but LODO made its preconditioner with 4"):
        train(model, optimizer, 1, first=1)
    assert torch.equal(before, flat(model))


def test_nor_can_a_tensor_move_to_a_group_of_another_kind():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "preset": "paper"}]
    optimizer = lodo_bench.LODO(groups)
    train(model, optimizer, 1)
    optimizer.param_groups[1]["params"].append(optimizer.param_groups[0]["params"].pop())
    with pytest.raises(ValueError, match="has structure = 'random', but LODO made its preconditioner with 'butterfly'"):
        train(model, optimizer, 1, first=1)


def test_nor_can_one_of_several_that_share_a_preconditioner():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters()}]
    optimizer = lodo_bench.LODO(groups, preset="paper")
    train(model, optimizer, 1)
    moved = optimizer.param_groups[0]["params"].pop()
    optimizer.param_groups[1]["params"].append(moved)
    before = flat(model).clone()
    with pytest.raises(ValueError, match="shares its preconditioner with parameters of another group"):
        train(model, optimizer, 1, first=1)
    assert torch.equal(before, flat(model))
    optimizer.param_groups[1]["params"].append(optimizer.param_groups[0]["params"].pop())
    train(model, optimizer, 1, first=1)
    assert not torch.equal(before, flat(model))


@each_preset
def test_groups_may_change_their_order(preset):
    models = [network(), network()]
    for model, reorders in zip(models, (False, True), strict=True):
        frozen = nn.Parameter(torch.zeros(3))
        groups = [
            {"params": [frozen]},
            {"params": model[0].parameters(), "preset": preset},
            {"params": model[2].parameters(), "preset": "diagonal", "lr": 0.1},
        ]
        optimizer = lodo_bench.LODO(groups)
        train(model, optimizer, 3)
        if reorders:
            optimizer.param_groups.pop(0)
            optimizer.param_groups.reverse()
        train(model, optimizer, 3, first=3)
    assert equal(*models)


@each_preset
def test_a_parameter_that_is_named_twice_moves_once(preset):
    models = [network(), network()]
    for model, times in zip(models, (1, 2), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's, of duplicates
            optimizer = lodo_bench.LODO([*model.parameters()] * times, preset=preset)
        train(model, optimizer, 3)
    assert equal(*models)


def test_the_meta_optimizers_epsilon_can_change():
    models = [network(), network()]
    for model, eps in zip(models, (1e-7, 1.0), strict=True):
        optimizer = lodo(model, meta_optimizer="adam")
        train(model, optimizer, 3)
        optimizer.param_groups[0]["meta_eps"] = eps
        train(model, optimizer, 3, first=3)
    assert not equal(*models)


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        (torch.zeros(2, dtype=torch.complex64, requires_grad=True), "complex64"),
        (nn.Parameter(torch.zeros(2, device="meta")), "meta device"),
        (torch.eye(2).to_sparse().requires_grad_(), "layout"),
    ],
)
def test_parameters_of_other_kinds_are_refused_at_once(parameter, reason):
    with pytest.raises(ValueError, match=reason):
        lodo_bench.LODO([parameter])
    with pytest.raises(ValueError, match=reason):
        lodo_bench.LODO(network().parameters()).add_param_group({"params": [parameter]})


@pytest.mark.parametrize(
    "case", get_error_inputs_for_all_optims("cpu", torch.float32), ids=lambda case: case.optimizer_error_input.desc
)
def test_pytorchs_own_cases_of_wrong_arguments(case):
    given = case.optimizer_error_input
    params = given.params if given.params is not None else network().parameters()
    if issubclass(case.error_type, Warning):
        with pytest.warns(case.error_type, match=case.error_regex):
            lodo_bench.LODO(params, **given.kwargs)
    else:
        with pytest.raises(case.error_type, match=case.error_regex):
            lodo_bench.LODO(params, **given.kwargs)


# Weight decay, clipping, warm-up, gradients that are no numbers


@each_preset
def test_weight_decay_is_decoupled(preset):
    """With gradients of zero, parameters shrink as in AdamW."""
    model, other = network(), network()
    optimizer = lodo(model, preset=preset, weight_decay=0.3)
    adamw = torch.optim.AdamW(other.parameters(), lr=RATES["lr"], weight_decay=0.3)
    for each in (model, other):
        for parameter in each.parameters():
            parameter.grad = torch.zeros_like(parameter)
    for _ in range(4):
        optimizer.step()
        adamw.step()
    torch.testing.assert_close(flat(model), flat(other))


@each_preset
def test_clipping_is_that_of_pytorch(preset):
    model, other = network(), network()
    first, second = lodo(model, preset=preset, max_grad_norm=0.5), lodo(other, preset=preset)
    for step in range(5):
        for each in (model, other):
            backward(each, step, scale=100.0 if step % 2 else 1e-3)
        before = [parameter.grad.clone() for parameter in model.parameters()]
        nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        first.step()
        second.step()
        assert all(torch.equal(a, p.grad) for a, p in zip(before, model.parameters(), strict=True))
    torch.testing.assert_close(flat(model), flat(other), rtol=1e-9, atol=1e-12)


@each_preset
def test_warm_up_is_a_schedule(preset):
    model, other = network(), network()
    first, second = (lodo(m, preset=preset, weight_decay=0.1, warmup_steps=w) for m, w in ((model, 4), (other, 0)))
    for step in range(8):
        second.param_groups[0]["lr"] = RATES["lr"] * min(1.0, (step + 1) / 4)
        train(model, first, 1, first=step)
        train(other, second, 1, first=step)
    assert equal(model, other)


@each_preset
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_with_a_gradient_that_is_not_finite_is_left_out(preset, value):
    model, other = network(), network()
    first, second = lodo(model, preset=preset, skip_nonfinite=True), lodo(other, preset=preset)
    for step in range(6):
        backward(model, step)
        if step == 3:
            model[0].weight.grad[0, 0] = value
        first.step()
        if step != 3:
            backward(other, step)
            second.step()
    assert equal(model, other)


def test_without_that_it_spoils_its_group_alone():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters()}]
    optimizer = lodo_bench.LODO(groups, **RATES)
    backward(model, 0)
    model[0].weight.grad[0, 0] = float("nan")
    optimizer.step()
    assert flat(model[2]).isfinite().all()


def test_it_can_be_printed_and_named():
    model = network()
    optimizer = lodo_bench.LODO(model.named_parameters(), **RATES)
    assert "preset: light" in repr(optimizer)
    train(model, optimizer, 2)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == [name for name, _ in model.named_parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.load_state_dict(optimizer.state_dict())
