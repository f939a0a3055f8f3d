"""Search schedules from YAML: Table 5, quicker ones, or the user's own."""

from __future__ import annotations

from importlib import resources
from typing import cast, get_args

from lodo_bench.errors import ScheduleError
from lodo_bench.files.yaml import YamlNode, parse, read
from lodo_bench.spec.numbers import COUNT, POPULATION, POSITIVE, STEPS
from lodo_bench.spec.study import DecayTransform, GenerationPlan, Schedule, Schedules
from lodo_bench.training.meta import EPOCHS, RUN_STEPS, RUNS

BUILT_IN = ("paper", "quick", "smoke")
_REQUIRED = ("population", "generations")
_KEYS = (*_REQUIRED, "decay_transform", "meta_epochs")


def load_schedules(name: str, task: str) -> Schedules:
    """Load the built-in schedule `name` for `task`, or that in the YAML file at the path `name`.

    A file looks like this; the last two keys are optional::

        population: 32
        generations:
          - {sigma: 3, steps: 1000}
          - {sigma: 0.6, steps: 8000}
        decay_transform: logit       # or log-complement, the paper authors' choice
        meta_epochs: 50              # epochs of a meta-training, which the other keys do not concern

    A task without a built-in schedule of its own, such as a user's, has the one for all other tasks.

    Returns:
        The schedule of each kind of search.

    Raises:
        ScheduleError: naming the file, the line, the key and the rule that it breaks.
    """
    if name in BUILT_IN:
        folder = resources.files(__package__).joinpath("schedules", name)
        own = folder.joinpath(f"{task}.yaml")
        file = own if own.is_file() else folder.joinpath("default.yaml")
        return parse_schedules(file.read_text("utf-8"), name)
    try:
        return parse_schedules(read(name, "schedule", ScheduleError), name)
    except FileNotFoundError:
        known = ", ".join(BUILT_IN)
        raise ScheduleError(
            f"schedule '{name}' not found: neither a file nor a built-in schedule. Built in: {known}."
        ) from None


def parse_schedules(text: str, name: str) -> Schedules:
    """Parse schedules from YAML text, as `load_schedules` does; messages call them `name`."""
    return schedules_from(parse(text, name, "schedule", ScheduleError), name)


def schedules_from(node: YamlNode, name: str) -> Schedules:
    """Read schedules from a YAML node, which decides what kind of error its mistakes raise."""
    keys = node.mapping(_KEYS, required=_REQUIRED)
    plans = keys["generations"].entries("a list of at least one {sigma: ..., steps: ...}")
    population = keys["population"].number(POPULATION)
    if population * len(plans) > COUNT.most:
        keys["population"].fail(
            f"{population:,} individuals in each of {len(plans):,} generations are too many: a search keeps a list of "
            f"all of them in memory, of {COUNT.most:,} at most."
        )
    epochs = keys["meta_epochs"].number(COUNT) if "meta_epochs" in keys else EPOCHS
    return {
        "genetic": Schedule(
            name=name,
            population=population,
            generations=tuple(_plan(plan) for plan in plans),
            decay_transform=_decay_transform(keys.get("decay_transform")),
        ),
        "meta-training": Schedule(name, 1, (GenerationPlan(0.0, RUNS * RUN_STEPS),) * epochs),
    }


def _plan(node: YamlNode) -> GenerationPlan:
    keys = node.mapping(("sigma", "steps"), required=("sigma", "steps"))
    return GenerationPlan(keys["sigma"].number(POSITIVE), keys["steps"].number(STEPS))


def _decay_transform(node: YamlNode | None) -> DecayTransform:
    return "logit" if node is None else cast(DecayTransform, node.choice(get_args(DecayTransform)))
