"""Adapted optimizers against plain PyTorch loops, alone and in populations, and their states."""

import inspect
import io
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch

import lodo_bench
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer, optimizer_spec
from lodo_bench.optimizers.recipe.schedule import learning_rate_factor
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks import task_spec
from lodo_bench.tasks.build import build_task
from lodo_bench.training.trainer import Trainer
from tests.optimizers.adapted.oracle import plain_losses

STEPS = 20  # in which each begins to do all that it does: Rprop adapts, and Shampoo, SOAP and Kron turn their axes
TASKS = {
    "quadratic": {},
    "mlp": {"width": 8, "batch_size": 4},
    "char-transformer": {"width": 8, "depth": 1, "heads": 2, "context": 8, "batch_size": 2},
}
TORCH = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "Rprop", "RMSprop", "ASGD", "LBFGS")
MORE = ("Lion", "Adan", "AdaBelief", "Prodigy", "Shampoo", "SOAP", "Kron", "MARS", "ScheduleFreeAdamW", "SophiaH")
ONE_AT_A_TIME = ("torch.optim.LBFGS", "pytorch_optimizer.SophiaH")
# A network of many more tensors, in which nothing is new to an optimizer that trains the small one.
LARGE = {"char-transformer": ("torch.optim.AdamW", "pytorch_optimizer.SOAP", "pytorch_optimizer.ScheduleFreeAdamW")}
NAMES = [*(f"torch.optim.{name}" for name in TORCH), *(f"pytorch_optimizer.{name}" for name in MORE)]


def pairs(names):
    return [(task, name) for task in TASKS for name in names if name in LARGE.get(task, names)]


def need(name):
    if name.startswith("pytorch_optimizer"):
        pytest.importorskip("pytorch_optimizer")


def spec_of(name, task="quadratic", population=1, steps=STEPS, dtype="float64", **values):
    need(name)
    optimizer = optimizer_spec(name, {})
    initial = {h.name: h.initial for h in load_optimizer(optimizer).hyperparameters}
    members = tuple(Individual((0, 0, i), {**initial, **values}) for i in range(population))
    compute = ComputeSpec("cpu", dtype, "torch")
    return TrainingSpec(task_spec(task, TASKS.get(task, {})), optimizer, "tuning", members, steps, compute=compute)


def arguments(spec):
    """The constructor's arguments, put together from the space by hand."""
    kind = load_optimizer(spec.optimizer)
    trainer = Trainer.from_spec(spec)
    found = kind.fixed_arguments(trainer._optimizer.problem)
    for argument in kind.space.tuned:
        value = spec.individuals[0].hyperparameters[argument.name]
        if argument.index is None:
            found[argument.path] = value
        else:
            name = argument.path.partition("[")[0]
            default = found.get(name) or inspect.signature(kind.torch_class).parameters[name].default
            found[name] = tuple(value if i == argument.index else old for i, old in enumerate(default))
    return found


@pytest.mark.parametrize(("task", "name"), pairs([name for name in NAMES if "Sophia" not in name]))
def test_steps_are_those_of_a_plain_loop_bit_for_bit(task, name):
    spec = spec_of(name, task)
    losses, _ = Trainer.from_spec(spec).run_steps(STEPS)
    np.testing.assert_array_equal(losses[:, 0].numpy(), plain_losses(spec, arguments(spec)))  # NaN at the same steps


@pytest.mark.parametrize(("task", "name"), pairs([name for name in NAMES if name not in ONE_AT_A_TIME]))
def test_a_recipe_is_that_of_a_plain_loop(task, name):
    """The schedule bit for bit; clipping to 1e-10, as the norm is summed in another order.

    Methods with eigenvectors, roots of matrices or maxima magnify that rounding, and have the schedule only.
    """
    need(name)
    scheduled = {"schedule": "cosine", "warmup": 0.1}
    whole = {**scheduled, "clip_norm": 0.5, "weight_decay": 0.01, "decay": "l2"}
    for recipe in (scheduled,) if name.endswith(("SOAP", "Shampoo", "Prodigy")) else (scheduled, whole):
        spec = replace(spec_of(name, task), optimizer=optimizer_spec(name, {}, recipe))
        losses, _ = Trainer.from_spec(spec).run_steps(STEPS)
        plain = plain_losses(spec, arguments(spec), partial(prepare, recipe, {}))
        if recipe == scheduled:
            assert losses[:, 0].tolist() == plain
        else:
            assert losses[:, 0].tolist() == pytest.approx(plain, rel=1e-10)


@pytest.mark.parametrize(("name", "rate"), [("torch.optim.SGD", 0.1), ("pytorch_optimizer.Prodigy", 1.0)])
def test_decoupled_decay_is_at_the_learning_rate_tuned_or_not(name, rate):
    need(name)
    spec = replace(spec_of(name), optimizer=optimizer_spec(name, {}, {"weight_decay": 0.01}))
    losses, _ = Trainer.from_spec(spec).run_steps(STEPS)

    def decay(step, optimizer, parameters):
        for p in parameters:
            p.data.mul_(1 - rate * 0.01)

    assert losses[:, 0].tolist() == pytest.approx(plain_losses(spec, arguments(spec), decay), rel=1e-10)


