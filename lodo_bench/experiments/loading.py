"""Experiments from YAML: the paper's tables and figures, or the user's own files of the same form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TypeVar, cast

from lodo_bench.errors import ExperimentError, UnknownNameError, UsageError
from lodo_bench.experiments.outputs import OUTPUTS
from lodo_bench.experiments.plan import cases
from lodo_bench.experiments.spec import SCALES, SOURCES, Experiment, Part, Runs, Scale, Source, Sweep
from lodo_bench.files.yaml import YamlNode, parse, read
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.options import Value
from lodo_bench.spec.study import Schedules
from lodo_bench.spec.training import OptimizerSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.loop import check_pair
from lodo_bench.tuner.schedule import load_schedules, schedules_from

# In the order of the paper.
BUILT_IN = (
    *(f"table{number}" for number in range(1, 9)),
    *(f"figure{number}" for number in (2, 3, 4, 5, 6, 8, 9, 10, 11)),
    "frozen-preconditioner",
    "depth-sweep",
    "block-size-sweep",
)
_FOLDER = "paper"
_SUFFIX = ".yaml"
_PART = ("task", "options", "optimizers", "hyperparameters", "tuning", "runs", "sweep")
_OF_A_SCALE = ("note", *_PART, "parts", "output")
_KEYS = ("base", "title", *_OF_A_SCALE, "scales")
_DEEPEST_BASE = 10
Keys = dict[str, YamlNode]
T = TypeVar("T")


def load_experiment(name: str, scale: str | None = None) -> Experiment:
    """The built-in experiment of this name, or the one in the YAML file at this path, at one scale.

    The form of a file is told in docs/reproducing.md. What stands under `scales` replaces what stands above it; the
    scale `paper` is the file as it is, unless it says otherwise.

    Args:
        name: a name or a path.
        scale: one of `SCALES`; None for `laptop` where there is such a scale, else `paper`.

    Raises:
        ExperimentError: naming the file, the line, the key and the rule that it breaks.
        UnknownNameError: if the experiment does not have this scale.
    """
    keys, scales = _keys(name, None, 0)
    chosen = scale or ("laptop" if "laptop" in scales else "paper")
    if chosen not in scales:
        raise UnknownNameError("scale", chosen, scales, of=f"experiment '{name}'")
    keys = {**keys, **scales[chosen]}
    stem = Path(name).stem if name not in BUILT_IN else name
    label = f"{stem}, scale {chosen}"
    return Experiment(
        name=stem,
        title=keys["title"].text(),
        note=keys["note"].text() if "note" in keys else "",
        scale=cast(Scale, chosen),
        parts=_parts(keys, label),
        output=tuple(
            entry.name("way to show a result", OUTPUTS) for entry in keys["output"].entries("a list of words")
        ),
    )


def _keys(name: str, asked_by: YamlNode | None, depth: int) -> tuple[Keys, dict[str, Keys]]:
    """The keys of a file and, where it does not say otherwise, of its base; `scales` hold those of each scale."""
    document = parse(_text(name, asked_by), _shown(name), "experiment", ExperimentError)
    keys = document.mapping(_KEYS)
    scales = {"paper": {}, **_scales(keys.pop("scales", None))}
    if "base" in keys:
        base = keys.pop("base")
        if depth == _DEEPEST_BASE:
            base.fail("base: these files are each other's base. Let one of them do without.")
        other = base.text()
        path = other if other in BUILT_IN or name in BUILT_IN else str(Path(name).parent / other)
        inherited, of_scales = _keys(path, base, depth + 1)
        keys = {**inherited, **keys}
        scales = {scale: {**of_scales.get(scale, {}), **scales.get(scale, {})} for scale in {**of_scales, **scales}}
    for key in ("title", "output"):
        if key not in keys:
            document.fail(f"the file lacks the key '{key}'. It needs title and output.")
    return keys, scales


def _text(name: str, asked_by: YamlNode | None) -> str:
    if name in BUILT_IN:
        return resources.files(__package__).joinpath(_FOLDER, name + _SUFFIX).read_text("utf-8")
    try:
        return read(name, "experiment", ExperimentError)
    except FileNotFoundError:
        problem = f"no file is at '{name}', and {UnknownNameError('experiment', name, BUILT_IN)}"
        if asked_by is not None:
            asked_by.fail(f"base: {problem}")
        raise ExperimentError(problem) from None


def _shown(name: str) -> str:
    return f"{name}{_SUFFIX}" if name in BUILT_IN else name


def _scales(entry: YamlNode | None) -> dict[str, Keys]:
    return {} if entry is None else {name: own.mapping(_OF_A_SCALE) for name, own in entry.mapping(SCALES).items()}


def _parts(keys: Mapping[str, YamlNode], label: str) -> tuple[Part, ...]:
    if "parts" not in keys:
        return (_part(keys, keys["title"], label),)
    common = {key: entry for key, entry in keys.items() if key in _PART}
    return tuple(
        _part({**common, **entry.mapping(_PART)}, entry, label)
        for entry in keys["parts"].entries("a list of at least one {task: ..., optimizers: ...}")
    )


def _part(keys: Mapping[str, YamlNode], where: YamlNode, label: str) -> Part:
    for key in ("task", "optimizers"):
        if key not in keys:
            where.fail(f"it is not said which {key} this is of. Give the key '{key}'.")
    name = keys["task"].name("task", TASKS.names)
    options = _values(keys["options"]) if "options" in keys else {}
    task = _complaining(keys.get("options", keys["task"]), lambda: task_spec(name, options))
    optimizers = []
    for entry in keys["optimizers"].entries("a list of at least one optimizer"):
        optimizers.append(_optimizer(entry))
        _complaining(entry, partial(check_pair, task, optimizers[-1]))
    schedules, seed = _tuning(keys.get("tuning"), task.name, label)
    part = Part(
        task=task,
        optimizers=tuple(optimizers),
        source=cast(Source, keys["hyperparameters"].choice(SOURCES)) if "hyperparameters" in keys else "tuned",
        schedules=schedules,
        seed=seed,
        runs=tuple(_runs(entry) for entry in keys["runs"].entries("a list", 0)) if "runs" in keys else (),
        sweep=_sweep(keys["sweep"]) if "sweep" in keys else None,
    )
    _complaining(keys.get("sweep"), lambda: cases(part))
    return part


def _optimizer(entry: YamlNode) -> OptimizerSpec:
    if not isinstance(entry.value, dict):
        return OptimizerSpec(entry.name("optimizer", OPTIMIZERS.names))
    keys = entry.mapping(("name", "options"), required=("name",))
    name = keys["name"].name("optimizer", OPTIMIZERS.names)
    if "options" not in keys:
        return OptimizerSpec(name)
    return _complaining(keys["options"], lambda: optimizer_spec(name, _values(keys["options"])))


def _tuning(entry: YamlNode | None, task: str, label: str) -> tuple[Schedules, int]:
    keys = {} if entry is None else entry.mapping(("schedule", "seed"))
    seed = keys["seed"].whole(at_least=0) if "seed" in keys else 0
    schedule = keys.get("schedule")
    if schedule is not None and isinstance(schedule.value, dict):
        return schedules_from(schedule, label), seed
    name = "paper" if schedule is None else schedule.text()
    return _complaining(schedule, lambda: load_schedules(name, task)), seed


def _runs(entry: YamlNode) -> Runs:
    keys = entry.mapping(("seeds", "steps", "seconds", "timed"), required=("seeds",))
    timed = keys["timed"].boolean() if "timed" in keys else False
    if not {"steps", "seconds"} & set(keys):
        entry.fail(f"{entry.path} ends nowhere: give it steps, seconds, or both.")
    if "seconds" in keys and not timed:
        keys["seconds"].fail(f"{keys['seconds'].path}: runs without a clock do not know seconds. Add 'timed: true'.")
    return Runs(
        num_seeds=keys["seeds"].whole(at_least=1),
        steps=keys["steps"].whole(at_least=1) if "steps" in keys else 1,
        seconds=keys["seconds"].positive() if "seconds" in keys else None,
        timed=timed,
    )


def _sweep(entry: YamlNode) -> Sweep:
    ways = ("values", "settings", "decay_grid")
    keys = entry.mapping(("over", *ways), required=("over",))
    over = keys["over"].text()
    given = [key for key in ways if key in keys]
    if len(given) != 1:
        entry.fail(f"{entry.path} must have one of the keys {', '.join(ways)}.")
    if given == ["decay_grid"]:
        return Sweep(over, decay_grid=keys["decay_grid"].whole(at_least=2))
    rule = "a list of at least two"
    if given == ["values"]:
        return Sweep(over, tuple({over: _value(value)} for value in keys["values"].entries(rule, 2)))
    settings = []
    for setting in keys["settings"].entries(rule, 2):
        values = _values(setting)
        if over not in values:
            setting.fail(f"{setting.path} does not say what '{over}' is.")
        settings.append(values)
    return Sweep(over, tuple(settings))


def _values(entry: YamlNode) -> dict[str, Value]:
    return {str(name): _value(value) for name, value in entry.items("a mapping from names to values").items()}


def _value(entry: YamlNode) -> Value:
    if isinstance(entry.value, bool) or not isinstance(entry.value, int | float | str):
        entry.expect("a number or a word")
    return cast(Value, entry.value)


def _complaining(entry: YamlNode | None, action: Callable[[], T]) -> T:
    """Do it; a mistake of the user's is one of this entry."""
    try:
        return action()
    except UsageError as error:
        if entry is None or isinstance(error, ExperimentError):
            raise
        entry.fail(f"{entry.path}: {error}")
