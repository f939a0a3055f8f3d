"""The text of a new experiment file, which explains every key."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from importlib import resources
from string import Template

from lodo_bench.experiments.outputs import OUTPUTS
from lodo_bench.optimizers import optimizer_spec
from lodo_bench.spec.options import format_value
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.training.validation import check_pair

_PLAIN = re.compile(r"[A-Za-z][\w.-]*")
# Timed runs are for speed and take the rest of their time from the clock.
_TIMED_FRACTION = 100


def experiment_text(file: str, task: str, optimizers: Sequence[str]) -> str:
    """Return the text of an experiment that compares optimizers on a task.

    Args:
        file: the path that the commands in the comments name.
        task: a task's name, path or file.
        optimizers: names, paths or files of optimizers, at least one.

    Raises:
        UsageError: if a name is unknown, or an optimizer cannot work on the task.
    """
    problem = task_spec(task, {})
    methods = [optimizer_spec(name, {}) for name in dict.fromkeys(optimizers)]
    for method in methods:
        check_pair(problem, method)
    kind = TASKS.load(problem.name)
    names = [method.name for method in methods]
    options = ", ".join(f"{option.name}: {_scalar(format_value(option.default))}" for option in kind.options_table)
    text = resources.files(__package__).joinpath("template.yaml").read_text("utf-8")
    return Template(text).substitute(
        file=shlex.quote(file),
        title=_scalar(f"{_listed(names)} on {problem.name}"),
        task=_scalar(problem.name),
        options=f"{{{options}}}",
        optimizers="\n".join(f"  - {_scalar(name)}" for name in names),
        steps=kind.step_milestone,
        timed_steps=max(1, kind.step_milestone // _TIMED_FRACTION),
        outputs=", ".join(OUTPUTS),
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _scalar(text: str) -> str:
    """Return a string or the text of a number as YAML writes it: in quotes unless it is a plain word or a number."""
    try:
        float(text)
    except ValueError:
        return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
    return text
