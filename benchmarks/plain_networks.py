"""The networks of `mnist` and `cifar10` as ordinary PyTorch modules; tests compare the tasks with them."""

import torch
from torch import Tensor, nn

_WIDTHS = (1, 2, 4, 8)


class PixelBlock(nn.Module):
    """Residual block: 20 channels -> 40 -> 120 by a depthwise convolution -> 20."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(20, 40, 1), Arctangent(), nn.Conv2d(40, 120, 3, padding=1, groups=40), Arctangent(),
            nn.Conv2d(120, 20, 1),
        )  # fmt: skip

    def forward(self, signal: Tensor) -> Tensor:
        """Map (B, 20, H, W) to (B, 20, H, W)."""
        return signal + self.body(signal)


class Arctangent(nn.Module):
    """Activation function atan."""

    def forward(self, signal: Tensor) -> Tensor:
        """Apply atan to each number."""
        return torch.atan(signal)


def pixel_network() -> nn.Module:
    """Build the network (B, 5, 28, 28) -> (B, 256)."""
    stages = [layer for _ in range(5) for layer in (*(PixelBlock() for _ in range(4)), nn.AvgPool2d(2, ceil_mode=True))]
    return nn.Sequential(nn.Conv2d(5, 20, 1), *stages, nn.Conv2d(20, 256, 1), nn.Flatten())


class ResidualBlock(nn.Module):
    """Residual block: two 3×3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.extend([nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)])

    def forward(self, signal: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.body(signal) + self.shortcut(signal))


def resnet18(width: int = 64) -> nn.Module:
    """Build the network (B, 3, 32, 32) -> (B, 10)."""
    blocks, before = [], width
    for factor in _WIDTHS:
        blocks.append(ResidualBlock(before, factor * width, stride=1 if factor == 1 else 2))
        blocks.append(ResidualBlock(factor * width, factor * width, stride=1))
        before = factor * width
    stem = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
