"""What every task that trains a network is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.networks.compute import OPTIONS, ComputeOptions, check
from lodo_bench.tasks.networks.layout import Layout


class NetworkTask(Task):
    """A network whose parameters are views of x, trained on batches of pictures; one individual at a time.

    The data lies on the device as bytes; a batch is a few integers for each of its pictures, drawn there from the run's
    own generator, and becomes the network's inputs when it is used. Gradients are added up by autograd in views of the
    flat gradient. Nothing is gathered or scattered.

    A final subclass names its layers, draws parameters and batches, and gives the loss on a batch in parts.
    """

    options_table: ClassVar[tuple[Option, ...]] = OPTIONS
    default_dtype = "float32"
    is_network = True
    max_population = 1
    state_names: ClassVar[tuple[str, ...]] = ("_generators", "_draw")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        (self._generator,) = self._generators = list(generators)
        self._arithmetic = ComputeOptions(self.options, self.device)
        self._layout = self.layout(options)
        self._start = self._draw_parameters()
        self._leaves: list[Tensor] = []
        self._draw = self._draw_batch()

    @classmethod
    @abstractmethod
    def layout(cls, options: Mapping[str, Value]) -> Layout:
        """Where the layers lie in x, with these options."""

    @classmethod
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """The parameters of the network."""
        return cls.layout(options).size

    @classmethod
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        """See `Task.check`."""
        check(options, device, dtype)

    @property
    def layers(self) -> Sequence[slice]:
        """See `Task.layers`; a module's weight and bias are one."""
        return self._layout.slices

    def initial_point(self) -> Tensor:
        """Fresh parameters, (1, n), the same at every call."""
        return self._start.clone().unsqueeze(0)

    def next_batch(self) -> None:
        """Draw a fresh batch."""
        self._draw = self._draw_batch()

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's mean loss (1,) and its gradient (1, n) at `x` (1, n); see `Task.loss_and_gradient`."""
        gradient = torch.zeros_like(x)
        leaves = self._views(x)
        for leaf, part in zip(leaves, self._layout.views(gradient[0]), strict=True):
            leaf.grad = part
        total = x.new_zeros(())
        with self._arithmetic.cuda_flags():
            for loss in self._losses(leaves):
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        for leaf in leaves:
            leaf.grad = None
        return total.unsqueeze(0), gradient

    def _views(self, x: Tensor) -> list[Tensor]:
        """The network's tensors as views of x, made anew only where x lies elsewhere than at the last call."""
        if not self._leaves or self._leaves[0].data_ptr() != x.data_ptr():
            self._leaves = [view.requires_grad_() for view in self._layout.views(x[0].detach())]
        return self._leaves

    @abstractmethod
    def _draw_parameters(self) -> Tensor:
        """(n,), from the generator."""

    @abstractmethod
    def _draw_batch(self) -> Tensor:
        """Integers that say what the next batch is, from the generator."""

    @abstractmethod
    def _losses(self, parameters: Sequence[Tensor]) -> Iterator[Tensor]:
        """Parts that the batch's loss is the sum of, each asked for after the gradient of the one before is taken."""
