"""Reads experiments from YAML: the paper's tables and figures, or the user's own files of the same form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from itertools import product
from pathlib import Path
from typing import TypeVar, cast

from lodo_bench.errors import ExperimentError, UnknownNameError, UsageError
from lodo_bench.experiments.condition import conditions_of
from lodo_bench.experiments.outputs import OUTPUTS
from lodo_bench.experiments.spec import SCALES, Experiment, ExperimentPart, FinalRuns, Requirement, Scale, SweepSpec
from lodo_bench.files.paths import user_path
from lodo_bench.files.yaml import YamlNode, parse, read
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.numbers import COUNT, FINITE, POINTS, SEARCHES, SECONDS, SEED, STEPS, check
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import SOURCES, Source
from lodo_bench.spec.study import Schedules
from lodo_bench.spec.training import OptimizerSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.validation import check_pair
from lodo_bench.tuner.schedule import load_schedules, schedules_from

# In the order of the paper.
_OF_THE_PAPER = (
    *(f"table{number}" for number in range(1, 9)),
    *(f"figure{number}" for number in (2, 3, 4, 5, 6, 9, 10, 11)),
    "frozen-preconditioner",
    "depth-sweep",
    "block-size-sweep",
)
_STUDIES = ("lodo-defaults",)
BUILT_IN = (*_OF_THE_PAPER, *_STUDIES)
# Figures on the page of a table of the same results.
SHOWN_WITH: Mapping[str, str] = {"figure8": "table7"}
_SUFFIX = ".yaml"
_PART_KEYS = ("task", "options", "optimizers", "recipe", "hyperparameters", "tuning", "searches", "runs", "sweep")
_SCALE_KEYS = ("note", *_PART_KEYS, "parts", "output")
_FILE_KEYS = ("base", "title", *_SCALE_KEYS, "scales")
_FORMER_KEYS = {"show": "output", "to_tuned": "decay_grid"}
_MAX_BASES = 10
Keys = dict[str, YamlNode]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """A row of the list of built-in experiments.

    Attributes:
        name, title: as in `Experiment`.
        availability: `ready`, or what is missing on this machine at the scale `paper`.
    """

    name: str
    title: str
    availability: str


def list_experiments() -> list[ExperimentSummary]:
    """Return the built-in experiments, in the order of the paper."""
    experiments = [load_experiment(name, "paper") for name in BUILT_IN]
    return [ExperimentSummary(each.name, each.title, availability(each)) for each in experiments]


def availability(experiment: Experiment) -> str:
    """Return `ready`, or the missing data sets and the need for a GPU, in a few words."""
    if experiment.requires == Requirement.NOTHING:
        return "ready"
    obstacles = []
    for name in dict.fromkeys(part.task.name for part in experiment.parts):
        kind = TASKS.load(name)
        try:
            kind.check({}, "cpu", kind.default_dtype)
        except UsageError:
            obstacles.append(f"{name} data missing")
        if kind.is_network and experiment.requires > Requirement.DATA:
            obstacles.append("scale paper requires a GPU")
    return "; ".join(obstacles) or "ready"


def load_experiment(name: str, scale: str | None = None) -> Experiment:
    """Load a built-in experiment by name, or a YAML file by path, at one scale.

    docs/reproducing.md documents the format. Keys under `scales` replace those of the whole file; the scale `paper` is
    the file as it is, unless it says otherwise.

    Args:
        name: a name of `BUILT_IN`, one of `SHOWN_WITH`, which stands for the table that it is shown with, or a path.
        scale: one of `SCALES`; None for `laptop` if the file defines it, else `paper`.

    Raises:
        ExperimentError: naming the file, the line, the key and the rule that is broken.
        UnknownNameError: if the experiment does not define this scale.
    """
    name = SHOWN_WITH.get(name, name)
    keys, scales = _keys(name, None, 0)
    chosen = scale or ("laptop" if "laptop" in scales else "paper")
    if chosen not in scales:
        raise UnknownNameError("scale", chosen, scales, of=f"experiment '{name}'")
    keys = {**keys, **scales[chosen]}
    stem = Path(name).stem if name not in BUILT_IN else name
    nodes = keys["output"].entries("a list of outputs")
    outputs = tuple(node.name("output", OUTPUTS) for node in nodes)
    parts = _parts(keys, f"{stem}, scale {chosen}")
    if any(part.sweep is not None and part.sweep.is_grid for part in parts):
        for node, output in zip(nodes, outputs, strict=True):
            if output in ("sweep", "noise"):
                node.fail(f"{node.path}: '{output}' shows one value at a time, not a grid. Use 'sensitivity'.")
    return Experiment(
        name=stem,
        title=keys["title"].text(),
        note=keys["note"].text() if "note" in keys else "",
        scale=cast(Scale, chosen),
        parts=parts,
        outputs=outputs,
        requires=max(OUTPUTS[output].requires for output in outputs),
    )


def _keys(name: str, parent: YamlNode | None, depth: int) -> tuple[Keys, dict[str, Keys]]:
    """Return the keys of a file, completed by those of its base, and the keys of each of its scales."""
    document = parse(
        _text(name, parent), f"{name}{_SUFFIX}" if name in BUILT_IN else name, "experiment", ExperimentError
    )
    keys = _mapping(document, _FILE_KEYS)
    scales = {"paper": {}, **_scales(keys.pop("scales", None))}
    if "base" in keys:
        base = keys.pop("base")
        if depth == _MAX_BASES:
            base.fail("circular 'base': these files are based on each other. Remove one of the 'base' keys.")
        other = SHOWN_WITH.get(base.text(), base.text())
        is_built_in = other in BUILT_IN or name in BUILT_IN
        path = other if is_built_in else str(Path(name).parent / user_path(other, "experiment", ExperimentError))
        inherited, inherited_scales = _keys(path, base, depth + 1)
        keys = {**inherited, **keys}
        scales = {
            scale: {**inherited_scales.get(scale, {}), **scales.get(scale, {})}
            for scale in {**inherited_scales, **scales}
        }
    for key in ("title", "output"):
        if key not in keys:
            document.fail(f"missing key '{key}'. The file needs title and output.")
    return keys, scales


def _text(name: str, parent: YamlNode | None) -> str:
    if name in BUILT_IN:
        folder = "studies" if name in _STUDIES else "paper"
        return resources.files(__package__).joinpath(folder, name + _SUFFIX).read_text("utf-8")
    try:
        return read(name, "experiment", ExperimentError)
    except FileNotFoundError:
        problem = f"no file '{name}', and {UnknownNameError('experiment', name, BUILT_IN)}"
        if parent is not None:
            parent.fail(f"base: {problem}")
        raise ExperimentError(problem) from None


def _mapping(node: YamlNode, known: Sequence[str], required: Sequence[str] = ()) -> Keys:
    """Return the entries of a mapping; a key of a former version is refused with its present name."""
    entries = node.items(f"a mapping with the keys {', '.join(known)}")
    for former, present in _FORMER_KEYS.items():
        if former in entries and present in known:
            entries[former].fail(f"the key '{former}' is now called '{present}'.")
    return node.mapping(known, required)


def _scales(node: YamlNode | None) -> dict[str, Keys]:
    return {} if node is None else {name: _mapping(own, _SCALE_KEYS) for name, own in node.mapping(SCALES).items()}


def _parts(keys: Mapping[str, YamlNode], label: str) -> tuple[ExperimentPart, ...]:
    if "parts" not in keys:
        return (_part(keys, keys["title"], label),)
    common = {key: node for key, node in keys.items() if key in _PART_KEYS}
    return tuple(
        _part({**common, **node.mapping(_PART_KEYS)}, node, label)
        for node in keys["parts"].entries("a list of at least one {task: ..., optimizers: ...}")
    )


def _part(keys: Mapping[str, YamlNode], where: YamlNode, label: str) -> ExperimentPart:
    for key in ("task", "optimizers"):
        if key not in keys:
            where.fail(f"missing key '{key}'.")
    name = _located(keys["task"], lambda: TASKS.check(keys["task"].text()))
    options = _values(keys["options"]) if "options" in keys else {}
    task = _located(keys.get("options", keys["task"]), lambda: task_spec(name, options))
    optimizers = []
    for node in keys["optimizers"].entries("a list of at least one optimizer"):
        optimizers.append(_optimizer(node, keys.get("recipe")))
        _located(node, partial(check_pair, task, optimizers[-1]))
    schedules, seed = _tuning(keys.get("tuning"), task.name, label)
    part = ExperimentPart(
        task=task,
        optimizers=tuple(optimizers),
        source=cast(Source, keys["hyperparameters"].choice(SOURCES)) if "hyperparameters" in keys else "tuned",
        schedules=schedules,
        seed=seed,
        searches=keys["searches"].number(SEARCHES) if "searches" in keys else 1,
        runs=tuple(_runs(node) for node in keys["runs"].entries("a list", 0)) if "runs" in keys else (),
        sweep=_sweep(keys["sweep"]) if "sweep" in keys else None,
    )
    if part.searches > 1:
        _check_searches(keys["searches"], part)
        _located(keys["searches"], lambda: check(part.seed + part.searches - 1, SEED, "the last seed"))
    _located(keys.get("sweep"), lambda: conditions_of(part))
    return part


def _check_searches(node: YamlNode, part: ExperimentPart) -> None:
    if part.source != "tuned":
        node.fail(f"{node.path} requires tuned hyperparameters, not '{part.source}'. Omit one of them.")
    if part.sweep is not None and part.sweep.decay_grid is not None:
        node.fail(f"{node.path} must be 1 with 'decay_grid', whose values come from one search. Omit one of them.")


def _optimizer(node: YamlNode, recipe: YamlNode | None) -> OptimizerSpec:
    """Return an optimizer; entries of its own recipe replace those of `recipe`."""
    if isinstance(node.value, dict):
        keys = node.mapping(("name", "options", "recipe", "space"), required=("name",))
    else:
        keys = {"name": node}
    name = _located(keys["name"], lambda: OPTIMIZERS.check(keys["name"].text()))
    options = _values(keys["options"]) if "options" in keys else {}
    _located(keys.get("options", keys["name"]), lambda: optimizer_spec(name, options))
    space = keys["space"].text() if "space" in keys else None
    _located(keys.get("space"), lambda: optimizer_spec(name, options, space=space))
    nodes = [each for each in (recipe, keys.get("recipe")) if each is not None]
    entries = {entry: value for each in nodes for entry, value in _values(each).items()}
    return _located(nodes[-1] if nodes else keys["name"], lambda: optimizer_spec(name, options, entries, space))


def _tuning(node: YamlNode | None, task: str, label: str) -> tuple[Schedules, int]:
    keys = {} if node is None else node.mapping(("schedule", "seed"))
    seed = keys["seed"].number(SEED) if "seed" in keys else 0
    schedule = keys.get("schedule")
    if schedule is not None and isinstance(schedule.value, dict):
        return schedules_from(schedule, label), seed
    name = "paper" if schedule is None else schedule.text()
    return _located(schedule, lambda: load_schedules(name, task)), seed


def _runs(node: YamlNode) -> FinalRuns:
    keys = node.mapping(("seeds", "steps", "seconds", "timed"), required=("seeds",))
    timed = keys["timed"].boolean() if "timed" in keys else False
    if not {"steps", "seconds"} & set(keys):
        node.fail(f"{node.path} has no stopping condition. Give steps, seconds, or both.")
    if "seconds" in keys and not timed:
        keys["seconds"].fail(f"{keys['seconds'].path} requires timed runs. Add 'timed: true'.")
    return FinalRuns(
        num_seeds=keys["seeds"].number(COUNT),
        steps=keys["steps"].number(STEPS) if "steps" in keys else 1,
        seconds=keys["seconds"].number(SECONDS) if "seconds" in keys else None,
        timed=timed,
    )


def _sweep(node: YamlNode) -> SweepSpec:
    ways = ("values", "settings", "decay_grid", "grid")
    keys = _mapping(node, ("over", *ways))
    given = [key for key in ways if key in keys]
    if len(given) != 1:
        node.fail(f"{node.path} must have exactly one of the keys {', '.join(ways)}.")
    if given == ["grid"]:
        return _grid(node, keys)
    if "over" not in keys:
        node.fail(f"{node.path} has no key 'over'. Name what varies.")
    over = keys["over"].text()
    if given == ["decay_grid"]:
        return SweepSpec(over, decay_grid=keys["decay_grid"].number(POINTS))
    rule = "a list of at least two"
    if given == ["values"]:
        return SweepSpec(over, tuple({over: _value(value)} for value in keys["values"].entries(rule, 2)))
    points = []
    for setting in keys["settings"].entries(rule, 2):
        values = _values(setting)
        if over not in values:
            setting.fail(f"{setting.path} gives no value of '{over}'.")
        points.append(values)
    return SweepSpec(over, tuple(points))


def _grid(node: YamlNode, keys: Mapping[str, YamlNode]) -> SweepSpec:
    if "over" in keys:
        keys["over"].fail(f"{keys['over'].path} does not go with a grid, which names what varies. Remove it.")
    axes = keys["grid"].items("a mapping from names to lists of values")
    columns = {str(name): [_value(value) for value in each.entries("a list", 1)] for name, each in axes.items()}
    count = math.prod(map(len, columns.values())) if columns else 0
    if POINTS.read(count) is None:
        node.fail(f"the number of points of {node.path}.grid {POINTS.problem(count)}, not {count:,}.")
    points = tuple(dict(zip(columns, values, strict=True)) for values in product(*columns.values()))
    return SweepSpec(next(iter(columns)), points, is_grid=True)


def _values(node: YamlNode) -> dict[str, Value]:
    return {str(name): _value(value) for name, value in node.items("a mapping from names to values").items()}


def _value(node: YamlNode) -> Value:
    if not isinstance(node.value, str) and FINITE.read(node.value) is None:
        node.expect("a finite number or a string")
    return cast(Value, node.value)


def _located(node: YamlNode | None, action: Callable[[], T]) -> T:
    """Return the result of `action`; add this node's place to the message of a usage error."""
    try:
        return action()
    except UsageError as error:
        if node is None or isinstance(error, ExperimentError):
            raise
        node.fail(f"{node.path}: {error}")
