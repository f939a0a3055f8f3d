import io
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lodo_bench.errors import UsageError
from lodo_bench.spec.training import Individual
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.custom.module import ModuleTask
from lodo_bench.training.loop import train
from tests.helpers import defaults, generators, training_spec

CPU = torch.device("cpu")


def examples():
    inputs = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs.sum(1) > 0).long()


class Normalized(ModuleTask):
    """A network with batch normalization, on batches drawn with replacement."""

    step_milestone = 50
    metric_interval = 5

    @classmethod
    def build_module(cls, options):
        return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))

    def setup(self):
        self.inputs, self.classes = examples()

    def draw_batch(self, generator):
        chosen = torch.randint(40, (16,), generator=generator)
        return self.inputs[chosen], self.classes[chosen]

    def loss(self, module, batch):
        return nn.functional.cross_entropy(module(batch[0]), batch[1])

    def metrics(self, module):
        outputs = module(self.inputs.to(self.dtype))
        return {"validation_loss": nn.functional.cross_entropy(outputs, self.classes)}


class Noisy(Normalized):
    """Dropout, and epochs of a `DataLoader` that adds noise of its own."""

    @classmethod
    def build_module(cls, options):
        return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    def epoch(self, generator):
        data = TensorDataset(self.inputs, self.classes)
        for inputs, classes in DataLoader(data, batch_size=16, shuffle=True, generator=generator):
            yield inputs + torch.randn(inputs.shape), classes


class Words(ModuleTask):
    """A bag of words with an output layer that shares the embedding's weight, and a part that is not trained."""

    step_milestone = 50

    @classmethod
    def build_module(cls, options):
        module = nn.ModuleDict(
            {
                "table": nn.Embedding(11, 4),
                "mix": nn.Conv1d(4, 4, 1),
                "frozen": nn.Linear(4, 4),
                "out": nn.Linear(4, 11),
            }
        )
        module["frozen"].requires_grad_(False)
        module["out"].weight = module["table"].weight
        return module

    def loss(self, module, batch):
        tokens = torch.arange(10)
        mixed = module["mix"](module["table"](tokens).T).T
        return nn.functional.cross_entropy(module["out"](module["frozen"](mixed)), tokens + 1)


def build(cls, seed=1, dtype=torch.float64):
    return cls(generators([seed]), dtype, {})


def with_vector(task, x):
    """A copy of the task's module with these parameters, by PyTorch's own function."""
    module = type(task).build_module({}).to(task.dtype).train()
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    nn.utils.vector_to_parameters(x[0], trained)
    return module, trained


def test_parameters_and_roles_are_inferred_from_the_module():
    assert [(spec.name, spec.shape, spec.role) for spec in Normalized.specs({})] == [
        ("0.weight", (8, 6), "matrix"),
        ("0.bias", (8,), "vector"),
        ("1.weight", (8,), "vector"),
        ("1.bias", (8,), "vector"),
        ("3.weight", (2, 8), "head"),
        ("3.bias", (2,), "vector"),
    ]
    assert [(spec.name, spec.role) for spec in Words.specs({})] == [
        ("table.weight", "embedding"),
        ("mix.weight", "matrix"),
        ("mix.bias", "vector"),
        ("out.bias", "vector"),
    ]
    assert build(Normalized).layers == [slice(0, 56), slice(56, 72), slice(72, 90)]
    assert Normalized.offers == Words.offers == frozenset({"matrices"})


def test_roles_can_be_given():
    class Mine(Normalized):
        roles: ClassVar = {"0.weight": "embedding", "3.weight": "matrix"}

    assert [spec.role for spec in Mine.specs({})][::4] == ["embedding", "matrix"]


