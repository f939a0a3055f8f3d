"""Standard streams that are closed, full, without a reader, or in an encoding that lacks characters."""

import itertools
import json
import os
import random
import subprocess

import pytest

from tests.cli.runner import PATIENCE, Place, command

CLOSED = "standard streams that are closed"
FULL = "standard streams on a full disk"
GONE = "a reader of standard output that has gone"
ENCODED = "output in an encoding that lacks characters"
KEPT = "no traceback, results are stored, files and JSON hold what they should"
RUN = ("run", "momentum", "--task", "rosenbrock", "--steps", 20, "--untimed", "--json")
LIST = ("list", "run-sets", "--json")
ENCODINGS = ("cp1252", "latin-1", "ascii", "cp437", "utf-16", "utf-32", "shift_jis")
# Whatever is not UTF-8, in the environment that old containers have.
OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": 0, "PYTHONCOERCECLOCALE": 0}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A place whose database has a run set, with a note that few encodings can write."""
    place = Place(tmp_path_factory.mktemp("filled"))
    assert place.run_here(*RUN).code == 0
    assert place.run_here("note", "run-set", 1, "Soljačić ± 数 → 𝛽").code == 0
    return place


def shell(place, line, *arguments, **environment):
    """The program in a shell that redirects its streams: `line` has "$@" in the place of the command."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}", "bash", *command(*arguments)],
        cwd=place.work,
        env=place.environment(**environment),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def closings(cases):
    """All ways to close standard streams; the first ones if there are few cases."""
    every = [which for count in (3, 2, 1) for which in itertools.combinations(("<&-", ">&-", "2>&-"), count)]
    return every if cases > 100 else every[:1] + every[-1:]


def test_closed_streams(place, cases, injected):
    for which in closings(cases):
        injected(CLOSED, KEPT)
        done = shell(place, f'"$@" {" ".join(which)}', *RUN, "--fresh")
        assert done.returncode == 0, which
        assert b"Traceback" not in done.stderr
        assert b"NoneType" not in done.stderr
        if ">&-" not in which:
            assert json.loads(done.stdout)["schema"] == 1  # messages would have made it something else
        else:
            assert done.stdout == b""
        assert place.query("SELECT COUNT(*) FROM runs") == [(1,)]
        health = place.query("PRAGMA integrity_check")
        assert health == [("ok",)]
        place.database.unlink()


def test_messages_of_workers_go_nowhere_else(place, injected):
    injected(CLOSED, KEPT)
    schedule = place.schedule(5, 5, population=4)
    arguments = ("tune", "momentum", "--task", "rosenbrock", "--schedule", schedule, "--workers", 2, "--json")
    done = shell(place, '"$@" <&- 2>&-', *arguments)
    assert done.returncode == 0
    assert json.loads(done.stdout)["studies"]
    assert place.query("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_behind_standard_output(place, injected):
    injected(FULL, KEPT)
    done = shell(place, '"$@" > /dev/full', *RUN)
    assert done.returncode == 2
    assert b"cannot write to standard output: No space left on device." in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert place.query("SELECT COUNT(*) FROM runs") == [(1,)]


def test_a_full_disk_behind_standard_error(place, injected):
    injected(FULL, KEPT)
    done = shell(place, '"$@" 2> /dev/full', *RUN)
    assert done.returncode == 0
    assert json.loads(done.stdout)["runs"]
    assert shell(place, '"$@" > /dev/full 2> /dev/full', *LIST).returncode == 2


@pytest.mark.parametrize("arguments", [LIST, ("list", "optimizers"), ("--help",)], ids=str)
def test_a_reader_that_has_gone(filled, arguments, injected):
    injected(GONE, "the command ends, without a message")
    done = shell(filled, '"$@" | true', *arguments)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(filled, encoding, cases, injected):
    if cases <= 100 and encoding not in ("cp1252", "utf-16"):
        pytest.skip("one of the many that 'make faults' tries")
    commands = [
        ("list", "run-sets", "--wide"),
        ("show", "run-set", 1),
        ("show", "run-set", 1, "--json"),
        ("report", "--task", "rosenbrock"),
        ("report", "--task", "rosenbrock", "--format", "latex"),
        ("list", "optimizers"),
        ("list", "tasks"),
        ("run", "no-such-optimizer-±数"),
        ("run", "--help"),
        ("config", "show"),
        ("doctor",),
    ]
    generator = random.Random(encoding)
    chosen = commands if cases > 100 else generator.sample(commands[:-1], 1)
    for arguments in chosen:
        injected(ENCODED, KEPT)
        for surroundings in ({}, OLD_LOCALE) if cases > 100 else (OLD_LOCALE,):
            environment = {**surroundings, "PYTHONIOENCODING": encoding}
            done = shell(filled, '"$@"', *arguments, **environment)
            assert b"Traceback" not in done.stderr, arguments
            assert done.returncode in ((2,) if "no-such" in str(arguments) else (0, 3)), arguments
            text = done.stdout.decode(encoding)
            # Bytes of arguments that are no text in the locale are written as they are.
            done.stderr.decode(encoding, "surrogateescape" if surroundings else "strict")
            if "--json" in arguments:
                assert json.loads(text)["run_set"]


def test_files_are_utf_8_whatever_the_streams_are(filled, injected):
    injected(ENCODED, KEPT)
    output = filled.work / "report.html"
    environment = {**OLD_LOCALE, "PYTHONIOENCODING": "ascii"}
    done = shell(filled, '"$@"', "report", "--task", "rosenbrock", "--output", output, **environment)
    assert done.returncode == 0, done.stderr
    assert not output.read_bytes().decode("utf-8").isascii()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_bytes_of_names_do_not_shift_wide_characters(filled, injected):
    injected(ENCODED, KEPT)
    name = os.fsdecode(b"caf\xe9.db")
    done = shell(filled, '"$@"', "list", "run-sets", "--db", name, PYTHONIOENCODING="utf-16")
    assert done.returncode == 2
    assert "caf?.db" in done.stderr.decode("utf-16")
