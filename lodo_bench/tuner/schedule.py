"""Search schedules from YAML: Table 5, quicker ones, or the user's own."""

from __future__ import annotations

from importlib import resources
from typing import cast, get_args

from lodo_bench.errors import ScheduleError
from lodo_bench.files.yaml import YamlNode, parse, read
from lodo_bench.spec.study import DecayTransform, GenerationPlan, Schedule
from lodo_bench.training.meta import EPOCHS, RUN_STEPS, RUNS

BUILT_IN = ("paper", "quick", "smoke")
_REQUIRED = ("population", "generations")
_KEYS = (*_REQUIRED, "decay_transform", "meta_epochs")


def load_schedule(name: str, task: str, *, meta_trained: bool = False) -> Schedule:
    """The built-in schedule `name` for `task`, or the one in the YAML file at the path `name`.

    For an optimizer that is `meta_trained`, it is that of its epochs.

    A file looks like this; the last two may be left out::

        population: 32
        generations:
          - {sigma: 3, steps: 1000}
          - {sigma: 0.6, steps: 8000}
        decay_transform: logit       # or log-complement, the paper authors' choice
        meta_epochs: 50              # epochs of an optimizer that is meta-trained instead

    Raises:
        ScheduleError: naming the file, the line, the key and the rule that it breaks.
    """
    if name in BUILT_IN:
        file = resources.files(__package__).joinpath("schedules", name, f"{task}.yaml")
        if not file.is_file():
            raise ScheduleError(f"schedule '{name}' says nothing about task '{task}'. Give the path of a YAML file.")
        return parse_schedule(file.read_text("utf-8"), name, meta_trained=meta_trained)
    try:
        return parse_schedule(read(name, "schedule", ScheduleError), name, meta_trained=meta_trained)
    except FileNotFoundError:
        known = ", ".join(BUILT_IN)
        raise ScheduleError(f"schedule '{name}' is no file and no built-in schedule. Built in: {known}.") from None


def parse_schedule(text: str, name: str, *, meta_trained: bool = False) -> Schedule:
    """Read a schedule from YAML text; `name` is what messages call it. Raises as `load_schedule` does."""
    return schedule_of(parse(text, name, "schedule", ScheduleError), name, meta_trained=meta_trained)


def schedule_of(entry: YamlNode, name: str, *, meta_trained: bool = False) -> Schedule:
    """The schedule that an entry of a file is; raises what the file's mistakes are raised as."""
    keys = entry.mapping(_KEYS, required=_REQUIRED)
    plans = keys["generations"].entries("a list of at least one {sigma: ..., steps: ...}")
    search = Schedule(
        name=name,
        population=keys["population"].whole(at_least=2),
        generations=tuple(_plan(plan) for plan in plans),
        decay_transform=_decay_transform(keys.get("decay_transform")),
    )
    epochs = keys["meta_epochs"].whole(at_least=1) if "meta_epochs" in keys else EPOCHS
    return Schedule(name, 1, (GenerationPlan(0.0, RUNS * RUN_STEPS),) * epochs) if meta_trained else search


def _plan(plan: YamlNode) -> GenerationPlan:
    keys = plan.mapping(("sigma", "steps"), required=("sigma", "steps"))
    return GenerationPlan(keys["sigma"].positive(), keys["steps"].whole(at_least=1))


def _decay_transform(entry: YamlNode | None) -> DecayTransform:
    return "logit" if entry is None else cast(DecayTransform, entry.choice(get_args(DecayTransform)))
