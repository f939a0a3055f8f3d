"""CIFAR-10 classification by a ResNet-18 (LODO §5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.errors import UsageError
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.augmentation import NUM_VARIANTS, augment
from lodo_bench.tasks.data import load_cifar10
from lodo_bench.tasks.networks import resnet
from lodo_bench.tasks.networks.layout import Layout
from lodo_bench.tasks.networks.task import NetworkTask

PENALTY = 1e-4
# Mean and standard deviation of each color channel over the training set, with pixel values from 0 to 1.
_MEANS = (0.49139968, 0.48215841, 0.44653091)
_DEVIATIONS = (0.24703223, 0.24348513, 0.26158784)
# Images per forward pass in evaluation.
_CHUNK = 1000


@final
class Cifar10(NetworkTask):
    """Classification of small images into ten classes by a ResNet-18 with 11,173,962 parameters.

    An epoch passes through the training set once, in random order; its last batch is filled up from the next epoch.
    Each image is randomly shifted by up to 4 pixels and flipped, see `augment`. The loss is the mean cross-entropy, in
    nats, plus the L2 penalty 1e-4 · ½ ‖x‖² on all parameters.

    Batch normalization uses the statistics of the batch in training and running averages in evaluation; these are not
    part of x. With a `micro_batch` smaller than the batch, gradients are accumulated over parts of that size, which
    takes less memory. Each part is then normalized by its own statistics, and the running averages are updated at each
    part, so the result differs from that of the whole batch.

    The test loss and the accuracy are those of all test images, or of a sample of them, the same one in all runs.
    """

    options_table = (
        Option("batch_size", "batch", "positive-int", 2048, "images in a batch"),
        Option("micro_batch", "micro", "nonnegative-int", 0, "images in memory at a time, a divisor; 0 for all"),
        Option(
            "width", "width", "positive-int", 64, "channels of the first stage; the others have 2, 4, 8 times as many"
        ),
        Option("test_samples", "test", "nonnegative-int", 0, "test images that are evaluated; 0 for all"),
        *NetworkTask.options_table,
    )
    step_milestone = 3000
    metric_interval = 20
    state_names = ("_order", "_position", "_statistics", "_is_fresh")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        data, device = load_cifar10(), generators[0].device
        self._train = data.train_images.to(device)
        self._train_labels = data.train_labels.to(device)
        chosen = _sample(len(data.test_labels), int(self.with_defaults(options)["test_samples"]))
        self._test = data.test_images[chosen].to(device)
        self._test_labels = data.test_labels[chosen].to(device)
        self._normalization = [torch.tensor(v, device=device, dtype=dtype) for v in (_MEANS, _DEVIATIONS)]
        # This epoch's random order, and the number of its images used so far: all of them before the first epoch.
        self._order = torch.arange(len(self._train), device=device)
        self._position = len(self._order)
        super().__init__(generators, dtype, options)
        self._statistics = resnet.BatchStatistics(self.options["width"], self._initial)
        # True until the first evaluation of a batch: running averages are updated once, however often it is evaluated.
        self._is_fresh = True

    @classmethod
    @override
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        return resnet.layout(cls.with_defaults(options)["width"])

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        super().check(options, device, dtype)
        values = cls.with_defaults(options)
        batch, part = values["batch_size"], values["micro_batch"]
        if part and batch % part:
            raise UsageError(f"micro_batch = {part} does not divide batch_size = {batch}. Give a divisor.")
        samples, count = values["test_samples"], len(load_cifar10().test_labels)
        if samples > count:
            raise UsageError(f"test_samples = {samples:,} is more than the {count:,} test images. Give fewer.")

    @classmethod
    @override
    def dataset_name(cls) -> str:
        return load_cifar10().name

    @override
    def next_batch(self) -> None:
        super().next_batch()
        self._is_fresh = True

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss (1,) and the gradient (1, n), penalty included."""
        loss, gradient = super().loss_and_gradient(x)
        self._is_fresh = False
        flat = x[0]
        return loss + 0.5 * PENALTY * flat.dot(flat), gradient.add_(x, alpha=PENALTY)

    @torch.no_grad()
    @override
    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return `test_loss`, the mean cross-entropy without the penalty, and `test_accuracy` in [0, 1], both (1,)."""
        parameters, statistics = self._layout.views(x[0]), self._statistics.pairs()
        losses, correct = [], []
        with self._compute.cuda_flags():
            for images, labels in self.in_batches(self._test_chunks()):
                inputs = self._compute.to_memory_format(self._normalize(images))
                with self._compute.autocast():
                    logits = resnet.logits(parameters, inputs, statistics, training=False)
                losses.append(F.cross_entropy(logits.double(), labels.long(), reduction="none"))
                correct.append(logits.argmax(1) == labels)
        accuracy = torch.cat(correct).double().mean(0, keepdim=True)
        return {"test_loss": torch.cat(losses).mean(0, keepdim=True), "test_accuracy": accuracy}

    @override
    def _draw_parameters(self) -> Tensor:
        return resnet.initial_parameters(self.options["width"], self._generator, self.dtype)

    @override
    def _draw_batch(self) -> Tensor:
        """Draw one integer per example: the index of the image times `NUM_VARIANTS`, plus its variant."""
        size = self.options["batch_size"]
        variants = torch.randint(NUM_VARIANTS, (size,), generator=self._generator, device=self.device)
        return self._next_indices(size) * NUM_VARIANTS + variants

    def _next_indices(self, count: int) -> Tensor:
        parts: list[Tensor] = []
        while count:
            if self._position == len(self._order):
                torch.randperm(len(self._order), generator=self._generator, device=self.device, out=self._order)
                self._position = 0
            parts.append(self._order[self._position : self._position + count].clone())
            self._position += len(parts[-1])
            count -= len(parts[-1])
        return torch.cat(parts)

    @override
    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        batch = self.options["batch_size"]
        statistics = self._statistics.pairs() if self._is_fresh else None
        loss = self._compute.maybe_compile(resnet.training_loss)
        for part in torch.split(self.batch, self.options["micro_batch"] or batch):
            indices = part // NUM_VARIANTS
            inputs = self._compute.to_memory_format(augment(self._normalize(self._train[indices]), part % NUM_VARIANTS))
            with self._compute.autocast():
                mean = loss(parameters, inputs, self._train_labels[indices].long(), statistics)
            yield mean * (len(part) / batch)

    def _test_chunks(self) -> list[tuple[Tensor, Tensor]]:
        return list(zip(torch.split(self._test, _CHUNK), torch.split(self._test_labels, _CHUNK), strict=True))

    def _normalize(self, images: Tensor) -> Tensor:
        """Return the network's inputs for images (B, 3, 32, 32) of bytes."""
        means, deviations = (values.view(-1, 1, 1) for values in self._normalization)
        return images.to(self.dtype).div_(255).sub_(means).div_(deviations)


def _sample(count: int, samples: int) -> Tensor:
    """Return the positions of the test images that are evaluated: all, or a random choice, the same in all runs."""
    if not samples:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(derive_seed("metric", "test_loss")))[:samples]
