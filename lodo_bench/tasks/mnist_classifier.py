"""A small convolutional network that classifies the handwritten digits of MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from typing_extensions import override

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.custom.module import ModuleTask
from lodo_bench.tasks.data.loading import load_mnist

_CLASSES = 10
_CHUNK = 1000  # images per forward pass in evaluation
_POSITIONS = 7 * 7  # of the second convolution


@final
class MnistClassifier(ModuleTask):
    """Classification of the digits of MNIST by a small convolutional network.

    The last tenth of the 60,000 training images is for validation. A batch is drawn with replacement; the loss is the
    mean cross-entropy over ten classes, in nats, about ln 10 = 2.303 for an untrained network. Two convolutions, 3×3
    with stride 2, of `width` and 2 · `width` channels are followed by a hidden layer of 2 · `width` units, all with
    ReLU; by default n = 13,978.
    """

    options_table = (
        Option("width", "width", "positive-int", 8, "channels of the first convolution"),
        Option("batch_size", "batch", "positive-int", 64, "images in a batch"),
    )
    step_milestone = 2000
    metric_interval = 200

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        super().check(options, device, dtype)
        load_mnist()

    @classmethod
    @override
    def dataset_name(cls) -> str:
        return load_mnist().name

    @classmethod
    @override
    def build_module(cls, options: Mapping[str, Any]) -> nn.Module:
        width = options["width"]
        return nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * _POSITIONS, 2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, _CLASSES),
        )

    @override
    def setup(self) -> None:
        data = load_mnist()
        images, labels = data.train_images.to(self.device), data.train_labels.to(self.device)
        count = len(labels) - len(labels) // 10
        self._training = images[:count], labels[:count]
        self._validation = images[count:], labels[count:]
        self._test = data.test_images.to(self.device), data.test_labels.to(self.device)

    @override
    def draw_batch(self, generator: Generator) -> tuple[Tensor, Tensor]:
        images, labels = self._training
        chosen = torch.randint(len(labels), (self.options["batch_size"],), generator=generator, device=self.device)
        return images[chosen], labels[chosen]

    @override
    def loss(self, module: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        return F.cross_entropy(self._logits(module, images), labels.long())

    @override
    def metrics(self, module: nn.Module) -> Mapping[str, Tensor]:
        """Return `validation_loss` and `validation_accuracy`."""
        return self._scores(module, "validation", self._validation)

    @override
    def milestone_metrics(self, module: nn.Module) -> Mapping[str, Tensor]:
        """Return `test_loss` and `test_accuracy`."""
        return self._scores(module, "test", self._test)

    def _logits(self, module: nn.Module, images: Tensor) -> Tensor:
        logits: Tensor = module(images.unsqueeze(1).to(self.dtype) / 255)
        return logits

    def _scores(self, module: nn.Module, name: str, part: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        images, labels = part[0], part[1].long()
        logits = torch.cat([self._logits(module, chunk) for chunk in self.in_batches(torch.split(images, _CHUNK))])
        accuracy = (logits.argmax(1) == labels).double().mean()
        return {f"{name}_loss": F.cross_entropy(logits, labels), f"{name}_accuracy": accuracy}
