"""Whether an experiment can be computed on this machine."""

from __future__ import annotations

from lodo_bench.errors import UsageError
from lodo_bench.experiments.outputs import needs
from lodo_bench.experiments.spec import Experiment
from lodo_bench.tasks import TASKS


def availability(experiment: Experiment) -> str:
    """In a few words: `ready`, which data are missing, and whether a GPU is advisable for all that the paper does."""
    if needs(experiment) == "nothing":
        return "ready"
    advice = []
    for name in dict.fromkeys(part.task.name for part in experiment.parts):
        kind = TASKS.load(name)
        try:
            kind.check({}, "cpu", kind.default_dtype)
        except UsageError:
            advice.append(f"needs the data of {name}: lodo-bench data fetch {name}")
        if kind.is_network and needs(experiment) != "data":
            advice.append(f"{name} needs a GPU at the scale paper")
    return "; ".join(advice) or "ready"
