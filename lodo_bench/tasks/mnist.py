"""MNIST image generation, pixel by pixel (LODO §5.3, App. F.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.selection import implementation
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.data import load_mnist
from lodo_bench.tasks.networks import pixel_cnn
from lodo_bench.tasks.networks.layout import Layout
from lodo_bench.tasks.networks.pixel_cnn import PIXELS, visible_inputs
from lodo_bench.tasks.networks.task import NetworkTask

VALIDATION_IMAGES = 64
# Predictions per forward pass in evaluation: on a CPU so few that Ctrl-C is answered within a second.
_CHUNK, _CHUNK_CPU = 1024, 32


@final
class Mnist(NetworkTask):
    """Autoregressive image generation: predict a pixel of a handwritten digit from the pixels before it.

    The images of a batch are drawn with replacement; in each, one pixel is drawn uniformly for prediction. The loss is
    the mean cross-entropy over the 256 pixel values, in nats; an untrained network has about ln 256 = 5.545. The inputs
    are those of `visible_inputs`, the network is `pixel_cnn` with 94,696 parameters.

    The last 64 images of the training set are held out: all their pixels are the validation set. The test set is all
    pixels of the 10,000 test images. Of each, a sample can be used instead, the same one in all runs.
    """

    options_table = (
        Option("batch_size", "batch", "positive-int", 256, "images in a batch"),
        Option("validation_samples", "val", "nonnegative-int", 0, "predictions for the validation loss; 0 for all"),
        Option("test_samples", "test", "nonnegative-int", 0, "predictions for the test loss; 0 for all"),
        *NetworkTask.options_table,
    )
    step_milestone = 300_000
    metric_interval = 1000
    final_lr_scale = 0.5
    trial_options: ClassVar[Mapping[str, Value]] = {"batch_size": 1}
    short_evaluation: ClassVar[Mapping[str, Value]] = {"test_samples": 20_000}

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        data, device = load_mnist(), generators[0].device
        self._train = data.train_images[:-VALIDATION_IMAGES].to(device)
        self._validation = data.train_images[-VALIDATION_IMAGES:].to(device)
        self._test = data.test_images.to(device)
        super().__init__(generators, dtype, options)
        # A backend's code is for the run's own precision.
        own = self.options["precision"] == "float32"
        self._fastest = implementation(pixel_cnn.losses, device, dtype) if own else pixel_cnn.losses
        compiled = self.options["compile"] == "yes"
        self._of_batch = self._compute.maybe_compile(pixel_cnn.losses) if compiled else self._fastest

    @classmethod
    @override
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        return pixel_cnn.LAYOUT

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        super().check(options, device, dtype)
        load_mnist()

    @classmethod
    @override
    def dataset_name(cls) -> str:
        return load_mnist().name

    @override
    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return `validation_loss`, (1,): the mean over the pixels of the validation images."""
        return {"validation_loss": self._losses_of(x, "validation", self._validation).mean(0, keepdim=True)}

    @override
    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return `test_loss`, (1,), and its standard error if it is estimated from a sample."""
        losses = self._losses_of(x, "test", self._test)
        loss = {"test_loss": losses.mean(0, keepdim=True)}
        if not self.options["test_samples"]:
            return loss
        return {**loss, "test_loss_standard_error": losses.std(0, keepdim=True) / len(losses) ** 0.5}

    def inputs(self, count: int) -> Tensor:
        """Return the network's inputs for the first `count` images of the current batch, (count, 5, 28, 28)."""
        images, pixels = self.batch[:count] // PIXELS, self.batch[:count] % PIXELS
        return visible_inputs(self._train[images], pixels, self.dtype)

    @override
    def _draw_parameters(self) -> Tensor:
        return pixel_cnn.initial_parameters(self._generator, self.dtype)

    @override
    def _draw_batch(self) -> Tensor:
        """Draw one integer per example: 784 times the index of the image, plus the index of the pixel in it."""
        total, size = len(self._train) * PIXELS, (self.options["batch_size"],)
        return torch.randint(total, size, generator=self._generator, device=self.device)

    @override
    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        yield self._predict(parameters, self._train, self.batch, self._of_batch).mean()

    def _losses_of(self, x: Tensor, part: str, images: Tensor) -> Tensor:
        """Return the losses of the predictions of a part of the data, or of a sample of them."""
        total, samples = len(images) * PIXELS, self.options[f"{part}_samples"]
        if not samples:
            return self._evaluate(x, images, torch.arange(total, device=self.device))
        # Drawn on the CPU from a fixed seed: the same sample in all runs and on all devices.
        generator = torch.Generator().manual_seed(derive_seed("metric", f"{part}_loss"))
        return self._evaluate(x, images, torch.randint(total, (samples,), generator=generator).to(self.device))

    @torch.no_grad()
    def _evaluate(self, x: Tensor, images: Tensor, indices: Tensor) -> Tensor:
        """Return the losses of the predictions at `indices`, computed in chunks, in float64."""
        parameters = self._layout.views(x[0])
        with self._compute.cuda_flags():
            size = _CHUNK_CPU if self.device.type == "cpu" else _CHUNK
            chunks = self.in_batches(torch.split(indices, size))
            parts = [self._predict(parameters, images, chunk, self._fastest).double() for chunk in chunks]
        return torch.cat(parts)

    def _predict(
        self, parameters: Sequence[Tensor], images: Tensor, indices: Tensor, losses: Callable[..., Tensor]
    ) -> Tensor:
        """Return the losses (B,) of the predictions at `indices`."""
        chosen, pixels = images[indices // PIXELS], indices % PIXELS
        inputs = self._compute.to_memory_format(visible_inputs(chosen, pixels, self.dtype))
        targets = images.view(-1)[indices].long()
        with self._compute.autocast():
            return losses(parameters, inputs, targets)
