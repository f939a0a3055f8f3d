"""Pictures drawn by the network of `mnist`, and of its inputs."""

import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks.networks import pixel_cnn
from lodo_bench.tasks.sampling import check_generative, first_inputs, sample_digits
from tests.helpers import build_task, defaults, training_spec


@pytest.fixture
def seen(monkeypatch):
    """In place of the network: intensity 3 at the first pixel, then always one more than at the one before."""
    inputs_seen = []

    def logits(parameters, inputs):
        inputs_seen.append(inputs)
        pixel = len(inputs_seen) - 1
        before = (inputs[:, 0].flatten(1)[:, pixel - 1] * 256).round().long()
        intensity = (before + 1) % 256 if pixel else torch.tensor([3] * len(inputs))
        return torch.nn.functional.one_hot(intensity, 256) * 1000.0

    monkeypatch.setattr(pixel_cnn, "logits", logits)
    return inputs_seen


def test_each_pixel_is_drawn_in_the_order_of_reading_from_those_before(seen):
    calls = []
    parameters = torch.zeros(pixel_cnn.LAYOUT.size)
    images = sample_digits(parameters, 2, torch.Generator().manual_seed(0), lambda: calls.append(None))
    expected = (3 + torch.arange(784)).remainder(256).byte().view(28, 28)
    assert torch.equal(images, expected.expand(2, 28, 28))
    assert len(seen) == len(calls) == 784
    assert [(inputs[:, 2] == 1).sum().item() for inputs in seen] == [2 * pixel for pixel in range(784)]


def test_intensities_come_as_often_as_the_network_says(monkeypatch):
    probabilities = torch.zeros(256)
    probabilities[[0, 100, 255]] = torch.tensor([0.5, 0.3, 0.2])
    monkeypatch.setattr(pixel_cnn, "logits", lambda parameters, inputs: probabilities.log().expand(len(inputs), 256))
    parameters = torch.zeros(pixel_cnn.LAYOUT.size)
    images, again = (sample_digits(parameters, 10, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(images, again)
    shares = images.flatten().long().bincount(minlength=256) / images.numel()
    assert (shares - probabilities).abs().max() < 5 * (0.25 / images.numel()) ** 0.5


def test_the_first_inputs_are_those_of_the_runs_first_batch():
    task = TaskSpec("mnist", {"batch_size": 4})
    spec = training_spec("adam", task, individuals=(Individual((5,), defaults("adam")),), dtype="float64")
    found = first_inputs(spec, 3)
    assert (found.shape, found.dtype) == ((3, 5, 28, 28), torch.uint8)
    assert first_inputs(spec, 100).shape == (4, 5, 28, 28)
    assert set(found[:, 1:3].flatten().tolist()) == {0, 255}
    assert (found[:, 3:].amin((2, 3)) == 0).all()
    other = training_spec("lodo", task, individuals=(Individual((5,), defaults("lodo")),), dtype="float64")
    assert torch.equal(first_inputs(other, 3), found), "all optimizers meet the same batches"


def test_the_first_channel_has_the_images_own_intensities():
    task = build_task("mnist", [1], batch_size=3)
    inputs = task.inputs(3)
    images = task._train[task.batch // 784]
    visible = inputs[:, 2] == 1
    assert torch.equal((inputs[:, 0] * 256).round().byte(), images * visible)


def test_other_tasks_have_no_images():
    check_generative(TaskSpec("mnist"))
    with pytest.raises(UsageError, match="cifar10 does not generate images; only mnist does"):
        check_generative(TaskSpec("cifar10"))
