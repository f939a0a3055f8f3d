"""Base class of the tasks that train a neural network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.networks.compute import OPTIONS, ComputeOptions, check
from lodo_bench.tasks.networks.layout import Layout


class NetworkTask(Task):
    """Training of a network on batches of images, one individual at a time.

    The data set is on the device, as bytes. A batch is one integer per image, drawn there from the run's generator,
    and is turned into network inputs when it is used. The network's tensors are views of the flat parameter vector, and
    autograd accumulates gradients into views of the flat gradient, so nothing is copied between the two layouts.

    A final subclass defines the layers, draws initial parameters and batches, and computes the loss in parts.

    Attributes:
        batch: (B,), integers that define the current batch; their meaning is the subclass's.
    """

    options_table: ClassVar[tuple[Option, ...]] = OPTIONS
    default_dtype = "float32"
    is_network = True
    offers = frozenset({"matrices"})
    max_population = 1
    state_names: ClassVar[tuple[str, ...]] = ("_generators", "batch")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        (self._generator,) = self._generators = list(generators)
        self._compute = ComputeOptions(self.options, self.device)
        self._layout = self.layout(options)
        self._initial = self._draw_parameters()
        self._leaves: list[Tensor] = []
        self.batch = self._draw_batch()

    @classmethod
    @abstractmethod
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        """Return the layers and their positions in x for these options."""

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return cls.layout(options).size

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        check(options, device, dtype)

    @property
    @override
    def tensors(self) -> Sequence[TensorSpec]:
        return self._layout.tensors

    @property
    @override
    def layers(self) -> Sequence[slice]:
        """Slices of x, one per module: its weight and bias."""
        return self._layout.slices

    @override
    def initial_point(self) -> Tensor:
        return self._initial.clone().unsqueeze(0)

    @override
    def next_batch(self) -> None:
        self.batch = self._draw_batch()

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss (1,) of the batch and its gradient (1, n) at `x` (1, n)."""
        gradient = torch.zeros_like(x)
        leaves = self._views(x)
        for leaf, part in zip(leaves, self._layout.views(gradient[0]), strict=True):
            leaf.grad = part
        total = x.new_zeros(())
        with self._compute.cuda_flags():
            for loss in self._losses(leaves):
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        for leaf in leaves:
            leaf.grad = None
        return total.unsqueeze(0), gradient

    def _views(self, x: Tensor) -> list[Tensor]:
        """Return the network's tensors as views of x; they are reused while x stays at the same address."""
        if not self._leaves or self._leaves[0].data_ptr() != x.data_ptr():
            self._leaves = [view.requires_grad_() for view in self._layout.views(x[0].detach())]
        return self._leaves

    @abstractmethod
    def _draw_parameters(self) -> Tensor:
        """Draw initial parameters, (n,), from the generator."""

    @abstractmethod
    def _draw_batch(self) -> Tensor:
        """Draw the integers that define the next batch from the generator."""

    @abstractmethod
    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield terms that sum to the batch's loss; the caller differentiates each before it requests the next."""
