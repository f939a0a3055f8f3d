"""The protocol of a search: it is asked for a generation and told how its individuals fared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.spec.study import IndividualRecord
from lodo_bench.spec.training import MetaTrainingState, Tuned


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation, ready to be evaluated.

    Attributes:
        index: 0, 1, ...
        sigma: the standard deviation around the mean, in the unconstrained space; 0 for an epoch of meta-training.
        steps: training steps of each individual.
        mean: the hyperparameters at the mean, by name.
        individuals: the hyperparameters of each individual, by name.
        state: the state that an epoch of meta-training starts from; None for the first, and for other searches.
    """

    index: int
    sigma: float
    steps: int
    mean: dict[str, float]
    individuals: tuple[dict[str, float], ...]
    state: MetaTrainingState | None = None


class Search(Protocol):
    """A search that proceeds generation by generation and does not train anything itself.

    It is a pure function of what it is told: told the same again, it asks for the same again.
    """

    @property
    def finished(self) -> bool:
        """True once every generation has been told."""
        ...

    @property
    def result(self) -> Tuned:
        """The tuned hyperparameters and weights so far; final once the search is finished."""
        ...

    def ask(self) -> Generation:
        """Return the generation to evaluate now; the same one until it has been told."""
        ...

    def tell(self, individuals: Sequence[IndividualRecord]) -> None:
        """Take in all individuals of the current generation, by index, and move on to the next.

        Raises:
            ValueError: if their number is not that of the generation's individuals.
        """
        ...
