"""MNIST image generation (LODO §5.3): batches, inputs, loss, gradient, and what is measured."""

import math

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data import load_mnist
from lodo_bench.tasks.mnist import Mnist
from lodo_bench.tasks.networks import pixel_cnn
from lodo_bench.tasks.networks.pixel_cnn import visible_inputs
from tests import stand_in_data
from tests.helpers import build_task
from tests.tasks import numpy_pixel_cnn


def mnist(seed=1, dtype=torch.float64, **options):
    return build_task("mnist", [seed], dtype, **options)


def drawn(task):
    """Images, rows and columns of the current batch, as NumPy arrays."""
    images, places = load_mnist().train_images.numpy(), task.batch.numpy()
    return images[places // 784], places % 784 // 28, places % 28


def test_loss_and_gradient_equal_those_of_plain_numpy():
    task = mnist(batch_size=3)
    task.next_batch()
    x = task.initial_point()
    loss, gradient = task.loss_and_gradient(x)
    images, rows, columns = drawn(task)
    targets = images[np.arange(3), rows, columns]
    inputs = numpy_pixel_cnn.inputs(images, rows, columns)
    expected, expected_gradient, _ = numpy_pixel_cnn.loss_and_gradient(x[0].numpy(), inputs, targets)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient[0].numpy(), expected_gradient, rtol=1e-10, atol=1e-12)


