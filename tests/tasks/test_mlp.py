import math

import numpy as np
import pytest
import torch

from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.data.bundled import load_digits
from tests.helpers import generators

Mlp = TASKS.load("mlp")


def build(seed=0, dtype=torch.float64, **options):
    return Mlp(generators([seed]), dtype, options)


def test_its_size_and_tensors_follow_from_the_options():
    assert Mlp.dimension_for({}) == 65 * 64 + 65 * 64 + 65 * 10 == 8970
    assert Mlp.specs({"width": 5, "depth": 1}) == (
        TensorSpec("0.weight", (5, 64), "matrix"),
        TensorSpec("0.bias", (5,), "vector"),
        TensorSpec("2.weight", (10, 5), "head"),
        TensorSpec("2.bias", (10,), "vector"),
    )
    assert Mlp.dimension_for({"depth": 0}) == 650


def test_an_untrained_network_has_about_the_loss_of_a_guess():
    task = build()
    assert task.loss_and_gradient(task.initial_point())[0].item() == pytest.approx(math.log(10), abs=0.05)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_metrics_are_those_of_the_network_by_numpy(activation):
    task = build(width=7, depth=1, activation=activation)
    x = task.initial_point() * 3
    first, shift, last, bias = np.split(x[0].numpy(), [448, 455, 525])
    for name, found in {"validation": task.validation_metrics(x), "test": task.test_metrics(x)}.items():
        pixels, classes = (part.numpy().astype(float) for part in load_digits().part(name))
        hidden = pixels @ first.reshape(7, 64).T + shift
        hidden = np.tanh(hidden) if activation == "tanh" else np.maximum(hidden, 0)
        logits = hidden @ last.reshape(10, 7).T + bias
        chosen = logits[np.arange(299), classes.astype(int)]
        assert found[f"{name}_loss"].item() == pytest.approx((np.log(np.exp(logits).sum(1)) - chosen).mean(), rel=1e-9)
        assert found[f"{name}_accuracy"].item() == pytest.approx((logits.argmax(1) == classes).mean())


def test_batches_are_from_the_training_set():
    task = build(batch_size=500)
    task.next_batch()
    pixels, classes = task._batches.batch
    training = (part.tolist() for part in load_digits().part("training"))
    known = {(*row, kind) for row, kind in zip(*training, strict=True)}
    assert {(*row, kind) for row, kind in zip(pixels.tolist(), classes.tolist(), strict=True)} <= known
