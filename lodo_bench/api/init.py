"""New experiment files."""

from __future__ import annotations

from collections.abc import Sequence

from lodo_bench.errors import UsageError
from lodo_bench.experiments.template import experiment_text
from lodo_bench.files.atomic import write_new
from lodo_bench.files.paths import user_path

STANDARD_OUTPUT = "-"
DEFAULT_FILE = "experiment.yaml"


def write_experiment(file: str, task: str, optimizers: Sequence[str]) -> str:
    """Write a commented experiment file; return its text.

    Args:
        file: its path; `-` writes nothing.
        task: a task's name, path or file.
        optimizers: names, paths or files of optimizers, at least one.

    Raises:
        UsageError: if the file exists or cannot be written, a name is unknown, or an optimizer cannot work on the task.
    """
    if file == STANDARD_OUTPUT:
        return experiment_text(DEFAULT_FILE, task, optimizers)
    text = experiment_text(file, task, optimizers)
    path = user_path(file, "new file")
    try:
        with write_new(path) as stream:
            stream.write(text.encode())
    except FileExistsError:
        raise UsageError(
            f"'{file}' exists, and files are never overwritten. Give another name, or - to print the experiment."
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write '{file}': {error.strerror}. Give another path, or - to print it.") from None
    return text
