"""Plain training loops for the networks of `mnist` and `cifar10`: modules, a DataLoader, and torch.optim.Adam."""

import time
from collections.abc import Iterator

import torch
from plain_networks import pixel_network, resnet18
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lodo_bench.tasks.data import load_cifar10, load_mnist

WARM_UP_STEPS = 5
_MEANS = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
_DEVIATIONS = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)
_PLACES = torch.arange(784).view(28, 28)
_RAMP = torch.arange(28) / 28 * 2 - 1


class PixelData(Dataset[tuple[Tensor, Tensor]]):
    """MNIST examples: an image before a random pixel, and the value of that pixel."""

    def __init__(self) -> None:
        self._images = load_mnist().train_images[:-64]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, pixel = self._images[index], int(torch.randint(784, ()))
        seen = pixel > _PLACES
        reached = (torch.arange(28) <= pixel % 28).float().expand(28, 28)
        channels = (image * seen / 256, reached * 2 - 1, seen.float() * 2 - 1, _RAMP.view(28, 1).expand(28, 28))
        return torch.stack((*channels, _RAMP.expand(28, 28))), image.view(-1)[pixel].long()


class PictureData(Dataset[tuple[Tensor, Tensor]]):
    """CIFAR-10 examples: an image, cropped and flipped at random, and its class."""

    def __init__(self) -> None:
        data = load_cifar10()
        self._pictures, self._classes = data.train_images, data.train_labels

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture = nn.functional.pad((self._pictures[index] / 255 - _MEANS) / _DEVIATIONS, (4, 4, 4, 4))
        row, column, reflected = torch.randint(9, ()), torch.randint(9, ()), torch.randint(2, ())
        crop = picture[:, row : row + 32, column : column + 32]
        return crop.flip(2) if reflected else crop, self._classes[index].long()


def plain_seconds(task: str, batch_size: int, width: int, steps: int, device: str) -> float:
    """Return the seconds per step of a plain loop with Adam, including data loading."""
    network = (pixel_network() if task == "mnist" else resnet18(width)).to(device)
    data = PixelData() if task == "mnist" else PictureData()
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, weight_decay=0 if task == "mnist" else 1e-4)
    batches = endless(data, batch_size, device)
    for step in range(WARM_UP_STEPS + steps):
        if step == WARM_UP_STEPS:
            started = finished(device)
        inputs, targets = next(batches)
        loss = nn.functional.cross_entropy(network(inputs.to(device)), targets.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (finished(device) - started) / steps


def endless(data: Dataset[tuple[Tensor, Tensor]], batch_size: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches; for a GPU, eight worker processes prepare them."""
    gpu = device == "cuda"
    loader = DataLoader(data, batch_size, shuffle=True, num_workers=8 if gpu else 0, pin_memory=gpu, drop_last=True)
    while True:
        yield from loader


def finished(device: str) -> float:
    """Return the time when all pending work of the device is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
