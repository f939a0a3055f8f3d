"""What every optimizer is: a rule that moves a population of flat vectors, given their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep, of_one_class
from lodo_bench.compute.selection import current_backend
from lodo_bench.spec.options import HyperparameterSpec, Option, Value
from lodo_bench.spec.training import Capability, SearchKind
from lodo_bench.state import Checkpointable


class Oracle(Protocol):
    """What an optimizer may ask about the current batch, beyond the gradient that it is handed."""

    def gradient(self, x: Tensor) -> Tensor:
        """The gradient (P, n) at another point `x` (P, n) on the same batch. Counted as one more evaluation."""
        ...

    def hessian(self, x: Tensor) -> Tensor:
        """The Hessians (P, n, n) at `x` (P, n) on this batch; only of tasks that offer `hessian`."""
        ...

    @property
    def layers(self) -> Sequence[slice]:
        """The slices of the flat vector that are layers of a network; one for everything if there are none."""
        ...

    @property
    def progress(self) -> float:
        """The fraction of the planned steps that have been taken, from 0 to 1."""
        ...


class Optimizer(ABC, Checkpointable):
    """An optimizer over a population of P flat vectors of length n, all advancing in lockstep.

    A subclass is final: it lists its hyperparameters, keeps its state as tensors with a leading P, names them in
    `state_names` (`x` is not among them), and implements `step`. Individuals never influence each other.

    Args:
        x: (P, n), the parameters; `step` updates them in place.
        hyperparameters: full name -> (P,), one value for each individual, already checked.
        generators: one for each individual, for the optimizer's own randomness.
        options: checked structural options by full name; those missing take their defaults.

    Attributes:
        hyperparameters: what is tuned.
        options_table: the structural options it takes.
        search: the kind of search that tunes it.
        needs: what a task must offer beyond gradients.
        max_dimension: the largest n it can work with; None for any.
        complexity: time for one step, e.g. `O(n)`.
        reference: where it is from.
        is_compiled: whether there is `compiled_steps`, on this device and with the kernel that was asked for.
    """

    hyperparameters: ClassVar[tuple[HyperparameterSpec, ...]]
    options_table: ClassVar[tuple[Option, ...]] = ()
    search: ClassVar[SearchKind] = "genetic"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    max_dimension: ClassVar[int | None] = None
    complexity: ClassVar[str]
    reference: ClassVar[str]

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        self.x = x
        self._hyperparameters = hyperparameters
        own = of_one_class(type(self), "step", "compiled_steps")
        self.is_compiled = own and current_backend(x.device, x.dtype) == "numba"
        self.options: dict[str, Any] = {p.name: options.get(p.name, p.default) for p in self.options_table}

    @classmethod
    def is_tunable(cls) -> bool:
        """Return whether a search has anything to find: hyperparameters, or weights by meta-training."""
        return bool(cls.hyperparameters) or cls.search == "meta-training"

    def hyperparameter(self, name: str) -> Tensor:
        """A hyperparameter as (P, 1), to multiply (P, n) with."""
        return self._hyperparameters[name].unsqueeze(1)

    @abstractmethod
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place.

        Args:
            gradient: (P, n), at `x`, on a fresh batch. Not modified.
            oracle: more about the same batch, for those that need it.
        """

    def compiled_steps(self, count: int) -> CompiledStep:
        """Leave it to compiled code to take the next `count` steps, as if `step` had been called as often.

        What is returned is to be run at once, for `count` steps, and once.
        """
        raise NotImplementedError

    def precondition(self, vector: Tensor) -> Tensor | None:
        """The matrix that this optimizer multiplies gradients with, times each vector (P, n); None if it has none."""
        return None


class MetaTrained(Optimizer):
    """An optimizer whose rule is itself learned beforehand, on other problems, and then used as it is.

    Attributes:
        weights: (P, W), what is learned; use `use` to change it.
    """

    search = "meta-training"
    weights: Tensor

    @abstractmethod
    def load_weights(self, learned: bytes) -> None:
        """Take over learned weights for all individuals: W little-endian float64 numbers."""

    @abstractmethod
    def set_weights(self, weights: Tensor) -> None:
        """Work with `weights`, (P, W), which may require gradients."""

    @abstractmethod
    def compute_update(self, gradient: Tensor) -> Tensor:
        """What `step` would add to `x`, (P, n), as a differentiable function of the weights; advances the state."""

    @abstractmethod
    def detach_state(self) -> None:
        """Cut the state off from how it came about, so that differentiation goes back no further."""
