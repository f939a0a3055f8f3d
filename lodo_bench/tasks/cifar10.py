"""CIFAR-10 classification by a ResNet-18 (LODO §5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.augmentation import VARIANTS, augmented
from lodo_bench.tasks.data import load_cifar10
from lodo_bench.tasks.networks import resnet
from lodo_bench.tasks.networks.layout import Layout
from lodo_bench.tasks.networks.task import NetworkTask

PENALTY = 1e-4
# Mean and standard deviation of each color over the training set, brightness from 0 to 1.
_MEANS = (0.49139968, 0.48215841, 0.44653091)
_DEVIATIONS = (0.24703223, 0.24348513, 0.26158784)
# Pictures that are classified at a time in an evaluation.
_CHUNK = 1000


@final
class Cifar10(NetworkTask):
    """What a small picture shows, one of ten classes, by a ResNet-18 with 11,173,962 parameters.

    The batches of an epoch go through the training set once, in random order; one that is not full is filled up from
    the next epoch. Each picture is shifted by up to 4 pixels and reflected at random, see `augmented`. The loss is the
    mean cross-entropy, in nats, plus the penalty 1e-4 · ½ ‖x‖² on all parameters.

    Batch normalization uses the statistics of the batch in training and running averages in evaluation; they are not
    part of x. With a `micro_batch` smaller than the batch, gradients are added up over parts of that size, which takes
    less memory: each part is then normalized by its own statistics, and the running averages move at each part, so the
    result differs from that of the whole batch.
    """

    options_table = (
        Option("batch_size", "batch", "positive-int", 2048, "pictures in a batch"),
        Option("micro_batch", "micro", "nonnegative-int", 0, "pictures in memory at a time, a divisor; 0 for all"),
        Option(
            "width", "width", "positive-int", 64, "channels of the first stage; the others have 2, 4, 8 times as many"
        ),
        *NetworkTask.options_table,
    )
    step_milestone = 3000
    metric_interval = 20
    state_names = ("_order", "_place", "_statistics", "_is_fresh")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        data, device = load_cifar10(), generators[0].device
        self._train = data.train_images.to(device)
        self._train_classes = data.train_labels.to(device)
        self._test = data.test_images.to(device)
        self._test_classes = data.test_labels.to(device)
        self._normalization = [torch.tensor(v, device=device, dtype=dtype) for v in (_MEANS, _DEVIATIONS)]
        # The order of this epoch's pictures, and how many of them are used up: all, before the first epoch.
        self._order = torch.arange(len(self._train), device=device)
        self._place = len(self._order)
        super().__init__(generators, dtype, options)
        self._statistics = resnet.BatchStatistics(self.options["width"], self._start)
        # Whether the batch has not been evaluated yet: running averages take it in once, however often it is.
        self._is_fresh = True

    @classmethod
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        """That of a ResNet-18 of the option `width`."""
        return resnet.layout(cls.with_defaults(options)["width"])

    @classmethod
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        """See `Task.check`."""
        super().check(options, device, dtype)
        filled = cls.with_defaults(options)
        batch, part = filled["batch_size"], filled["micro_batch"]
        if part and batch % part:
            raise UsageError(f"micro_batch = {part} does not divide batch_size = {batch}. Give a divisor.")
        load_cifar10()

    @classmethod
    def dataset_name(cls) -> str:
        """See `Task.dataset_name`."""
        return load_cifar10().name

    def next_batch(self) -> None:
        """Draw a fresh batch."""
        super().next_batch()
        self._is_fresh = True

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (1,) and gradient (1, n), the penalty included; see `Task.loss_and_gradient`."""
        loss, gradient = super().loss_and_gradient(x)
        self._is_fresh = False
        flat = x[0]
        return loss + 0.5 * PENALTY * flat.dot(flat), gradient.add_(x, alpha=PENALTY)

    @torch.no_grad()
    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """`test_loss`, the mean cross-entropy without the penalty, and `test_accuracy` from 0 to 1, both (1,)."""
        parameters, statistics = self._layout.views(x[0]), self._statistics.pairs()
        losses, hits = [], []
        with self._arithmetic.cuda_flags():
            for pictures, classes in self._test_chunks():
                inputs = self._arithmetic.to_memory_format(self._normalized(pictures))
                with self._arithmetic.autocast():
                    logits = resnet.logits(parameters, inputs, statistics, training=False)
                losses.append(F.cross_entropy(logits.double(), classes.long(), reduction="none"))
                hits.append(logits.argmax(1) == classes)
        accuracy = torch.cat(hits).double().mean(0, keepdim=True)
        return {"test_loss": torch.cat(losses).mean(0, keepdim=True), "test_accuracy": accuracy}

    def _draw_parameters(self) -> Tensor:
        return resnet.initial_parameters(self.options["width"], self._generator, self.dtype)

    def _draw_batch(self) -> Tensor:
        """One number for each picture: its place in the training set times `VARIANTS`, plus its variant."""
        size = self.options["batch_size"]
        variants = torch.randint(VARIANTS, (size,), generator=self._generator, device=self.device)
        return self._next_places(size) * VARIANTS + variants

    def _next_places(self, count: int) -> Tensor:
        parts: list[Tensor] = []
        while count:
            if self._place == len(self._order):
                torch.randperm(len(self._order), generator=self._generator, device=self.device, out=self._order)
                self._place = 0
            parts.append(self._order[self._place : self._place + count].clone())
            self._place += len(parts[-1])
            count -= len(parts[-1])
        return torch.cat(parts)

    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        batch = self.options["batch_size"]
        statistics = self._statistics.pairs() if self._is_fresh else None
        loss = self._arithmetic.maybe_compile(resnet.training_loss)
        for draw in torch.split(self._draw, self.options["micro_batch"] or batch):
            places = draw // VARIANTS
            inputs = self._arithmetic.to_memory_format(
                augmented(self._normalized(self._train[places]), draw % VARIANTS)
            )
            with self._arithmetic.autocast():
                mean = loss(parameters, inputs, self._train_classes[places].long(), statistics)
            yield mean * (len(draw) / batch)

    def _test_chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(torch.split(self._test, _CHUNK), torch.split(self._test_classes, _CHUNK), strict=True)

    def _normalized(self, pictures: Tensor) -> Tensor:
        """Bytes (B, 3, 32, 32) as the network's inputs."""
        means, deviations = (values.view(-1, 1, 1) for values in self._normalization)
        return pictures.to(self.dtype).div_(255).sub_(means).div_(deviations)
