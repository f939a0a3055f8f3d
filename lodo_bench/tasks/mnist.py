"""MNIST image generation, pixel by pixel (LODO §5.3, App. F.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.seeding import derive_seed
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.data import load_mnist
from lodo_bench.tasks.networks import pixel_cnn
from lodo_bench.tasks.networks.layout import Layout
from lodo_bench.tasks.networks.task import NetworkTask
from lodo_bench.tasks.pixels import PIXELS, visible_inputs

VALIDATION_IMAGES = 64
# Predictions that are computed at a time in an evaluation.
_CHUNK = 1024


@final
class Mnist(NetworkTask):
    """The brightness of a pixel of a handwritten digit, predicted from those above it and to its left.

    Each image of a batch, drawn with replacement, has one pixel to predict, drawn uniformly. The loss is the mean
    cross-entropy of the 256 brightnesses, in nats; a fresh network has about ln 256 = 5.545. The inputs are those of
    `visible_inputs`, the network is `pixel_cnn`, with 94,696 parameters.

    The last 64 images of the training set are left out of training: they are the validation set, all their pixels. The
    test set is all pixels of its 10,000 images, or a sample of them.
    """

    options_table = (
        Option("batch_size", "batch", "positive-int", 256, "images in a batch"),
        Option(
            "test_samples", "test", "nonnegative-int", 0, "predictions that the test loss is estimated from; 0 for all"
        ),
        *NetworkTask.options_table,
    )
    step_milestone = 300_000
    metric_interval = 1000
    final_lr_scale = 0.5

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        data, device = load_mnist(), generators[0].device
        self._train = data.train_images[:-VALIDATION_IMAGES].to(device)
        self._validation = data.train_images[-VALIDATION_IMAGES:].to(device)
        self._test = data.test_images.to(device)
        super().__init__(generators, dtype, options)

    @classmethod
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        """The same with all options."""
        return pixel_cnn.LAYOUT

    @classmethod
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        """See `Task.check`."""
        super().check(options, device, dtype)
        load_mnist()

    @classmethod
    def dataset_name(cls) -> str:
        """See `Task.dataset_name`."""
        return load_mnist().name

    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """`validation_loss`, (1,): the mean over all pixels of the validation images."""
        every = torch.arange(len(self._validation) * PIXELS, device=self.device)
        return {"validation_loss": self._evaluated(x, self._validation, every).mean(0, keepdim=True)}

    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """`test_loss`, (1,), and its standard error if it is estimated from a sample."""
        total, samples = len(self._test) * PIXELS, self.options["test_samples"]
        if not samples:
            every = torch.arange(total, device=self.device)
            return {"test_loss": self._evaluated(x, self._test, every).mean(0, keepdim=True)}
        # The same sample in all runs and on all devices.
        generator = torch.Generator().manual_seed(derive_seed("metric", "test_loss"))
        drawn = torch.randint(total, (samples,), generator=generator).to(self.device)
        losses = self._evaluated(x, self._test, drawn)
        error = losses.std(0, keepdim=True) / samples**0.5
        return {"test_loss": losses.mean(0, keepdim=True), "test_loss_standard_error": error}

    def inputs(self, count: int) -> Tensor:
        """What the network sees of the first `count` images of the current batch, (count, 5, 28, 28)."""
        places, pixels = self._draw[:count] // PIXELS, self._draw[:count] % PIXELS
        return visible_inputs(self._train[places], pixels, self.dtype)

    def _draw_parameters(self) -> Tensor:
        return pixel_cnn.initial_parameters(self._generator, self.dtype)

    def _draw_batch(self) -> Tensor:
        """One number for each image: 784 times its place in the training set, plus the place of the pixel in it."""
        total, size = len(self._train) * PIXELS, (self.options["batch_size"],)
        return torch.randint(total, size, generator=self._generator, device=self.device)

    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        yield self._predicted(
            parameters, self._train, self._draw, self._arithmetic.maybe_compile(pixel_cnn.losses)
        ).mean()

    @torch.no_grad()
    def _evaluated(self, x: Tensor, images: Tensor, draw: Tensor) -> Tensor:
        """The losses of many predictions, in float64."""
        parameters = self._layout.views(x[0])
        with self._arithmetic.cuda_flags():
            chunks = torch.split(draw, _CHUNK)
            parts = [self._predicted(parameters, images, chunk, pixel_cnn.losses).double() for chunk in chunks]
        return torch.cat(parts)

    def _predicted(
        self, parameters: Sequence[Tensor], images: Tensor, draw: Tensor, losses: Callable[..., Tensor]
    ) -> Tensor:
        """The loss of each prediction that `draw` says, (B,)."""
        shown, pixels = images[draw // PIXELS], draw % PIXELS
        inputs = self._arithmetic.to_memory_format(visible_inputs(shown, pixels, self.dtype))
        targets = images.view(-1)[draw].long()
        with self._arithmetic.autocast():
            return losses(parameters, inputs, targets)
