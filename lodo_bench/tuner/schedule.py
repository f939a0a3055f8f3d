"""Search schedules from YAML: Table 5, a quick one for a first look, or the user's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from lodo_bench.errors import ScheduleError, UnknownNameError
from lodo_bench.meta_training import EPOCHS, RUN_STEPS, RUNS
from lodo_bench.records import DecayTransform, GenerationPlan, Schedule

BUILT_IN = ("paper", "quick")
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
        ScheduleError: naming the file, the key and the rule that it breaks.
    """
    if name in BUILT_IN:
        file = resources.files(__package__).joinpath("schedules", name, f"{task}.yaml")
        if not file.is_file():
            raise ScheduleError(f"schedule '{name}' says nothing about task '{task}'. Give the path of a YAML file.")
        return parse_schedule(file.read_text("utf-8"), name, meta_trained=meta_trained)
    try:
        return parse_schedule(Path(name).read_text("utf-8"), name, meta_trained=meta_trained)
    except FileNotFoundError:
        known = ", ".join(BUILT_IN)
        raise ScheduleError(f"schedule '{name}' is no file and no built-in schedule. Built in: {known}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleError(f"schedule '{name}' cannot be read: {error}.") from None


def parse_schedule(text: str, name: str, *, meta_trained: bool = False) -> Schedule:
    """Read a schedule from YAML text; `name` is what messages call it. Raises as `load_schedule` does."""
    try:
        document = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as a date that is in no calendar
        raise ScheduleError(f"schedule {name} is no valid YAML: {' '.join(str(error).split())}") from None
    keys = _mapping(document, name, "the file", _KEYS, required=_REQUIRED)
    plans = keys["generations"]
    if not isinstance(plans, list) or not plans:
        raise ScheduleError(f"{name}: generations must be a list of at least one {{sigma: ..., steps: ...}}.")
    search = Schedule(
        name=name,
        population=_whole(keys["population"], name, "population", at_least=2),
        generations=tuple(_plan(plan, name, f"generations[{i}]") for i, plan in enumerate(plans)),
        decay_transform=_decay_transform(keys.get("decay_transform", "logit"), name),
    )
    epochs = _whole(keys.get("meta_epochs", EPOCHS), name, "meta_epochs", at_least=1)
    return Schedule(name, 1, (GenerationPlan(0.0, RUNS * RUN_STEPS),) * epochs) if meta_trained else search


class _Loader(yaml.SafeLoader):
    """Reads YAML, and complains of a key that is given twice, where YAML itself would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3, without a point, for a text.
_POWER_OF_TEN = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _POWER_OF_TEN, list("+-0123456789"))


def _plan(plan: Any, name: str, where: str) -> GenerationPlan:
    keys = _mapping(plan, name, where, ("sigma", "steps"), required=("sigma", "steps"))
    sigma = keys["sigma"]
    if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 < sigma <= sys.float_info.max:
        raise ScheduleError(f"{name}: {where}.sigma must be a finite number greater than 0, not {sigma!r}.")
    return GenerationPlan(float(sigma), _whole(keys["steps"], name, f"{where}.steps", at_least=1))


def _mapping(value: Any, name: str, where: str, known: tuple[str, ...], required: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ScheduleError(f"{name}: {where} must be a mapping with the keys {', '.join(known)}, not {value!r}.")
    for key in value:
        if key not in known:
            raise ScheduleError(f"{name}: {UnknownNameError('key', str(key), known, of=where)}")
    for key in required:
        if key not in value:
            raise ScheduleError(f"{name}: {where} lacks the key '{key}'. It needs {', '.join(required)}.")
    return value


def _whole(value: Any, name: str, where: str, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ScheduleError(f"{name}: {where} must be a whole number, {at_least} or greater, not {value!r}.")
    return value


def _decay_transform(value: Any, name: str) -> DecayTransform:
    choices = get_args(DecayTransform)
    if value not in choices:
        raise ScheduleError(f"{name}: decay_transform must be {' or '.join(choices)}, not {value!r}.")
    return cast(DecayTransform, value)
