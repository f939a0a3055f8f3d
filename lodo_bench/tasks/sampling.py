"""Pictures of what `mnist` has learned, and of what its network sees (LODO Fig. 9 and 10)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from lodo_bench.errors import UsageError
from lodo_bench.spec.training import TaskSpec, TrainingSpec
from lodo_bench.tasks.build import build_task
from lodo_bench.tasks.mnist import Mnist
from lodo_bench.tasks.networks import pixel_cnn
from lodo_bench.tasks.pixels import PIXELS, SIDE, visible_inputs

SAMPLED = ("mnist",)


def check_sampled(task: TaskSpec) -> None:
    """Make sure that there are pictures of this task.

    Raises:
        UsageError: if there are none.
    """
    if task.name not in SAMPLED:
        raise UsageError(f"there are no pictures of {task.name}; only of: {', '.join(SAMPLED)}.")


@torch.no_grad()
def sample_digits(
    parameters: Tensor, count: int, generator: Generator, on_pixel: Callable[[], object] = lambda: None
) -> Tensor:
    """Draw images pixel by pixel, each from the probabilities that the network gives its brightnesses.

    Args:
        parameters: (n,), of the network of `mnist`.
        count: how many images.
        generator: for the draws, on the device of the parameters.
        on_pixel: called after each of the 784 pixels.

    Returns:
        (count, 28, 28), bytes.
    """
    tensors = pixel_cnn.LAYOUT.views(parameters)
    images = torch.zeros(count, PIXELS, dtype=torch.uint8, device=parameters.device)
    for pixel in range(PIXELS):
        pixels = torch.full((count,), pixel, device=parameters.device)
        inputs = visible_inputs(images.view(-1, SIDE, SIDE), pixels, parameters.dtype)
        probabilities = pixel_cnn.logits(tensors, inputs).softmax(1)
        images[:, pixel] = torch.multinomial(probabilities, 1, generator=generator)[:, 0].byte()
        on_pixel()
    return images.view(-1, SIDE, SIDE)


def first_inputs(training: TrainingSpec, count: int) -> Tensor:
    """What the network sees in the first batch of a training of `mnist`, as brightnesses.

    Returns:
        (B, 5, 28, 28), bytes, B being `count` or the whole batch if it is smaller. The first channel is as it was in
        the image, black where it is not visible; the others go from black for −1 to white for 1.
    """
    task = build_task(training)
    if not isinstance(task, Mnist):
        raise TypeError(f"{training.task.name} has no images")
    task.next_batch()
    inputs = task.inputs(count)
    inputs[:, 0] *= 256
    inputs[:, 1:] = (inputs[:, 1:] + 1) / 2 * 255
    return inputs.round().byte()
