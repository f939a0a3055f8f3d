"""Tasks written as a PyTorch module and a loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from typing_extensions import override

from lodo_bench.seeding import derive_seed, global_randomness
from lodo_bench.spec.compute import DType
from lodo_bench.spec.options import Value
from lodo_bench.spec.tensors import Role
from lodo_bench.tasks.custom.buffers import ModuleBuffers
from lodo_bench.tasks.custom.checks import check_parameters, measured, scalar
from lodo_bench.tasks.custom.roles import roles_of, trained
from lodo_bench.tasks.custom.tensors import TensorTask, views
from lodo_bench.user_code import foreign

_CPU = torch.device("cpu")


class ModuleTask(TensorTask):
    """A task that trains an `nn.Module`, one individual at a time.

    A final subclass sets `step_milestone` and implements `build_module`, `loss`, and one of `draw_batch` and `epoch`.
    For example, for a data set with its `DataLoader`::

        class Mine(ModuleTask):
            step_milestone = 5000

            @classmethod
            def build_module(cls, options):
                return nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3))

            def setup(self):
                self.data = my_data_set()

            def epoch(self, generator):
                return DataLoader(self.data, batch_size=32, shuffle=True, generator=generator)

            def loss(self, module, batch):
                inputs, classes = batch
                return nn.functional.cross_entropy(module(inputs), classes)

    The module's parameters are views of the parameter vector, and autograd accumulates gradients into views of the flat
    gradient, so nothing is copied between the two. Parameters that require no gradient are left as they are.

    Buffers, such as running averages, are part of the state, and each batch updates them once, however often it is
    evaluated. Dropout and other randomness of the forward pass follow from the individual and the number of the batch.

    Attributes:
        roles: name -> role of a parameter, where the inferred one does not fit: the weights of `nn.Embedding` are
            embeddings, that of the last `nn.Linear` is the head, others with two dimensions or more are matrices.
        metric_interval: steps between calls of `metrics` in a final run; None for no calls.
        module: the module, on the task's device and in its dtype.
    """

    default_dtype: ClassVar[DType] = "float32"
    is_network = True
    max_population = 1
    state_names = ("_batches", "_buffers")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        (generator,) = generators
        self._seed = generator.initial_seed()
        with self._default_device():
            self.setup()
        self.module = _build(type(self), self.options, derive_seed("module", self._seed)).to(self.device, dtype)
        self._parameters = [parameter for _, parameter in trained(self.module)]
        self._shapes = [tuple(parameter.shape) for parameter in self._parameters]
        self._initial = torch.cat([parameter.detach().flatten() for parameter in self._parameters])
        self._buffers = ModuleBuffers(self.module)
        self._batches = self._stream(generator)

    @classmethod
    @abstractmethod
    def build_module(cls, options: Mapping[str, Any]) -> nn.Module:
        """Return a new module with its initial weights, on the CPU.

        PyTorch's global generator, from which modules draw their weights, is seeded for the individual.

        Args:
            options: all options by full name, defaults included.
        """

    @abstractmethod
    def loss(self, module: Any, batch: Any) -> Tensor:
        """Return the loss of a batch, a tensor with a single number.

        Args:
            module: the module, in training mode.
            batch: of `draw_batch` or `epoch`.
        """

    def metrics(self, module: Any) -> Mapping[str, Tensor | float]:
        """Return metrics every `metric_interval` steps, e.g. `validation_loss`: name -> number.

        Args:
            module: the module, in evaluation mode; autograd is off.
        """
        return {}

    def milestone_metrics(self, module: Any) -> Mapping[str, Tensor | float]:
        """Return metrics that are measured at milestones only, e.g. `test_loss`, in the same way."""
        return {}

    @classmethod
    @override
    def _describe(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, tuple[int, ...], Role]]:
        return list(roles_of(_build(cls, options, 0)))

    @override
    def initial_point(self) -> Tensor:
        return self._initial.clone().unsqueeze(0)

    @override
    def next_batch(self) -> None:
        self._batches.advance()
        self._buffers.start_batch()

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gradient = torch.zeros_like(x)
        self._use(x)
        for parameter, part in zip(self._parameters, views(gradient[0], self._shapes), strict=True):
            parameter.grad = part
        with self._forward("training", self._batches.count), self._buffers.evaluation():
            loss = scalar(self.loss(self.module, self._batches.batch), self)
            loss.backward()  # type: ignore[no-untyped-call]
        for parameter in self._parameters:
            parameter.grad = None
        return loss.detach().to(self.dtype).unsqueeze(0), gradient

    @override
    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        return self._evaluate(x, self.metrics) if self.metric_interval is not None else {}

    @override
    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        return self._evaluate(x, self.milestone_metrics)

    @torch.no_grad()
    def _evaluate(self, x: Tensor, metrics: Callable[[nn.Module], object]) -> Mapping[str, Tensor]:
        self._use(x)
        self.module.eval()
        try:
            with self._forward("evaluation", 0):
                return measured(metrics(self.module), self)
        finally:
            self.module.train()

    @contextmanager
    def _forward(self, purpose: str, number: int) -> Iterator[None]:
        """Compute with the module: with the task's default device, and random numbers that depend on the identity."""
        seed = derive_seed(purpose, self._seed, number)
        with self._default_device(), global_randomness(seed, self.device):
            yield

    def _use(self, x: Tensor) -> None:
        """Make the module's parameters views of x; they are reused while x stays at the same address."""
        if self._parameters[0].data_ptr() != x.data_ptr():
            for parameter, part in zip(self._parameters, views(x[0].detach(), self._shapes), strict=True):
                parameter.data = part


def _build(cls: type[ModuleTask], options: Mapping[str, Any], seed: int) -> nn.Module:
    with global_randomness(seed, _CPU), foreign():
        module = cls.build_module(options)
    check_parameters(module, cls.__name__)
    return module.train()
