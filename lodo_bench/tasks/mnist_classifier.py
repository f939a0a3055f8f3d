"""A small convolutional network that classifies the handwritten digits of MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor, nn
from typing_extensions import override

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.data.loading import load_mnist
from lodo_bench.tasks.networks.classifier import ImageClassifier

_CLASSES = 10
_POSITIONS = 7 * 7  # of the second convolution


@final
class MnistClassifier(ImageClassifier):
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
        self.training = images[:count], labels[:count]
        self.validation = images[count:], labels[count:]
        self.test = data.test_images.to(self.device), data.test_labels.to(self.device)

    @override
    def inputs(self, images: Tensor) -> Tensor:
        """Return the brightness of the pixels between 0 and 1, (N, 1, 28, 28)."""
        return images.unsqueeze(1).to(self.dtype) / 255