def test_inputs_equal_those_written_out():
    images = torch.randint(256, (4, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels = torch.tensor([0, 27, 28 * 13 + 5, 783])
    found = visible_inputs(images, pixels, torch.float64).permute(0, 2, 3, 1).numpy()
    expected = numpy_pixel_cnn.inputs(images.numpy(), pixels.numpy() // 28, pixels.numpy() % 28)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_the_pixel_to_predict_and_what_comes_after_it_is_not_seen():
    images = torch.full((1, 28, 28), 200, dtype=torch.uint8)
    pixel = torch.tensor([28 * 10 + 4])
    other = images.clone()
    other.view(1, -1)[0, 28 * 10 + 4 :] = 7
    assert torch.equal(*(visible_inputs(each, pixel, torch.float64) for each in (images, other)))


def test_a_fresh_network_is_about_as_good_as_guessing():
    losses = []
    for seed in range(4):
        task = mnist(seed, torch.float32, batch_size=16)
        losses.append(task.loss_and_gradient(task.initial_point())[0].item())
    # ln 256 = 5.545 is that of one intensity as likely as another; the start is confident about some wrong ones.
    assert math.log(256) - 1 < min(losses) < max(losses) < math.log(256) + 4


def test_the_last_images_are_left_out_of_training_and_all_else_is_drawn():
    data = load_mnist()
    task = mnist(batch_size=5000)
    places = task.batch // 784
    assert sorted(set(places.tolist())) == list(range(len(data.train_images) - 64))
    assert torch.equal(task._validation, data.train_images[-64:])
    assert sorted(set((task.batch % 784).tolist())) == list(range(784))


@pytest.fixture
def intensity(monkeypatch):
    """In place of the network's losses: how bright the pixel to predict is, plus a thousandth of how many are seen."""

    def losses(parameters, inputs, targets):
        return targets + inputs[:, 2].eq(1).sum((1, 2)) / 1000

    monkeypatch.setattr(pixel_cnn, "losses", losses)


def mean_of(images):
    """What the mean over all pixels of `intensity` must be; before pixel i there are i pixels to be seen."""
    return images.double().mean().item() + 783 / 2 / 1000


def test_the_validation_loss_is_the_mean_over_every_pixel_of_the_last_64_images(intensity):
    task = mnist()
    found = task.validation_metrics(task.initial_point())
    assert found.keys() == {"validation_loss"}
    assert found["validation_loss"].item() == pytest.approx(mean_of(load_mnist().train_images[-64:]), rel=1e-6)


def test_the_test_loss_is_the_mean_over_every_pixel_of_the_test_set(intensity):
    task = mnist(test_samples=0)
    found = task.test_metrics(task.initial_point())
    assert found.keys() == {"test_loss"}
    assert found["test_loss"].item() == pytest.approx(mean_of(load_mnist().test_images), rel=1e-6)


def test_a_sample_of_the_test_set_has_a_standard_error(intensity):
    images = load_mnist().test_images
    tasks = [mnist(seed, test_samples=4000) for seed in (1, 2)]
    found, other = (task.test_metrics(task.initial_point()) for task in tasks)
    assert found == other, "the sample is that of all runs"
    error = found["test_loss_standard_error"].item()
    spread = (images.double().reshape(len(images), -1) + torch.arange(784) / 1000).std().item()
    assert error == pytest.approx(spread / 4000**0.5, rel=0.05)
    assert abs(found["test_loss"].item() - mean_of(images)) < 4 * error


def test_a_sample_of_the_validation_set_is_that_of_all_runs(intensity):
    tasks = [mnist(seed, validation_samples=4000) for seed in (1, 2)]
    found, other = (task.validation_metrics(task.initial_point()) for task in tasks)
    assert found == other
    assert found.keys() == {"validation_loss"}
    images = load_mnist().train_images[-64:]
    spread = (images.double().reshape(len(images), -1) + torch.arange(784) / 1000).std().item()
    assert 0 < abs(found["validation_loss"].item() - mean_of(images)) < 4 * spread / 4000**0.5


def test_the_layers_are_modules_with_their_biases():
    task = mnist()
    assert len(task.layers) == 2 + 3 * 20
    assert [part.stop - part.start for part in task.layers[:4]] == [120, 840, 1200, 2420]
    assert task.layers[-1] == slice(94_696 - 5376, 94_696)


def test_parameters_and_gradients_are_views_that_nothing_is_copied_to_or_from(monkeypatch):
    seen = []

    def losses(parameters, inputs, targets):
        seen.append([(p.data_ptr(), p.grad.data_ptr()) for p in parameters])
        return original(parameters, inputs, targets)

    original = pixel_cnn.losses
    monkeypatch.setattr(pixel_cnn, "losses", losses)
    task = mnist(dtype=torch.float32)
    x = task.initial_point()
    gradients = [task.loss_and_gradient(x)[1] for _ in range(2)]
    for addresses, gradient in zip(seen, gradients, strict=True):
        offsets = [(at - x.data_ptr(), slope_at - gradient.data_ptr()) for at, slope_at in addresses]
        assert all(first == second for first, second in offsets)
        assert offsets[0] == (0, 0)
        assert sorted(offset for offset, _ in offsets)[-1] == 4 * (94_696 - 256)
    assert torch.equal(*gradients)
    x.add_(0.01)  # in place, as optimizers do
    assert not torch.equal(task.loss_and_gradient(x)[1], gradients[0])


def test_channels_last_is_another_order_of_the_same_numbers():
    contiguous, last = (mnist(dtype=torch.float64, channels_last=choice) for choice in ("no", "yes"))
    x = contiguous.initial_point()
    for found, expected in zip(last.loss_and_gradient(x), contiguous.loss_and_gradient(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_bf16_rounds_the_products_and_nothing_else():
    exact, rounded = (mnist(dtype=torch.float32, precision=precision) for precision in ("float32", "bf16"))
    x = exact.initial_point()
    (loss, gradient), (rounded_loss, rounded_gradient) = (task.loss_and_gradient(x) for task in (exact, rounded))
    assert rounded_loss.dtype == rounded_gradient.dtype == torch.float32
    assert not torch.equal(rounded_gradient, gradient)
    torch.testing.assert_close(rounded_loss, loss, rtol=0.02, atol=0)
    assert torch.nn.functional.cosine_similarity(gradient, rounded_gradient).item() > 0.99


@pytest.mark.parametrize(
    ("options", "device", "dtype", "message"),
    [
        ({"precision": "bf16"}, "cpu", "float64", "precision = bf16 requires dtype float32, not float64"),
        ({"precision": "tf32"}, "cuda", "float64", "precision = tf32 requires dtype float32"),
        ({"precision": "tf32"}, "cpu", "float32", "requires an NVIDIA GPU"),
    ],
)
def test_a_precision_that_there_is_not_is_refused(options, device, dtype, message):
    with pytest.raises(UsageError, match=message):
        Mnist.check(options, device, dtype)


def test_without_data_it_says_which_file_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path))
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte' is missing.*Fetch mnist"):
        Mnist.check({}, "cpu", "float32")


def test_the_name_of_the_data_tells_stand_ins():
    assert Mnist.dataset_name() == "mnist (stand-in: tiny)"


def test_other_data_are_used_once_they_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(stand_in_data.write_mnist(tmp_path, train=66, test=1, seed=3)))
    assert len(mnist()._train) == 2
