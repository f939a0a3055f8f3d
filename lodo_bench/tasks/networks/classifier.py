"""The common base of tasks that classify images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from typing_extensions import override

from lodo_bench.tasks.custom.module import ModuleTask

Examples: TypeAlias = tuple[Tensor, Tensor]

_CHUNK = 1000  # images per forward pass in evaluation


class ImageClassifier(ModuleTask):
    """Classification of images with the mean cross-entropy in nats, measured on a validation part and a test part.

    A subclass implements `build_module`, has the option `batch_size`, and sets the parts in `setup`. Batches are drawn
    from the training images with replacement.

    Attributes:
        training, validation, test: images (N, ...) and their classes (N,).
    """

    training: Examples
    validation: Examples
    test: Examples

    def inputs(self, images: Tensor) -> Tensor:
        """Return what the module is given of images (N, ...); here the images themselves."""
        return images

    @override
    def draw_batch(self, generator: Generator) -> Examples:
        images, classes = self.training
        chosen = torch.randint(len(classes), (self.options["batch_size"],), generator=generator, device=self.device)
        return images[chosen], classes[chosen]

    @override
    def loss(self, module: nn.Module, batch: Examples) -> Tensor:
        images, classes = batch
        return F.cross_entropy(module(self.inputs(images)), classes.long())

    @override
    def metrics(self, module: nn.Module) -> Mapping[str, Tensor]:
        """Return `validation_loss` and `validation_accuracy`."""
        return self._scores(module, "validation", self.validation)

    @override
    def milestone_metrics(self, module: nn.Module) -> Mapping[str, Tensor]:
        """Return `test_loss` and `test_accuracy`."""
        return self._scores(module, "test", self.test)

    def _scores(self, module: nn.Module, name: str, part: Examples) -> Mapping[str, Tensor]:
        images, classes = part[0], part[1].long()
        logits = torch.cat([module(self.inputs(chunk)) for chunk in self.in_batches(torch.split(images, _CHUNK))])
        accuracy = (logits.argmax(1) == classes).double().mean()
        return {f"{name}_loss": F.cross_entropy(logits, classes), f"{name}_accuracy": accuracy}
