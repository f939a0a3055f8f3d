"""CIFAR-10 classification (LODO §5.4): batches, augmentation, penalty, accumulation, and what is measured."""

import pytest
import torch
from torch.nn.functional import cross_entropy, pad

from lodo_bench.errors import UsageError
from lodo_bench.tasks.cifar10 import Cifar10
from lodo_bench.tasks.data import load_cifar10
from lodo_bench.tasks.networks import resnet
from tests.helpers import build_task

MEANS = torch.tensor([0.49139968, 0.48215841, 0.44653091], dtype=torch.float64).view(3, 1, 1)
DEVIATIONS = torch.tensor([0.24703223, 0.24348513, 0.26158784], dtype=torch.float64).view(3, 1, 1)


def cifar10(seed=1, dtype=torch.float64, **options):
    return build_task("cifar10", [seed], dtype, **options)


def normalized(image):
    return (image.double() / 255 - MEANS) / DEVIATIONS


def batch_by_hand(task):
    """Inputs and classes of the current batch, image by image."""
    data, inputs, classes = load_cifar10(), [], []
    for number in task.batch.tolist():
        place, variant = divmod(number, 162)
        row, column = divmod(variant // 2, 9)
        crop = pad(normalized(data.train_images[place]), (4, 4, 4, 4))[:, row : row + 32, column : column + 32]
        inputs.append(crop.flip(2) if variant % 2 else crop)
        classes.append(int(data.train_labels[place]))
    return torch.stack(inputs), torch.tensor(classes)


def test_loss_and_gradient_are_those_of_augmented_normalized_images_and_the_penalty():
    task = cifar10(batch_size=4, width=2)
    task.next_batch()
    x = task.initial_point() + 0.01
    inputs, classes = batch_by_hand(task)
    leaf = x[0].clone().requires_grad_()
    expected = resnet.training_loss(resnet.layout(2).views(leaf), inputs, classes, None) + 1e-4 * 0.5 * (leaf**2).sum()
    expected.backward()
    loss, gradient = task.loss_and_gradient(x)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    torch.testing.assert_close(gradient[0], leaf.grad, rtol=1e-8, atol=1e-10)


def test_the_penalty_is_half_its_strength_times_the_square():
    task = cifar10()
    x = task.initial_point()
    plain, slope = super(Cifar10, task).loss_and_gradient(x)
    loss, gradient = task.loss_and_gradient(x)
    torch.testing.assert_close(loss - plain, 0.5e-4 * x.square().sum(1), rtol=1e-9, atol=0)
    torch.testing.assert_close(gradient - slope, 1e-4 * x, rtol=1e-9, atol=1e-12)


def test_an_epoch_goes_through_the_training_set_once_and_on_into_the_next():
    task = cifar10(batch_size=8)  # of 20 images
    places = [task.batch // 162]
    for _ in range(4):
        task.next_batch()
        places.append(task.batch // 162)
    drawn = torch.cat(places).tolist()
    assert sorted(drawn[:20]) == sorted(drawn[20:]) == list(range(20))
    assert drawn[:20] != drawn[20:]


def test_a_batch_may_be_larger_than_the_training_set():
    counts = (cifar10(batch_size=50).batch // 162).bincount(minlength=20)
    assert counts.sum() == 50
    assert set(counts.tolist()) == {2, 3}


def test_crops_and_flips_are_drawn_uniformly():
    variants = cifar10(batch_size=16_200).batch % 162
    counts = variants.bincount(minlength=162)
    assert ((counts - 100).square() / 100).sum() < 162 + 5 * (2 * 162) ** 0.5


def test_parts_of_a_batch_add_up_to_it_where_their_statistics_are_the_same():
    """With the same image everywhere each part has the whole batch's statistics."""
    whole, parts = (cifar10(batch_size=6, micro_batch=m) for m in (0, 2))
    for task in (whole, parts):
        task.batch = torch.full((6,), 3 * 162 + 80)
    # With no variance every normalization gives its bias, so this compares the classes' weights.
    x = whole.initial_point() + 0.1
    for found, expected in zip(parts.loss_and_gradient(x), whole.loss_and_gradient(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_parts_are_the_mean_of_losses_with_their_own_statistics():
    task = cifar10(batch_size=6, micro_batch=3, width=2)
    x = task.initial_point()
    alone = []
    for draw in task.batch.split(3):
        half = cifar10(batch_size=3, width=2)
        half.batch = draw
        alone.append(half.loss_and_gradient(x))
    loss, gradient = task.loss_and_gradient(x)
    torch.testing.assert_close(loss, (alone[0][0] + alone[1][0]) / 2, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, (alone[0][1] + alone[1][1]) / 2, rtol=1e-9, atol=1e-12)
    whole, _ = cifar10(batch_size=6, width=2).loss_and_gradient(x)
    assert abs(whole - loss) > 1e-6, "the statistics of parts are others than those of the batch"


def test_running_averages_take_in_a_batch_once():
    task = cifar10(width=2)
    x = task.initial_point()
    task.loss_and_gradient(x)
    once = task._statistics.means.clone()
    assert once.any()
    task.loss_and_gradient(x + 1)
    assert torch.equal(task._statistics.means, once)
    task.next_batch()
    task.loss_and_gradient(x)
    assert not torch.equal(task._statistics.means, once)


def test_a_sample_of_the_test_images_is_that_of_all_runs():
    data = load_cifar10()
    tasks = [cifar10(seed, width=1, batch_size=4, test_samples=4) for seed in (1, 2)]
    x = tasks[0].initial_point()
    found, other = (task.validation_metrics(x) for task in tasks)
    assert found == other
    assert found["test_accuracy"].item() * 4 == pytest.approx(round(found["test_accuracy"].item() * 4))
    images = {image.numpy().tobytes() for image in data.test_images}
    assert len({image.numpy().tobytes() for image in tasks[0]._test} & images) == 4
    with pytest.raises(UsageError, match=r"test_samples = 7 is more than the 6 test images\. Give fewer\."):
        Cifar10.check({"test_samples": 7}, "cpu", "float32")


def test_test_loss_and_accuracy_are_those_of_the_running_averages(monkeypatch):
    monkeypatch.setattr("lodo_bench.tasks.cifar10._CHUNK", 4)  # so that six images are two chunks
    task, data = cifar10(width=2), load_cifar10()
    x = task.initial_point()
    for _ in range(3):
        task.next_batch()
        task.loss_and_gradient(x)
    inputs = torch.stack([task._normalize(image) for image in data.test_images])
    torch.testing.assert_close(inputs, torch.stack([normalized(p) for p in data.test_images]), rtol=0, atol=1e-12)
    statistics = task._statistics.pairs()
    logits = resnet.logits(resnet.layout(2).views(x[0]), inputs, statistics, training=False)
    classes = data.test_labels.long()
    found = task.validation_metrics(x)
    torch.testing.assert_close(found["test_loss"][0], cross_entropy(logits, classes), rtol=1e-9, atol=0)
    assert found["test_accuracy"].item() == pytest.approx((logits.argmax(1) == classes).double().mean().item())


def test_with_the_papers_width_it_has_as_many_parameters_as_resnet_18():
    assert Cifar10.dimension_for({}) == 11_173_962


def test_a_micro_batch_that_does_not_divide_the_batch_is_refused():
    with pytest.raises(UsageError, match="micro_batch = 3 does not divide batch_size = 8"):
        Cifar10.check({"batch_size": 8, "micro_batch": 3}, "cpu", "float32")
    Cifar10.check({"batch_size": 8, "micro_batch": 4}, "cpu", "float32")


def test_without_data_it_says_which_file_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path))
    with pytest.raises(UsageError, match=r"data_batch_1.bin' is missing.*Fetch cifar10"):
        Cifar10.check({}, "cpu", "float32")


def test_channels_last_is_for_gpus():
    with pytest.raises(UsageError, match="channels_last requires a GPU"):
        Cifar10.check({"channels_last": "yes"}, "cpu", "float32")


def test_bf16_gives_about_the_same():
    exact, other = (cifar10(dtype=torch.float32, width=4, precision=name) for name in ("float32", "bf16"))
    x = exact.initial_point()
    (loss, gradient), (other_loss, other_gradient) = (task.loss_and_gradient(x) for task in (exact, other))
    torch.testing.assert_close(other_loss, loss, rtol=0.02, atol=0)
    assert torch.nn.functional.cosine_similarity(gradient, other_gradient).item() > 0.9
    assert other_gradient.dtype == torch.float32
