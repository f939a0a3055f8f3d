import io
import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.options import Option
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.spec.training import Individual
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.custom.function import FunctionTask
from lodo_bench.training.loop import train
from tests.helpers import defaults, generators, training_spec

CPU = torch.device("cpu")


class Regression(FunctionTask):
    """A small network with one hidden layer, on fresh noisy data at every step."""

    options_table = (Option("hidden", "h", "positive-int", 7, "hidden units"),)
    step_milestone = 100
    roles: ClassVar = {"output": "head"}
    metric_interval = 10

    @classmethod
    def draw_parameters(cls, options, generator):
        return {
            "weight": torch.randn(options["hidden"], 5, generator=generator),
            "shift": torch.zeros(options["hidden"]),
            "output": torch.randn(1, options["hidden"], generator=generator),
            "scale": torch.ones(()),
        }

    def draw_batch(self, generator):
        inputs = torch.randn(33, 5, generator=generator)
        return {"inputs": inputs, "targets": inputs.sum(1).sin()}

    def loss(self, parameters, batch):
        hidden = torch.tanh(batch["inputs"] @ parameters["weight"].T + parameters["shift"])
        return ((hidden @ parameters["output"][0]) * parameters["scale"] - batch["targets"]).square().mean()

    def metrics(self, parameters):
        return {"norm": parameters["weight"].norm(), "constant": 2}


class Epochs(FunctionTask):
    """The mean of shuffled numbers, a few in each batch."""

    step_milestone = 10

    @classmethod
    def draw_parameters(cls, options, generator):
        return {"x": torch.zeros(1)}

    def setup(self):
        self.data = TensorDataset(torch.arange(10.0))

    def epoch(self, generator):
        return DataLoader(self.data, batch_size=4, shuffle=True, generator=generator)

    def loss(self, parameters, batch):
        return (parameters["x"] * batch[0].sum()).sum()


def build(cls, seeds=(1, 2, 3), dtype=torch.float64, **options):
    return cls(generators(seeds), dtype, options)


def reference(x, batch, hidden=7):
    """Loss and gradient by NumPy, from the formulas of the derivative."""
    weight, shift, output, scale = np.split(x, [5 * hidden, 6 * hidden, 7 * hidden])
    z, y = batch["inputs"].numpy(), batch["targets"].numpy()
    h = np.tanh(z @ weight.reshape(hidden, 5).T + shift)
    error = (h @ output) * scale - y
    slope = 2 * error / len(y)
    back = slope[:, None] * scale * output * (1 - h**2)
    gradient = [back.T @ z, back.sum(0), scale * slope @ h, [slope @ (h @ output)]]
    return (error**2).mean(), np.concatenate([np.ravel(part) for part in gradient])


def test_parameters_are_described_by_name_shape_and_role():
    task = build(Regression)
    assert task.tensors == (
        TensorSpec("weight", (7, 5), "matrix"),
        TensorSpec("shift", (7,), "vector"),
        TensorSpec("output", (1, 7), "head"),
        TensorSpec("scale", (1,), "vector"),
    )
    assert task.layers == [slice(0, 35), slice(35, 42), slice(42, 49), slice(49, 50)]
    assert Regression.dimension_for({}) == task.dimension == 50
    assert Regression.dimension_for({"hidden": 3}) == 22
    assert Regression.offers == frozenset({"matrices"})
    assert Epochs.offers == frozenset()


