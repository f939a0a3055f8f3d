"""A search on Ray, large enough to be disturbed, and what its processes are."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.cli.runner import Place, wait_until

SEARCH = ("tune", "--task", "quadratic", "-T", "dimension=12", "--optimizer", "lodo", "--optimizer", "adam", "--json")
# The same for all: which individuals there were and what became of them; not when and where.
INDIVIDUALS = """
SELECT study_id, generations."index", individuals."index", hyperparameters, fitness, fitness_kind, status
FROM individuals JOIN generations ON generation_id = generations.id ORDER BY 1, 2, 3
"""
EACH = 16
GENERATIONS = 3
WHOLE = 2 * GENERATIONS * EACH


@contextmanager
def short_places():
    """Makes places; their paths are short, as those of Ray's sockets may not be long."""
    folders = []

    def place():
        folders.append(tempfile.mkdtemp(prefix="lb"))
        return Place(folders[-1])

    yield place
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def search(place, workers, *more):
    """The words of the command; None workers are as many as there is room for."""
    schedule = place.schedule(*[1500] * GENERATIONS, population=EACH)
    engine = ("--engine", "ray") if workers != 0 else ()
    number = () if workers is None else ("--workers", workers)
    return (*SEARCH, "--schedule", schedule, *number, *engine, *more)


def processes_of(place):
    """The processes that have been started for this place, Ray's among them."""
    mark = f"LODO_BENCH_DB={place.database}".encode()
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and is_of(entry, mark)]


def is_of(entry, mark):
    try:
        return mark in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def is_worker(process):
    try:
        return (
            Path(f"/proc/{process}/cmdline").read_bytes().startswith((b"ray::SearchWorker", b"ray::ResourceTrainable"))
        )
    except OSError:
        return False


def workers_of(place):
    return [process for process in processes_of(place) if is_worker(process)]


def begin(place, workers=2, *more, **environment):
    """A search that is under way: some of it is in the database, most of it is not."""
    process = place.start(*search(place, workers, *more), **environment)
    wait_until(lambda: place.count("individuals") >= EACH, process)
    return process


def studies(result):
    return [{**study, "schedule": None, "created": ""} for study in result.document["studies"]]


def assert_equal(place, result, reference):
    expected, individuals = reference
    assert result.code == 0, result.stderr
    assert len(individuals) == WHOLE
    assert studies(result) == studies(expected)
    assert place.query(INDIVIDUALS) == individuals
