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

    from lodo_bench.experiments.run import ExperimentResult
    from lodo_bench.experiments.section import Section
    from lodo_bench.experiments.spec import Experiment

Need = Literal["nothing", "data", "tuning", "runs"]


@dataclass(frozen=True, slots=True)
class Output:
    """A way to show a result: `module:function` of this package, and what must have been computed before."""

    path: str
    needs: Need

    def __call__(self, done: ExperimentResult) -> list[Section]:
        """Make the pieces."""
        module, _, name = self.path.partition(":")
        function = getattr(import_module(f"{__package__}.{module}"), name)
        return cast("Callable[[ExperimentResult], list[Section]]", function)(done)


OUTPUTS: Mapping[str, Output] = {
    "comparison": Output("comparison:comparison", "runs"),
    "curves": Output("curves:curves", "runs"),
    "hessian-error": Output("curves:hessian_error", "runs"),
    "trajectories": Output("curves:trajectories", "runs"),
    "search": Output("searches:search", "tuning"),
    "hyperparameters": Output("searches:hyperparameters", "tuning"),
    "schedules": Output("searches:schedules", "nothing"),
    "sweep": Output("sweeps:sweep", "runs"),
    "noise": Output("sweeps:noise", "runs"),
    "frozen": Output("frozen:frozen", "tuning"),
    "inputs": Output("images:inputs", "data"),
    "samples": Output("images:samples", "runs"),
}


def render_sections(done: ExperimentResult) -> list[Section]:
    """All that the experiment's file asks to be shown, in order. Some of it takes computing."""
    return [piece for name in done.experiment.output for piece in OUTPUTS[name](done)]


def needs(experiment: Experiment) -> Need:
    """The most that any way in which the experiment is shown needs."""
    order: tuple[Need, ...] = ("nothing", "data", "tuning", "runs")
    return max((OUTPUTS[name].needs for name in experiment.output), key=order.index)
