"""How the result of an experiment is shown: tables and pictures, by the names that an experiment's file gives them.

To add one: write a function from what was done to pieces of a document, and add its row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from lodo_bench.experiments.run import Done
    from lodo_bench.experiments.section import Piece
    from lodo_bench.experiments.spec import Experiment

Need = Literal["nothing", "data", "tuning", "runs"]


@dataclass(frozen=True, slots=True)
class Show:
    """A way to show a result: `module:function` of this package, and what must have been computed before."""

    path: str
    needs: Need

    def __call__(self, done: Done) -> list[Piece]:
        """Make the pieces."""
        module, _, name = self.path.partition(":")
        function = getattr(import_module(f"{__package__}.{module}"), name)
        return cast("Callable[[Done], list[Piece]]", function)(done)


SHOWS: Mapping[str, Show] = {
    "comparison": Show("comparison:comparison", "runs"),
    "curves": Show("courses:curves", "runs"),
    "hessian-error": Show("courses:hessian_error", "runs"),
    "trajectories": Show("courses:trajectories", "runs"),
    "search": Show("searches:search", "tuning"),
    "hyperparameters": Show("searches:hyperparameters", "tuning"),
    "schedules": Show("searches:schedules", "nothing"),
    "sweep": Show("sweeps:sweep", "runs"),
    "noise": Show("sweeps:noise", "runs"),
    "frozen": Show("frozen:frozen", "tuning"),
    "inputs": Show("images:inputs", "data"),
    "samples": Show("images:samples", "runs"),
}


def pieces_of(done: Done) -> list[Piece]:
    """All that the experiment's file asks to be shown, in order. Some of it takes computing."""
    return [piece for name in done.experiment.show for piece in SHOWS[name](done)]


def needs(experiment: Experiment) -> Need:
    """The most that any way in which the experiment is shown needs."""
    order: tuple[Need, ...] = ("nothing", "data", "tuning", "runs")
    return max((SHOWS[name].needs for name in experiment.show), key=order.index)
