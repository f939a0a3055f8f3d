"""One individual of an adapted optimizer: instances of torch optimizers on its tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import Parameter
from torch.optim import Optimizer as TorchOptimizer
from typing_extensions import override

from lodo_bench.optimizers.adapted.hutchinson import hessian_diagonal, is_due, takes_hessian
from lodo_bench.optimizers.adapted.randomness import GlobalGenerators
from lodo_bench.optimizers.adapted.state import pack, unpack
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.state import Checkpointable, StateDict

# Evaluates the individual at its parameters as they are now: loss () and gradient (n,).
Evaluate = Callable[[], tuple[Tensor, Tensor]]
# Constructs the optimizers of an individual on its parameters.
Build = Callable[[Sequence[Parameter]], Sequence[TorchOptimizer]]


class Member(Checkpointable):
    """An individual's tensors as parameters, which share the memory of its vector, and the optimizers on them.

    Args:
        x: (n,), a row of the population.
        tensors: the tensors that it consists of; each parameter has its own as the attribute `spec`.
        generator: for the optimizers' randomness.
        build: constructs the optimizers.
    """

    def __init__(self, x: Tensor, tensors: Sequence[TensorSpec], generator: Generator, build: Build) -> None:
        self._x = x
        self._sizes, self._shapes = [tensor.size for tensor in tensors], [tensor.shape for tensor in tensors]
        self.parameters = [Parameter(view) for view in self._split(x)]
        for parameter, tensor in zip(self.parameters, tensors, strict=True):
            parameter.spec = tensor  # type: ignore[attr-defined]
        self._generators = GlobalGenerators(generator)
        with self._generators:
            self._optimizers = build(self.parameters)
        self._shapes = [tuple(parameter.shape) for parameter in self.parameters]  # they may have been flattened
        self._views = self._split(x)
        self._addresses = [view.data_ptr() for view in self._views]
        for optimizer in self._optimizers:
            if hasattr(optimizer, "train"):
                optimizer.train()
        self._rates = [[group.get("lr") for group in optimizer.param_groups] for optimizer in self._optimizers]

    def step(self, loss: Tensor, gradient: Tensor, evaluate: Evaluate) -> None:
        """Take one step.

        Args:
            loss: (), at the parameters.
            gradient: (n,), at the parameters; it is copied, as optimizers may change or keep it.
            evaluate: answers what optimizers ask for beyond that.
        """
        self._set_gradient(gradient)
        known = True

        def closure() -> Tensor:
            nonlocal known
            if known:  # the first question is about the point whose gradient was given
                known = False
                return loss
            self._gather()
            found, new = evaluate()
            self._set_gradient(new)
            return found

        with self._generators:
            for optimizer in self._optimizers:
                known = True
                step: Callable[..., object] = optimizer.step
                if takes_hessian(type(optimizer)):
                    step(hessian=self._hessian(optimizer, gradient, evaluate))
                else:
                    step(closure)
        self._gather()

    def evaluation_point(self) -> Tensor:
        """Return the parameters that the optimizers propose for evaluation, (n,), a new tensor."""
        before = self._x.clone()
        for optimizer in self._optimizers:
            if hasattr(optimizer, "eval") and hasattr(optimizer, "train"):
                optimizer.eval()
        found = self._x.clone()
        for optimizer in self._optimizers:
            if hasattr(optimizer, "eval") and hasattr(optimizer, "train"):
                optimizer.train()
        self._x.copy_(before)  # there and back is not exact
        for parameter, part in zip(self.parameters, self._split(found), strict=True):
            for optimizer in self._optimizers:
                average = optimizer.state.get(parameter, {}).get("ax")  # of torch.optim.ASGD
                if isinstance(average, Tensor):
                    part.copy_(average)
        return found

    @property
    def learning_rate(self) -> float:
        """The learning rate that the first optimizer was constructed with."""
        return float(self._rates[0][0] or 0.0)

    def scale_learning_rate(self, factor: float) -> None:
        """Set the learning rates to `factor` times those that the optimizers were constructed with."""
        for optimizer, rates in zip(self._optimizers, self._rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                if rate is not None:
                    group["lr"] = rate * factor

    @override
    def state_dict(self) -> StateDict:
        return {"optimizers": [pack(each) for each in self._optimizers], "generators": self._generators.state_dict()}

    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        for optimizer, packed in zip(self._optimizers, state["optimizers"], strict=True):
            unpack(optimizer, packed, device)
        self._generators.load_state_dict(state["generators"], device)

    def _hessian(self, optimizer: TorchOptimizer, gradient: Tensor, evaluate: Evaluate) -> list[Tensor] | None:
        """Return an estimate of the diagonal if the optimizer uses a new one in this step."""
        if not is_due(optimizer):
            return None
        before = self._x.clone()

        def gradient_at(displacement: Sequence[Tensor]) -> Sequence[Tensor]:
            for view, change in zip(self._views, displacement, strict=True):
                view.add_(change)
            _, after = evaluate()
            self._x.copy_(before)
            return self._split(after)

        distribution = getattr(optimizer, "distribution", "gaussian")
        return hessian_diagonal(self.parameters, self._split(gradient), gradient_at, distribution)

    def _split(self, flat: Tensor) -> list[Tensor]:
        parts = torch.split(flat, self._sizes)
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _set_gradient(self, gradient: Tensor) -> None:
        for parameter, part in zip(self.parameters, self._split(gradient.clone()), strict=True):
            parameter.grad = part

    def _gather(self) -> None:
        """Take back parameters that an optimizer has put elsewhere instead of changing them in place."""
        for parameter, view, address in zip(self.parameters, self._views, self._addresses, strict=True):
            if parameter.data_ptr() != address:
                view.copy_(parameter.detach())
                parameter.data = view
