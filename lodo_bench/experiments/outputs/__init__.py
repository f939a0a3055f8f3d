"""Outputs: the tables and figures that an experiment can be rendered to, by the names used in its file.

To add one, write a function from an `ExperimentResult` to a list of sections, and add it to `OUTPUTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from lodo_bench.experiments.result import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.experiments.spec import Requirement


@dataclass(frozen=True, slots=True)
class Output:
    """A table or figure.

    Attributes:
        path: `module:function` of this package; imported only when rendered.
        requires: the work that must precede it.
    """

    path: str
    requires: Requirement

    def render(self, result: ExperimentResult) -> list[Section]:
        """Return its sections of the page."""
        module, _, name = self.path.partition(":")
        function = getattr(import_module(f"{__package__}.{module}"), name)
        return cast("Callable[[ExperimentResult], list[Section]]", function)(result)


OUTPUTS: Mapping[str, Output] = {
    "comparison": Output("comparison:comparison", Requirement.RUNS),
    "curves": Output("curves:curves", Requirement.RUNS),
    "hessian-error": Output("curves:hessian_error", Requirement.RUNS),
    "trajectories": Output("curves:trajectories", Requirement.RUNS),
    "search": Output("searches:search", Requirement.TUNING),
    "hyperparameters": Output("searches:hyperparameters", Requirement.TUNING),
    "schedules": Output("searches:schedules", Requirement.NOTHING),
    "sweep": Output("sweeps:sweep", Requirement.RUNS),
    "noise": Output("sweeps:noise", Requirement.RUNS),
    "sensitivity": Output("sensitivity:sensitivity", Requirement.RUNS),
    "frozen": Output("frozen:frozen", Requirement.TUNING),
    "inputs": Output("images:inputs", Requirement.DATA),
    "samples": Output("images:samples", Requirement.RUNS),
}


def render_sections(result: ExperimentResult) -> list[Section]:
    """Return the sections of all outputs that the experiment names, in order. Some of them compute runs."""
    return [section for name in result.experiment.outputs for section in OUTPUTS[name].render(result)]