@pytest.mark.parametrize("cls", [Normalized, Words])
def test_loss_and_gradient_are_those_of_the_module(cls):
    task = build(cls)
    for seed in range(3):
        task.next_batch()
        x = task.initial_point()
        x += 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
        loss, gradient = task.loss_and_gradient(x)
        module, trained = with_vector(task, x)
        if cls is Words:
            module["frozen"].load_state_dict(task.module["frozen"].state_dict())
        expected = task.loss(module, task._batches.batch)
        slopes = torch.autograd.grad(expected, trained)
        torch.testing.assert_close(loss[0], expected.detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(gradient[0], torch.cat([slope.flatten() for slope in slopes]))


def test_the_gradient_matches_central_differences():
    task = build(Normalized)
    task.next_batch()
    x = task.initial_point()
    _, gradient = task.loss_and_gradient(x)
    for entry in range(0, task.dimension, 5):
        step = torch.zeros_like(x)
        step[0, entry] = 1e-6
        ahead, behind = (task.loss_and_gradient(x + sign * step)[0] for sign in (1, -1))
        assert gradient[0, entry].item() == pytest.approx(((ahead - behind) / 2e-6).item(), rel=1e-5, abs=1e-8)


def test_initial_weights_follow_from_the_seed_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    first, same, other = build(Normalized, 1), build(Normalized, 1), build(Normalized, 2)
    assert torch.equal(first.initial_point(), same.initial_point())
    assert not torch.equal(first.initial_point(), other.initial_point())
    assert torch.equal(torch.get_rng_state(), before)
    weight = first.initial_point()[0, :48]
    assert weight.abs().max() <= 6**-0.5
    assert weight.std() == pytest.approx((6 * 3) ** -0.5, rel=0.3)


def test_parameters_share_the_memory_of_x():
    task = build(Normalized)
    x = task.initial_point()
    task.loss_and_gradient(x)
    x.fill_(0.25)
    assert all((parameter == 0.25).all() for parameter in task.module.parameters())
    assert next(task.module.parameters()).data_ptr() == x.data_ptr()


def test_a_batch_updates_the_running_averages_once():
    task = build(Normalized)
    x = task.initial_point()
    module, _ = with_vector(task, x)
    for _ in range(3):
        task.next_batch()
        task.loss_and_gradient(x)
        task.loss_and_gradient(x + 1)
        task.validation_metrics(x + 2)
        task.loss(module, task._batches.batch)
    assert task.module[1].num_batches_tracked == 3
    torch.testing.assert_close(task.module[1].running_mean, module[1].running_mean)
    torch.testing.assert_close(task.module[1].running_var, module[1].running_var)


def test_metrics_are_measured_in_evaluation_mode():
    task = build(Normalized)
    x = task.initial_point()
    task.next_batch()
    task.loss_and_gradient(x)
    module, _ = with_vector(task, x)
    module[1].load_state_dict(task.module[1].state_dict())
    inputs, classes = examples()
    module.eval()
    expected = nn.functional.cross_entropy(module(inputs.double()), classes)
    torch.testing.assert_close(task.validation_metrics(x)["validation_loss"], expected.detach().unsqueeze(0))
    assert task.module.training


def test_dropout_is_the_same_on_the_same_batch_and_another_on_the_next():
    task = build(Noisy)
    x = task.initial_point()
    before = torch.get_rng_state()
    losses = [task.loss_and_gradient(x)[0].item() for _ in range(2)]
    masks = []
    for _ in range(3):
        task.next_batch()
        handle = task.module[1].register_forward_hook(lambda module, given, result: masks.append(result == 0))
        task.loss_and_gradient(x)
        handle.remove()
    assert losses[0] == losses[1]
    assert not torch.equal(masks[0], masks[1])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("cls", [Normalized, Noisy, Words])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_it_goes_on_from_its_state(cls, steps):
    first, second = build(cls), build(cls)
    x = first.initial_point()
    for _ in range(steps):
        first.next_batch()
        first.loss_and_gradient(x + 1)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True), CPU)
    for _ in range(5):
        results = [(*task.loss_and_gradient(x), *task.validation_metrics(x).values()) for task in (first, second)]
        assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
        for task in (first, second):
            task.next_batch()


def test_it_trains_with_an_optimizer():
    with TASKS.registered("mine", Normalized):
        individuals = (Individual((0,), {**defaults("adam"), "learning_rate": 0.01}),)
        spec = training_spec("adam", "mine", individuals=individuals, steps=200, dtype="float32")
        (outcome,) = train(spec)
        assert outcome.curve.losses[0] == pytest.approx(np.log(2), abs=0.5)
        assert np.mean(outcome.curve.losses[-20:]) < 0.2


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: 3, "build_module must return an nn.Module, not int"),
        (lambda: nn.LazyLinear(3), "the shape of the parameter 'weight' of Mine is not known yet"),
        (lambda: nn.Linear(3, 3, dtype=torch.complex64), "'weight' of Mine is torch.complex64"),
        (lambda: nn.ReLU(), "Mine has no parameters"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_a_module_that_cannot_be_trained_is_refused(module, message):
    mine = type("Mine", (Normalized,), {"build_module": classmethod(lambda cls, options: module())})
    with pytest.raises(UsageError, match=message):
        mine.dimension_for({})
