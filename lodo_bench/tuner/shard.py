"""The unit of work of a search: individuals that one worker trains together."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.spec.training import MetaTrainingState, TrainingSpec


@dataclass(frozen=True, slots=True)
class Shard:
    """Some individuals of one generation that are trained together.

    How a generation is divided into shards changes no result: individuals are independent of each other.

    Attributes:
        study: the study's number.
        generation: the generation's index.
        training: the individuals, and how they are trained.
        state: the state that an epoch of meta-training starts from; None for the first, and for other searches.
    """

    study: int
    generation: int
    training: TrainingSpec
    state: MetaTrainingState | None = None

    @property
    def indices(self) -> tuple[int, ...]:
        """The index of each individual within its generation, which is the last part of its key."""
        return tuple(individual.key[-1] for individual in self.training.individuals)
