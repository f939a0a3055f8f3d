"""The interface of an optimizer: a rule that moves a population of flat vectors, given their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from torch import Generator, Tensor, dtype

from lodo_bench.spec.options import HyperparameterSpec, Option, Value
from lodo_bench.spec.tensors import Problem
from lodo_bench.spec.training import Capability, SearchKind
from lodo_bench.state import Checkpointable


class Oracle(Protocol):
    """Access to the current batch beyond the gradient that an optimizer is given."""

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient (P, n) at another point `x` (P, n) on the same batch; counts as one more evaluation."""
        ...

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessians (P, n, n) at `x` (P, n) on this batch; for tasks that offer `hessian` only."""
        ...

    @property
    def loss(self) -> Tensor:
        """The losses (P,) that belong to the gradient given to `step`."""
        ...

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n) at another point `x` (P, n) on the same batch; counted likewise."""
        ...

    @property
    def layers(self) -> Sequence[slice]:
        """The slices of the flat vector that are layers of a network; a single one if there are none."""
        ...

    @property
    def progress(self) -> float:
        """The fraction of the planned steps that have been taken, from 0 to 1."""
        ...


class GradientOnly:
    """An oracle for optimizers that need nothing but the gradient that they are given: it refuses everything else.

    Attributes:
        layers: none.
        progress: 0.
    """

    layers: Sequence[slice] = ()
    progress: float = 0.0

    @property
    def loss(self) -> Tensor:
        """Raise `NotImplementedError`."""
        raise NotImplementedError("no loss is available")

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Raise `NotImplementedError`."""
        raise NotImplementedError("no second gradient is available")

    def gradient(self, x: Tensor) -> Tensor:
        """Raise `NotImplementedError`."""
        raise NotImplementedError("no second gradient is available")

    def hessian(self, x: Tensor) -> Tensor:
        """Raise `NotImplementedError`."""
        raise NotImplementedError("no Hessian is available")


class Optimizer(ABC, Checkpointable):
    """An optimizer over a population of P flat vectors of length n, all advancing in lockstep.

    To write an optimizer, subclass this, declare the class variables below, allocate the state in `init_state` and
    apply the update rule in `step`. Three rules hold:

    - `x` is updated in place, and the gradient is neither modified nor kept.
    - Individuals never influence each other: compute with tensors whose first dimension is P. Each individual has its
      own hyperparameters, `self.hyperparameter(name)` of shape (P, 1).
    - Every attribute that changes from step to step is named in `state_names`, so that an interrupted run can be
      resumed exactly. `x` is not among them.

    Args:
        x: (P, n), the parameters; `step` updates them in place.
        hyperparameters: full name -> (P,), one value for each individual, validated.
        generators: one for each individual, for the optimizer's own randomness.
        options: validated structural options by full name; missing ones take their defaults.
        problem: the tensors that `x` consists of, and the planned steps; a single vector if None.

    Attributes:
        hyperparameters: the hyperparameters, which can be tuned.
        options_table: the structural options, which cannot.
        search: the kind of search that tunes it.
        needs: what a task must offer beyond gradients.
        max_dimension: the largest n it supports; None for any.
        max_population: the largest P it supports; None for any.
        hyperparameter_dtype: of the tensors in `hyperparameters`; None for that of `x`.
        is_random: True unless nothing is drawn from the generators, untrained weights excepted. Final runs of an
            optimizer without randomness, on a task without any, are equal for all seeds, and one stands for all.
        is_scheduled: whether steps depend on how many are planned, as with `Oracle.progress`; the runs of such an
            optimizer are scored at the end of their plan only.
        complexity: the time per step, e.g. `O(n)`.
        reference: the publication.
        state_names: the attributes that make up the state; see `lodo_bench.state.Checkpointable`.
        x: as given.
        options: full name -> value of all structural options.
        problem: as given.
        failures: by its number, what the step of an individual raised while others continued; such an individual has
            failed, whatever its losses are.

    Example::

        class SignMomentum(Optimizer):
            \"\"\"Sign descent with momentum: m <- β m + (1 − β) g, x <- x − lr sign(m).\"\"\"

            hyperparameters = (
                HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
                HyperparameterSpec("momentum", "beta", "decay", 0.9, "decay β of the momentum"),
            )
            complexity = "O(n)"
            reference = "Bernstein et al., ICML 2018"
            state_names = ("_momentum",)

            def init_state(self, generators):
                self._momentum = torch.zeros_like(self.x)

            def step(self, gradient, oracle):
                self._momentum.lerp_(gradient, 1 - self.hyperparameter("momentum"))
                self.x.sub_(self.hyperparameter("learning_rate") * self._momentum.sign())
    """

    hyperparameters: ClassVar[tuple[HyperparameterSpec, ...]]
    options_table: ClassVar[tuple[Option, ...]] = ()
    search: ClassVar[SearchKind] = "genetic"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    max_dimension: ClassVar[int | None] = None
    max_population: ClassVar[int | None] = None
    hyperparameter_dtype: ClassVar[dtype | None] = None
    is_random: ClassVar[bool] = True
    is_scheduled: ClassVar[bool] = False
    complexity: ClassVar[str]
    reference: ClassVar[str]
    failures: Mapping[int, str] = MappingProxyType({})

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
        problem: Problem | None = None,
    ) -> None:
        self.x = x
        self.problem = problem or Problem.flat(x.shape[1])
        self._hyperparameters = hyperparameters
        self.options: dict[str, Any] = {p.name: options.get(p.name, p.default) for p in self.options_table}
        self.init_state(generators)

    @classmethod
    def is_tunable(cls) -> bool:
        """Return whether a search has anything to find: hyperparameters, or weights by meta-training."""
        return bool(cls.hyperparameters) or cls.search == "meta-training"

    @classmethod
    def has_learning_rate(cls) -> bool:
        """Return whether a number scales the steps, which schedules change."""
        return any(parameter.is_learning_rate for parameter in cls.hyperparameters)

    @property
    def given_learning_rate(self) -> Tensor:
        """The learning rate before any schedule, (P, 1); the first one if there are several."""
        return next(iter(self._given_learning_rates.values()))

    def hyperparameter(self, name: str) -> Tensor:
        """Return a hyperparameter as (P, 1), which broadcasts to (P, n)."""
        return self._hyperparameters[name].unsqueeze(1)

    def scale_learning_rate(self, factor: float | Tensor) -> None:
        """Set each learning rate to `factor` times the value that was given, from the next step on.

        Learning rates are the hyperparameters that are marked so. Here the tensors that `hyperparameter` returns are
        changed in place, so `step` must read them at every call.

        Args:
            factor: one number >= 0 for all individuals, or (P, 1).
        """
        for name, given in self._given_learning_rates.items():
            self.hyperparameter(name).copy_(given * factor)

    @cached_property
    def _given_learning_rates(self) -> Mapping[str, Tensor]:
        """The learning rates before the first change, each (P, 1)."""
        names = [p.name for p in self.hyperparameters if p.is_learning_rate]
        return {name: self.hyperparameter(name).clone() for name in names}

    @property
    def evaluation_point(self) -> Tensor:
        """The parameters to evaluate, (P, n): `x`, unless the method averages its iterates."""
        return self.x

    @abstractmethod
    def init_state(self, generators: Sequence[Generator]) -> None:
        """Allocate the state; called once, at the end of the construction, when `x` and `options` are set.

        Args:
            generators: one for each individual, on the device of `x`.
        """

    @abstractmethod
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place.

        Args:
            gradient: (P, n), at `x`, on a fresh batch.
            oracle: access to the same batch, for optimizers that need more than the gradient.
        """


class Preconditioned(Optimizer):
    """An optimizer that multiplies gradients by a matrix, an estimate of the inverse of the Hessian."""

    @abstractmethod
    def precondition(self, vector: Tensor) -> Tensor:
        """Return the matrix times each vector, (P, n) -> (P, n)."""


class MetaTrained(Optimizer):
    """An optimizer whose update rule is a network, trained on other problems before it is used.

    Attributes:
        weights: (P, W), the weights of the network; use `set_weights` to change them.
    """

    search = "meta-training"
    weights: Tensor

    @abstractmethod
    def load_weights(self, weights: bytes) -> None:
        """Use trained weights for all individuals: W little-endian float64 numbers."""

    @abstractmethod
    def set_weights(self, weights: Tensor) -> None:
        """Use `weights`, (P, W), which may require gradients."""

    @abstractmethod
    def compute_update(self, gradient: Tensor) -> Tensor:
        """Return the update of `x`, (P, n), as a differentiable function of the weights, and advance the state."""

    @abstractmethod
    def detach_state(self) -> None:
        """Detach the state from the autograd graph, so that gradients are truncated here."""
