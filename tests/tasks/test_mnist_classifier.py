import math

import pytest
import torch
from torch import nn

from lodo_bench.tasks import TASKS
from lodo_bench.tasks.data.loading import load_mnist
from tests.helpers import generators

MnistClassifier = TASKS.load("mnist-classifier")


def build(seed=0, dtype=torch.float64, **options):
    return MnistClassifier(generators([seed]), dtype, options)


def test_its_size_follows_from_the_width():
    assert MnistClassifier.dimension_for({}) == 80 + 1168 + 12560 + 170 == 13978
    assert MnistClassifier.dimension_for({"width": 1}) == 10 + 20 + 198 + 30


def test_an_untrained_network_has_about_the_loss_of_a_guess():
    task = build()
    assert task.loss_and_gradient(task.initial_point())[0].item() == pytest.approx(math.log(10), abs=0.1)


def test_metrics_are_those_of_the_network_written_anew():
    task, data = build(width=2), load_mnist()
    x = task.initial_point() * 2
    first, first_bias, second, second_bias, third, third_bias, last, last_bias = (
        part.view(spec.shape)
        for part, spec in zip(x[0].split([math.prod(spec.shape) for spec in task.tensors]), task.tensors, strict=True)
    )
    # Of the 70 training images of the stand-in, 7 are for validation.
    parts = {
        "validation": (data.train_images[-7:], data.train_labels[-7:]),
        "test": (data.test_images, data.test_labels),
    }
    for name, found in {"validation": task.validation_metrics(x), "test": task.test_metrics(x)}.items():
        images, labels = parts[name]
        signal = images.double()[:, None] / 255
        for weight, bias in ((first, first_bias), (second, second_bias)):
            signal = nn.functional.conv2d(signal, weight, bias, stride=2, padding=1).clamp(min=0)
        logits = (signal.flatten(1) @ third.T + third_bias).clamp(min=0) @ last.T + last_bias
        chosen = logits.softmax(1)[torch.arange(len(labels)), labels.long()]
        assert found[f"{name}_loss"].item() == pytest.approx(-chosen.log().mean().item(), rel=1e-9)
        assert found[f"{name}_accuracy"].item() == (logits.argmax(1) == labels).double().mean().item()


def test_batches_are_from_the_training_images():
    task = build(batch_size=50)
    task.next_batch()
    images, labels = task._batches.batch
    data = load_mnist()
    known = {
        (image.numpy().tobytes(), int(label))
        for image, label in zip(data.train_images[:-7], data.train_labels, strict=False)
    }
    assert {(image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)} <= known