def prepare(recipe, started, step, optimizer, parameters):
    """Do what the recipe says with PyTorch's own functions, before a step."""
    if not started:
        started["scheduler"] = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda number: learning_rate_factor("cosine", number, STEPS, warmup=0.1)
        )
    elif step:
        started["scheduler"].step()
    if "clip_norm" in recipe:
        torch.nn.utils.clip_grad_norm_(parameters, recipe["clip_norm"])
        for p in parameters:
            p.grad = p.grad + recipe["weight_decay"] * p.detach()


def test_sophia_gets_the_diagonal_of_the_hessian_and_counts_what_it_costs():
    """The differences of gradients agree with the exact Hessian, on the same random vectors."""
    spec = spec_of("pytorch_optimizer.SophiaH", "quadratic", steps=25)
    losses, counts = Trainer.from_spec(spec).run_steps(25)
    task = build_task(spec)

    def give_hessian(step, optimizer, parameters):
        if step % 10 == 0:
            (p,) = parameters
            z = torch.randn_like(p).detach()
            exact = (task.hessian(p.detach().unsqueeze(0))[0] @ z) * z
            take = type(optimizer).step
            optimizer.step = lambda: (take(optimizer, hessian=[exact]), delattr(optimizer, "step"))

    assert losses[:, 0].tolist() == pytest.approx(plain_losses(spec, arguments(spec), give_hessian), rel=1e-5)
    assert counts[-1] == 25 + 3


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONE_AT_A_TIME])
def test_an_individual_is_alone_in_any_population(name):
    together, _ = Trainer.from_spec(spec_of(name, population=3, steps=20)).run_steps(20)
    alone = spec_of(name, population=3, steps=20)
    alone = TrainingSpec(**{**{k: getattr(alone, k) for k in alone.__slots__}, "individuals": alone.individuals[1:2]})
    losses, _ = Trainer.from_spec(alone).run_steps(20)
    assert torch.equal(together[:, 1], losses[:, 0])


def test_muon_on_matrices_alone_is_that_of_a_plain_loop_bit_for_bit():
    spec = spec_of("torch.optim.Muon", "deep-linear")
    losses, _ = Trainer.from_spec(spec).run_steps(STEPS)
    assert losses[:, 0].tolist() == plain_losses(spec, arguments(spec))


@pytest.mark.parametrize(
    ("name", "task"), [*((name, "quadratic") for name in NAMES), ("torch.optim.Muon", "mlp"), (NAMES[2], "mlp")]
)
def test_a_state_that_was_saved_and_loaded_continues_bit_for_bit(name, task):
    spec = spec_of(name, task, steps=30)
    trainer = Trainer.from_spec(spec)
    trainer.run_steps(13)
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    expected, _ = trainer.run_steps(17)
    file.seek(0)
    other = Trainer.from_spec(spec)
    other.load_state_dict(torch.load(file, weights_only=True), torch.device("cpu"))
    found, _ = other.run_steps(17)
    assert torch.equal(found, expected)


def test_float32_keeps_hyperparameters_in_full_precision():
    spec = spec_of("torch.optim.AdamW", dtype="float32")
    losses, _ = Trainer.from_spec(spec).run_steps(STEPS)
    assert losses[:, 0].tolist() == plain_losses(spec, arguments(spec))


def test_every_question_of_a_closure_counts():
    """L-BFGS evaluates 20 times in a step, the first time at the point whose gradient is known already."""
    _, counts = Trainer.from_spec(spec_of("torch.optim.LBFGS", steps=3)).run_steps(3)
    assert counts.tolist() == [20, 40, 60]
    assert load_optimizer(optimizer_spec("torch.optim.LBFGS", {})).max_population == 1


def test_steps_leave_the_global_generators_as_they_were():
    need("pytorch_optimizer.Kron")
    torch.manual_seed(7)
    before = torch.get_rng_state()
    Trainer.from_spec(spec_of("pytorch_optimizer.Kron")).run_steps(20)
    assert torch.equal(torch.get_rng_state(), before)


def test_asgd_is_evaluated_at_its_average():
    spec = spec_of("torch.optim.ASGD", lr=0.01)
    optimizer = optimizer_spec("torch.optim.ASGD", {"t0": 5.0, "lambd": 0.0})
    spec = TrainingSpec(spec.task, optimizer, "tuning", spec.individuals, STEPS, compute=spec.compute)
    trainer = Trainer.from_spec(spec)
    trainer.run_steps(STEPS)
    (member,) = trainer._optimizer._members
    (parameter,) = member.parameters
    average = member._optimizers[0].state[parameter]["ax"]
    assert torch.equal(trainer._optimizer.evaluation_point[0], average)
    assert not torch.equal(trainer.x[0], average)


