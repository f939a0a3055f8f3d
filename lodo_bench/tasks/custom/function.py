"""Tasks written as a function of named tensors and a batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor
from torch.func import grad, jacrev
from typing_extensions import override

from lodo_bench.spec.compute import DType
from lodo_bench.spec.options import Value
from lodo_bench.spec.tensors import Role
from lodo_bench.tasks.custom.checks import measured, scalar
from lodo_bench.tasks.custom.tensors import TensorTask, views

_CHUNK = 32  # rows of a Hessian that are computed together


class FunctionTask(TensorTask):
    """A task written for one individual: initial parameters, batches, and a loss that PyTorch can differentiate.

    A final subclass sets `step_milestone` and implements `draw_parameters` and `loss`, and `draw_batch` unless the loss
    is the same at every step. For example, linear regression with fresh noise at every step::

        class Regression(FunctionTask):
            step_milestone = 1000

            @classmethod
            def draw_parameters(cls, options, generator):
                return {"slope": torch.randn(10, generator=generator), "intercept": torch.zeros(())}

            def draw_batch(self, generator):
                inputs = torch.randn(32, 10, generator=generator)
                return inputs, inputs.sum(1) + 0.1 * torch.randn(32, generator=generator)

            def loss(self, parameters, batch):
                inputs, targets = batch
                return (inputs @ parameters["slope"] + parameters["intercept"] - targets).square().mean()

    Individuals are evaluated one after the other. `torch.func.vmap` would evaluate them together, but it turns products
    of vectors into products of matrices, whose rounding depends on the number of individuals; then the results of an
    individual would not be bit-identical for any population size.

    Attributes:
        roles: name -> role of a parameter, e.g. `head`; by default `matrix` for two dimensions or more, else `vector`.
        metric_interval: steps between calls of `metrics` in a final run; None for no calls.
        offers: what optimizers can use besides gradients, found from the roles; set it to `frozenset({"hessian"})` to
            add the Hessian, if the loss can be differentiated twice and n is small.
    """

    default_dtype: ClassVar[DType] = "float64"
    state_names = ("_streams",)

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        with self._default_device():
            self.setup()
        drawn = [self._draw_parameters(generator) for generator in generators]
        self._initial = torch.stack([torch.cat([tensor.flatten() for tensor in row.values()]) for row in drawn])
        self._streams = [self._stream(generator) for generator in generators]
        # All individuals use the same memory in turn: the rounding of some operations depends on its alignment.
        self._point, self._slope = (torch.zeros_like(self._initial[0]) for _ in range(2))
        shapes = [tuple(tensor.shape) for tensor in drawn[0].values()]
        leaves, slopes = (views(flat, shapes) for flat in (self._point, self._slope))
        for leaf, slope in zip(leaves, slopes, strict=True):
            leaf.requires_grad_().grad = slope
        self._parameters = dict(zip(drawn[0], leaves, strict=True))

    @classmethod
    @abstractmethod
    def draw_parameters(cls, options: Mapping[str, Any], generator: Generator) -> Mapping[str, Tensor]:
        """Return the initial parameters by name; names and shapes must not depend on the generator.

        Args:
            options: all options by full name, defaults included.
            generator: the only source of randomness.
        """

    @abstractmethod
    def loss(self, parameters: Mapping[str, Tensor], batch: Any) -> Tensor:
        """Return the loss of one individual, a tensor with a single number; the same for equal arguments.

        Args:
            parameters: name -> tensor, in the shape of `draw_parameters`.
            batch: of `draw_batch` or `epoch`.
        """

    def metrics(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor | float]:
        """Return metrics of one individual every `metric_interval` steps, e.g. `validation_loss`; name -> number."""
        return {}

    def milestone_metrics(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor | float]:
        """Return metrics of one individual that are measured at milestones only, e.g. `test_loss`; name -> number."""
        return {}

    @classmethod
    @override
    def _describe(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, tuple[int, ...], Role]]:
        drawn = cls.draw_parameters(options, Generator().manual_seed(0))
        shapes = ((name, tuple(tensor.shape)) for name, tensor in drawn.items())
        return [(name, shape, "matrix" if len(shape) >= 2 else "vector") for name, shape in shapes]

    @classmethod
    @override
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        """Return whether the class draws batches, or its initial parameters from the generator, which is tried."""
        if cls.draw_batch is not TensorTask.draw_batch or cls.epoch is not TensorTask.epoch:
            return True
        generator = Generator().manual_seed(0)
        before = generator.get_state()
        cls.draw_parameters(cls.with_defaults(options), generator)
        return not torch.equal(before, generator.get_state())

    @override
    def initial_point(self) -> Tensor:
        return self._initial.clone()

    @override
    def next_batch(self) -> None:
        for stream in self._streams:
            stream.advance()

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        losses, gradient = x.new_empty(self.population), torch.empty_like(x)
        with self._default_device():
            for index, stream in enumerate(self._streams):
                self._point.copy_(x[index])
                self._slope.zero_()
                loss = scalar(self.loss(self._parameters, stream.batch), self)
                loss.backward()  # type: ignore[no-untyped-call]
                losses[index] = loss.detach()
                gradient[index] = self._slope
        return losses, gradient

    @override
    @torch.no_grad()
    def hessian(self, x: Tensor) -> Tensor:
        found = []
        with self._default_device():
            for row, stream in zip(x, self._streams, strict=True):
                self._point.copy_(row)
                found.append(self._hessian(self._parameters, stream.batch))
        return torch.stack(found)

    def _hessian(self, parameters: Mapping[str, Tensor], batch: Any) -> Tensor:
        """Return the Hessian (n, n) of the loss of one individual; by default found by differentiating it twice."""
        shapes = [tuple(tensor.shape) for tensor in parameters.values()]

        def loss(flat: Tensor) -> Tensor:
            return self.loss(dict(zip(parameters, views(flat, shapes), strict=True)), batch)

        flat = torch.cat([tensor.detach().flatten() for tensor in parameters.values()])
        with torch.enable_grad():
            hessian: Tensor = jacrev(grad(loss), chunk_size=_CHUNK)(flat)
        return hessian

    @override
    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        return self._evaluate(x, "metrics") if self.metric_interval is not None else {}

    @override
    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        return self._evaluate(x, "milestone_metrics")

    @torch.no_grad()
    def _evaluate(self, x: Tensor, method: str) -> Mapping[str, Tensor]:
        found = []
        with self._default_device():
            for row in x:
                self._point.copy_(row)
                found.append(measured(getattr(self, method)(self._parameters), self))
        return {name: torch.cat([metrics[name] for metrics in found]) for name in found[0]}

    def _draw_parameters(self, generator: Generator) -> dict[str, Tensor]:
        with self._default_device():
            drawn = self.draw_parameters(self.options, generator)
        return {name: tensor.detach().to(self.device, self.dtype) for name, tensor in drawn.items()}