def test_loss_and_gradient_are_those_of_the_formula_for_each_individual():
    task = build(Regression)
    random, others = torch.Generator().manual_seed(5), generators((1, 2, 3))
    for generator in others:
        Regression.draw_parameters({"hidden": 7}, generator)  # as the task does before the first batch
    x = torch.randn(3, 50, generator=random, dtype=torch.float64)
    for _ in range(2):
        task.next_batch()
        losses, gradient = task.loss_and_gradient(x)
        for row, generator in enumerate(others):
            batch = {key: value.double() for key, value in task.draw_batch(generator).items()}
            loss, slope = reference(x[row].numpy(), batch)
            assert losses[row].item() == pytest.approx(loss, rel=1e-12)
            np.testing.assert_allclose(gradient[row].numpy(), slope, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_are_bit_identical_for_any_population_size(dtype):
    def losses(seeds):
        task = build(Regression, seeds, dtype)
        x, found = task.initial_point(), []
        for _ in range(20):
            task.next_batch()
            loss, gradient = task.loss_and_gradient(x)
            x = x - 0.1 * gradient
            found.append(loss)
        return torch.stack(found, 1)

    together = losses(range(8))
    assert len({row.numpy().tobytes() for row in together}) == 8
    for size in (1, 3):
        parts = [losses(range(8)[start : start + size]) for start in range(0, 8, size)]
        assert torch.equal(torch.cat(parts), together)


def test_metrics_are_those_of_each_individual():
    task = build(Regression)
    x = torch.randn(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = task.validation_metrics(x)
    torch.testing.assert_close(found["norm"], x[:, :35].square().sum(1).sqrt())
    assert found["constant"].tolist() == [2, 2, 2]


def test_the_hessian_is_the_derivative_of_the_gradient():
    task = build(Regression, hidden=2)
    task.next_batch()
    x = task.initial_point()
    hessian = task.hessian(x)
    for column in range(task.dimension):
        step = torch.zeros_like(x)
        step[:, column] = 1e-5
        ahead, behind = (task.loss_and_gradient(x + sign * step)[1] for sign in (1, -1))
        torch.testing.assert_close(hessian[:, :, column], (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-8)


def test_an_epoch_has_every_example_once_in_an_order_of_its_own():
    task = build(Epochs, (1, 2))
    epochs = []
    for _ in range(4):
        rows = []
        for _ in range(3):
            task.next_batch()
            rows.append([stream.batch[0] for stream in task._streams])
        epochs.append([torch.cat(batches).tolist() for batches in zip(*rows, strict=True)])
    orders = [tuple(order) for epoch in epochs for order in epoch]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(set(orders)) == 8


def test_epochs_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    task = build(Epochs)
    for _ in range(7):
        task.next_batch()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("cls", [Regression, Epochs])
@pytest.mark.parametrize("steps", [0, 1, 3, 5])
def test_it_goes_on_from_its_state(cls, steps):
    first, second = build(cls), build(cls)
    x = first.initial_point() + 1
    for _ in range(steps):
        first.next_batch()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True), CPU)
    for _ in range(8):
        assert torch.equal(first.loss_and_gradient(x)[0], second.loss_and_gradient(x)[0])
        first.next_batch()
        second.next_batch()


def test_it_trains_with_an_optimizer():
    with TASKS.registered("mine", Regression):
        individuals = tuple(Individual((key,), {**defaults("adam"), "learning_rate": 0.01}) for key in range(2))
        spec = training_spec("adam", "mine", individuals=individuals, steps=300)
        for outcome in train(spec):
            assert np.mean(outcome.curve.losses[-50:]) < 0.5 * np.mean(outcome.curve.losses[:10])
            assert math.isfinite(outcome.curve.losses[-1])


def changed(**members):
    return type("Mine", (Regression,), members)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda *_: 3.0, r"Mine\.loss must return a tensor with one number, not float"),
        (lambda self, p, b: p["weight"], r"not a tensor of shape \(7, 5\)"),
        (lambda self, p, b: p["shift"].detach().sum(), "has no gradient"),
    ],
)
def test_a_loss_that_cannot_be_differentiated_is_refused(loss, message):
    task = build(changed(loss=loss))
    with pytest.raises(UsageError, match=message):
        task.loss_and_gradient(task.initial_point())


def test_wrong_roles_metrics_and_parameters_are_refused():
    with pytest.raises(UnknownNameError, match=r"unknown parameter 'outputs'.*Did you mean 'output'"):
        changed(roles={"outputs": "head"}).dimension_for({})
    with pytest.raises(UsageError, match="invalid role 'neck' of 'output' in Mine: must be matrix, embedding, head or"):
        changed(roles={"output": "neck"}).dimension_for({})
    with pytest.raises(UsageError, match="Mine has no parameters"):
        changed(draw_parameters=classmethod(lambda cls, options, generator: {})).dimension_for({})
    task = build(changed(metrics=lambda self, parameters: {"weight": parameters["weight"]}))
    with pytest.raises(UsageError, match="the metric 'weight' of Mine has shape"):
        task.validation_metrics(task.initial_point())
    with pytest.raises(UsageError, match="an epoch of Empty has no batches"):
        build(type("Empty", (Epochs,), {"epoch": lambda self, generator: []}))