def test_schedule_free_is_evaluated_in_its_evaluation_mode_and_trains_on_unchanged():
    spec = spec_of("pytorch_optimizer.ScheduleFreeAdamW", steps=20)
    trainer, undisturbed = Trainer.from_spec(spec), Trainer.from_spec(spec)
    expected, _ = undisturbed.run_steps(20)
    first, _ = trainer.run_steps(10)
    before = trainer.x.clone()
    assert not torch.equal(trainer._optimizer.evaluation_point, before)
    assert torch.equal(trainer.x, before)
    second, _ = trainer.run_steps(10)
    assert torch.equal(torch.cat((first, second)), expected)


def test_a_learning_rate_is_scaled_relative_to_the_given_one():
    trainer = Trainer.from_spec(spec_of("torch.optim.SGD", lr=0.5))
    trainer._optimizer.scale_learning_rate(0.5)
    trainer._optimizer.scale_learning_rate(0.1)
    assert trainer._optimizer._members[0]._optimizers[0].param_groups[0]["lr"] == 0.05


def test_options_are_arguments_of_the_constructor():
    options = {"weight_decay": 0.25, "amsgrad": "true", "eps": 1e-3}
    spec = replace(spec_of("torch.optim.AdamW"), optimizer=optimizer_spec("torch.optim.AdamW", options))
    group = Trainer.from_spec(spec)._optimizer._members[0]._optimizers[0].param_groups[0]
    assert (group["weight_decay"], group["amsgrad"], group["eps"]) == (0.25, True, 1e-3)
    sgd = optimizer_spec("torch.optim.SGD", {"dampening": 0.5})  # whose default is the integer 0
    group = Trainer.from_spec(replace(spec_of("torch.optim.SGD"), optimizer=sgd))._optimizer._members[0]._optimizers[0]
    assert group.param_groups[0]["dampening"] == 0.5
    lodo = replace(spec_of("lodo_bench.LODO"), optimizer=optimizer_spec("lodo_bench.LODO", {"preset": "diagonal"}))
    group = Trainer.from_spec(lodo)._optimizer._members[0]._optimizers[0].param_groups[0]
    assert (group["preset"], group["structure"]) == ("diagonal", "diagonal")
    need("pytorch_optimizer.SOAP")
    soap = optimizer_spec("pytorch_optimizer.SOAP", {"precondition_frequency": 3})
    member = Trainer.from_spec(replace(spec_of("pytorch_optimizer.SOAP"), optimizer=soap))._optimizer._members[0]
    assert isinstance(member._optimizers[0].param_groups[0]["precondition_frequency"], int)


def defaults(name, options, space=None):
    found = load_optimizer(optimizer_spec(name, options, space=space))
    return {h.name: h.default for h in found.hyperparameters}


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("light", (1.0, 1e-3)), ("paper", (0.1, 1e-4)), ("diagonal", (1.0, 1e-3))],
)
def test_defaults_are_those_of_the_class_with_its_options(preset, expected):
    found = defaults("lodo_bench.LODO", {"preset": preset})
    own = lodo_bench.LODO([torch.nn.Parameter(torch.zeros(1))], preset=preset).defaults
    assert (found["lr"], found["meta_lr"]) == (own["lr"], own["meta_lr"]) == expected


def test_defaults_that_a_space_chose_do_not_follow_options(tmp_path):
    space = tmp_path / "space.yaml"
    ranges = "lr: {kind: rate, default: 0.5}, meta_lr: {kind: rate, default: 0.001, range: [0.001, 0.1]}"
    space.write_text(f"optimizer: lodo_bench.LODO\ntuned: {{{ranges}}}")
    found = defaults("lodo_bench.LODO", {"preset": "paper"}, str(space))
    assert found == {"lr": 0.5, "meta_lr": 0.001}  # 1e-4 is not in the range


def test_options_that_the_class_refuses_leave_the_defaults_of_the_space():
    assert defaults("torch.optim.SGD", {"nesterov": "true", "dampening": 0.5}) == defaults("torch.optim.SGD", {})


def test_matrix_methods_leave_the_rest_to_adamw():
    spec = spec_of("torch.optim.Muon", "mlp", steps=3)
    trainer = Trainer.from_spec(spec)
    trainer.run_steps(3)
    muon, adamw = trainer._optimizer._members[0]._optimizers
    roles = [[p.spec.role for group in each.param_groups for p in group["params"]] for each in (muon, adamw)]
    assert set(roles[0]) == {"matrix"}
    assert "matrix" not in roles[1]
    assert type(adamw) is torch.optim.AdamW
    assert adamw.param_groups[0]["lr"] == pytest.approx(0.1 * muon.param_groups[0]["lr"])


def test_a_broken_individual_does_not_stop_the_others():
    spec = spec_of("torch.optim.SGD", population=3, steps=5)
    good = Trainer.from_spec(spec)
    expected, _ = good.run_steps(5)
    trainer = Trainer.from_spec(spec)
    trainer.x[1] = torch.nan
    losses, _ = trainer.run_steps(5)
    assert torch.equal(losses[:, [0, 2]], expected[:, [0, 2]])


@pytest.mark.parametrize("name", ["torch.optim.AdamW", "torch.optim.SGD"])
def test_a_class_is_named_by_the_path_that_people_use(name):
    module, _, attribute = name.rpartition(".")
    assert OPTIMIZERS.name_of(getattr(import_module(module), attribute)) == name
