"""Starts a command, ends it at a moment that nobody chose, and looks at what is left."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.cli.runner import Place, finish

# What the results consist of, without times, machines and the commands that were typed.
CONTENTS = {
    "studies": "SELECT id, identity, spec, hyperparameters FROM studies ORDER BY id",
    "generations": 'SELECT study_id, "index" FROM generations ORDER BY 1, 2',
    "individuals": """
        SELECT study_id, generations."index", individuals."index", hyperparameters, fitness, fitness_kind, status,
        reason, individuals.steps
        FROM individuals JOIN generations ON generation_id = generations.id ORDER BY 1, 2, 3""",
    "run_sets": "SELECT id, identity, spec, study_id FROM run_sets ORDER BY id",
    "runs": "SELECT run_set_id, seed, status, reason, steps, evaluations FROM runs ORDER BY 1, 2",
    "milestones": """
        SELECT run_set_id, seed, key, loss, loss_kind, name, value, value_kind
        FROM milestones JOIN runs ON run_id = runs.id LEFT JOIN scores ON milestone_id = milestones.id
        ORDER BY 1, 2, 3, 6""",
    "curves": "SELECT run_set_id, seed, losses FROM curves JOIN runs ON run_id = runs.id ORDER BY 1, 2",
    "metrics": """
        SELECT run_set_id, seed, name, metric_histories.steps, "values"
        FROM metric_histories JOIN runs ON run_id = runs.id ORDER BY 1, 2, 3""",
    "notes": "SELECT run_set_id, note, tags FROM run_set_annotations ORDER BY 1",
    "deletions": "SELECT kind, number FROM deletions ORDER BY 1, 2",
    "version": "SELECT version FROM lodo_bench_schema",
}
_PNG_END = b"IEND\xaeB`\x82"
_HELD = ("-wal", "-shm")  # what SQLite keeps beside a database that was not closed


def some(cases, *short):
    """The cases of a test, those but `short` only among the long tests."""
    return [case if case in short else pytest.param(case, marks=pytest.mark.long) for case in cases]


@dataclass(frozen=True)
class Ending:
    """A way to end a process: a signal to it alone, or to all processes of its group."""

    number: signal.Signals
    to_group: bool

    def __call__(self, process):
        with suppress(ProcessLookupError):
            (os.killpg if self.to_group else os.kill)(process.pid, self.number)


SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDINGS = [Ending(number, to_group) for number in SIGNALS for to_group in (False, True)]


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        arguments: those of `lodo-bench`.
        prepare: puts into a place what the command needs.
        outputs: what it writes, relative to its working directory; each is whole or not there.
        is_endless: it ends by a signal only, and then well.
        refusal: what the command says when it has been done already, if it refuses that.
        start: starts it in a place.
    """

    arguments: Sequence[object]
    prepare: Callable[[Place], None] = lambda place: None
    outputs: Sequence[str] = ()
    is_endless: bool = False
    refusal: str = ""
    start: Callable[[Place, Sequence[object]], object] = lambda place, arguments: place.start(*arguments)

    def place(self, directory):
        place = Place(directory)
        self.prepare(place)
        return place


def contents(place):
    """What is stored, by table."""
    return {table: place.query(query) for table, query in CONTENTS.items()}


def files(place):
    """All files of a place but those of its home directory, where caches are."""
    found = (path.relative_to(place.directory) for path in place.directory.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] != "home" and not path.name.endswith(_HELD))


def undisturbed(command, directory):
    """The place of a command that was left alone, and how long it took; an endless one is given some seconds."""
    place = command.place(directory)
    started = time.monotonic()
    process = command.start(place, command.arguments)
    if command.is_endless:
        process.stdout.readline()
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
    result = finish(process)
    assert result.code == 0, result
    return place, time.monotonic() - started


def kill(command, place, moment, ending):
    """Start the command, and end it after so many seconds; whether it was still there to be ended."""
    process = command.start(place, command.arguments)
    time.sleep(moment)
    is_ours = handles_signals(process)
    alive = process.poll() is None
    ending(process)
    result = finish(process)
    check_ending(command, result, ending, is_ours)
    check_database(place)
    return alive


def handles_signals(process):
    """Whether Python has come so far as to run this program, which then handles SIGTERM."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return True
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def check_ending(command, result, ending, is_ours):
    if ending.number == signal.SIGKILL:
        assert result.code in (0, -signal.SIGKILL), result
        return
    if not is_ours:
        return  # Python itself was starting, and says what it likes
    done = result.code == 0 or (command.refusal and command.refusal in result.stderr)
    assert result.code == 130 or done, result
    assert "Traceback" not in result.stderr, result
    assert "Exception ignored" not in result.stderr, result
    assert result.code == 0 or "lodo-bench: " in result.stderr, result


def check_database(place):
    if place.database.exists():
        with closing(sqlite3.connect(place.database, timeout=60)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def check_outputs(command, place, whole):
    """No output is there in part; one that does not say when it was made is that of the undisturbed command."""
    for name in command.outputs:
        path = place.work / name
        if not path.exists():
            continue
        content, expected = path.read_bytes(), (whole.work / name).read_bytes()
        if path.suffix == ".png":
            assert content.endswith(_PNG_END), name
        elif path.suffix == ".csv":
            assert content == expected, name
        else:
            assert content.split()[-1] == expected.split()[-1], name


def chain(command, directory, whole, duration, chance, most):
    """Kill a command up to so many times, until it ends by itself, and compare the results; returns how often."""
    place, kills = command.place(directory), 0
    while kills < most:
        ending = chance.choice(ENDINGS)
        if not kill(command, place, chance.uniform(0, duration), ending):
            break
        kills += 1
        check_outputs(command, place, whole)
    complete(command, place)
    assert contents(place) == contents(whole)
    check_outputs(command, place, whole)
    assert files(place) == files(whole)
    return kills


def complete(command, place):
    """Run the command once more, to its end."""
    process = command.start(place, command.arguments)
    if command.is_endless:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
    result = finish(process)
    refused = command.refusal and result.code == 2 and command.refusal in result.stderr
    assert result.code == 0 or refused, result
    assert "Traceback" not in result.stderr, result


def kill_again_and_again(command, name, directory, kills, each=3):
    """Kill a command so often, in several places at a time; returns how often it was."""
    whole, duration = undisturbed(command, directory / "whole")
    done, number = 0, 0
    workers = min(os.cpu_count() or 1, 4, -(-kills // each))
    with ThreadPoolExecutor(workers) as pool:
        while done < kills and number < 20 * kills:
            left = kills - done
            batch = range(number, number + min(workers, -(-left // each)))
            number = batch.stop

            def one(index, left=left):
                chance = Random(f"{name} {index}")
                return chain(command, directory / str(index), whole, duration, chance, min(each, left))

            done += sum(pool.map(one, batch))
    return done
