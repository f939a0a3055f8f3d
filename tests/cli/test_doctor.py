"""`lodo-bench doctor`: the findings as lines, and no traceback whatever is broken."""

import os
import sys
import tempfile

import pytest

from lodo_bench.doctor import checks
from lodo_bench.doctor.finding import Finding
from tests.cli.runner import Place

TOPICS = ["versions", "devices", "cpus", "threads", "backends", "ray", "data", "database", "folders", "plugins"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("doctor"))


def remedies(result):
    """The remedies by topic."""
    found = {}
    for finding in result.document["findings"]:
        if finding["state"] != "ok":
            found.setdefault(finding["topic"], []).append(finding["remedy"])
    return found


def test_a_machine_in_order(shared, monkeypatch):
    monkeypatch.setattr(checks, "check_cpus", lambda: iter([Finding("2 of 2 CPUs can be used")]))
    monkeypatch.setattr(tempfile, "tempdir", None)  # that of this process is an earlier one
    result = shared.run_here("doctor")
    assert (result.code, result.stderr) == (0, "")
    *lines, last = result.stdout.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == TOPICS
    assert last == "0 problems, 0 warnings."
    assert "  ok       Numba compiles" in lines
    assert not shared.database.parent.exists()


def test_json(shared):
    document = shared.run_here("doctor", "--json").document
    assert set(document) == {"schema", "problems", "warnings", "findings"}
    assert list(dict.fromkeys(finding["topic"] for finding in document["findings"])) == TOPICS
    assert all(set(finding) == {"topic", "text", "state", "remedy"} for finding in document["findings"])


def test_a_problem_is_a_line_with_its_remedy_and_an_exit_code(shared):
    (shared.work / "bad.db").write_text("this is no database")
    result = shared.run_here("doctor", "--db", "bad.db")
    assert result.code == 3
    lines = result.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  problem  'bad.db' cannot be read"))
    assert lines[at + 1].startswith("           remedy: sqlite3 bad.db .recover")
    assert lines[-1].startswith("1 problem, ")


def test_nothing_that_is_broken_ends_in_a_traceback(tmp_path):
    """In a process of its own, as most of this is read when a library is first imported."""
    place = Place(tmp_path)
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "nowhere"
    result = place.run(
        "doctor",
        "--json",
        HOME=nowhere,
        XDG_CACHE_HOME=nowhere,
        NUMBA_CACHE_DIR=nowhere,
        NUMBA_DISABLE_JIT=1,
        TMPDIR=nowhere,
        LODO_BENCH_DATA=nowhere,
        LODO_BENCH_DB=nowhere,
        OMP_NUM_THREADS="many",
        RAY_ADDRESS="127.0.0.1:1",
    )
    assert result.code == 3, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    found = remedies(result)
    assert found["threads"] == ["unset OMP_NUM_THREADS"]
    assert found["backends"] == ["Run 'unset NUMBA_DISABLE_JIT', or use 'auto' or 'torch'."]
    assert "unset RAY_ADDRESS" in found["ray"]
    assert found["data"] == [f"mkdir -p {nowhere}"]
    assert found["database"][0].startswith("export LODO_BENCH_DB=")
    assert len(found["folders"]) == 3


def test_numba_that_cannot_be_configured(tmp_path):
    result = Place(tmp_path).run("doctor", "--json", NUMBA_NUM_THREADS="many", LODO_BENCH_DATA="~nobody-at-all/data")
    assert result.code == 3, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    found = remedies(result)
    assert "unset NUMBA_NUM_THREADS" in found["threads"]
    assert found["data"] == ["unset LODO_BENCH_DATA"]


# Found by Python at its start: none of these can be imported.
BROKEN = """
import sys

NAMES = {"torch", "numpy", "scipy", "numba", "ray", "sqlalchemy", "packaging", "platformdirs"}

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ImportError(f"{name} is broken")

sys.meta_path.insert(0, Broken())
"""


def test_an_installation_in_which_nothing_can_be_imported(tmp_path):
    place = Place(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    result = place.run("doctor", "--json", PYTHONPATH=paths)
    assert result.code == 3, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    findings = result.document["findings"]
    assert list(dict.fromkeys(finding["topic"] for finding in findings)) == TOPICS
    assert {"versions", "devices", "backends", "ray", "database", "folders"} <= set(remedies(result))
    assert any("torch is broken" in finding["text"] for finding in findings if finding["topic"] == "devices")


def test_a_working_directory_that_has_been_removed(tmp_path, monkeypatch):
    place = Place(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    place.work = gone
    script = f"import os, runpy, sys; os.rmdir({str(gone)!r}); sys.argv = ['lodo-bench', 'doctor', '--json']; "
    script += "runpy.run_module('lodo_bench', run_name='__main__')"
    monkeypatch.setattr("tests.cli.runner.command", lambda *_: [sys.executable, "-c", script])
    result = place.run()
    assert result.code == 2
    assert result.stderr == "lodo-bench: the working directory has been removed. Change to another one with cd.\n"


def test_a_ray_cluster_is_started_on_demand(tmp_path):
    result = Place(tmp_path, temporary="/tmp").run("doctor", "--ray", "--json")
    texts = [finding["text"] for finding in result.document["findings"] if finding["topic"] == "ray"]
    assert "a Ray cluster of this machine starts and stops" in texts
