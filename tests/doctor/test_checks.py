"""Every check by itself: the state, and for all that is not in order a remedy."""

import os
import sqlite3
import warnings
from contextlib import closing
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
import torch

from lodo_bench.backends.numba import trial
from lodo_bench.compute import selection
from lodo_bench.doctor import backends, checks, clusters, machine, plugins, storage, versions
from lodo_bench.doctor.checks import diagnose
from lodo_bench.doctor.data_sets import check_data
from lodo_bench.doctor.finding import Finding
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.database import Database
from lodo_bench.results.schema import SCHEMA_VERSION
from tests import stand_in_data


def found(findings, state):
    """The findings of one state as `text -> remedy`."""
    return {each.text: each.remedy for each in findings if each.state == state}


def only(findings, state):
    ((text, remedy),) = found(findings, state).items()
    return text, remedy


def changed_database(path, statement):
    Database(str(path), create=True).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    return list(storage.check_database(str(path)))


def test_a_problem_needs_a_remedy():
    with pytest.raises(ValueError, match="a problem needs a remedy: no"):
        Finding("no", "problem")


def test_an_unexpected_error_is_a_finding(monkeypatch):
    def broken():
        yield Finding("fine")
        raise ZeroDivisionError("by zero\nin a library")

    monkeypatch.setattr(checks, "check_versions", broken)
    first = next(diagnose("x.db"))
    assert first.topic == "versions"
    assert [each.state for each in first.findings] == ["ok", "problem"]
    assert first.findings[1].text == "this cannot be checked: ZeroDivisionError: by zero"


def test_versions_are_compared_with_the_supported_ones(monkeypatch):
    assert found(versions.check_versions(), "problem") == {}
    real = versions.metadata.version
    monkeypatch.setattr(versions.metadata, "version", lambda name: "2.3" if name == "torch" else real(name))
    text, remedy = only(versions.check_versions(), "problem")
    assert text.startswith("torch 2.3 (supported: >=")
    assert remedy.startswith("pip install -U 'torch>=")


def test_missing_packages_are_told_apart(monkeypatch):
    real = versions.metadata.version

    def version(name):
        if name in ("numba", "pyarrow", "pytorch_optimizer"):
            raise versions.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(versions.metadata, "version", version)
    findings = list(versions.check_versions())
    assert only(findings, "problem")[0].startswith("pyarrow is not installed")
    assert only(findings, "warning")[1] == "pip install -U 'lodo-bench[cpu]'"
    assert any(text.startswith("pytorch_optimizer is not installed; it is optional") for text in found(findings, "ok"))


def test_without_an_installation_the_ranges_are_unknown(monkeypatch):
    def absent(name):
        raise versions.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(versions.metadata, "distribution", absent)
    text, remedy = only(versions.check_versions(), "warning")
    assert "is not installed but runs from a folder" in text
    assert remedy == "pip install -e '.[cpu]'"


@pytest.mark.parametrize(
    ("name", "value", "state", "remedy"),
    [
        ("OMP_NUM_THREADS", "abc", "problem", "unset OMP_NUM_THREADS"),
        ("OMP_NUM_THREADS", "0", "problem", "unset OMP_NUM_THREADS"),
        ("MKL_NUM_THREADS", "", "problem", "unset MKL_NUM_THREADS"),
        ("NUMBA_NUM_THREADS", "1,1", "problem", "unset NUMBA_NUM_THREADS"),
        ("OMP_NUM_THREADS", "10000", "warning", "export OMP_NUM_THREADS="),
        ("OMP_NUM_THREADS", "1,1", "ok", ""),
    ],
)
def test_odd_numbers_of_threads(monkeypatch, name, value, state, remedy):
    for other in machine._THREAD_VARIABLES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    first, *others = machine.check_threads()
    assert (first.state, name in first.text) == (state, True)
    assert first.remedy.startswith(remedy)
    assert [each.state for each in others] == ["ok"]


def test_a_busy_machine_and_a_limit(monkeypatch):
    monkeypatch.setattr(machine, "available_cpus", lambda: 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (3.5, 0.0, 0.0))
    findings = list(machine.check_cpus())
    assert findings[0].text.startswith("1 of 4 CPUs can be used (the others are withheld")
    assert "3.5 processes want to run" in only(findings, "warning")[0]


def test_a_driver_that_is_too_old(monkeypatch):
    def is_available():
        warnings.warn("CUDA initialization: the driver is too old (found 1).\nUpdate it.", UserWarning, stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    text, remedy = only(machine.check_devices(), "problem")
    assert "built for CUDA 13.0, cannot use the GPU: UserWarning: CUDA initialization: the driver is too old" in text
    assert "nvidia-smi" in remedy
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert only(machine.check_devices(), "warning")[1] == "unset CUDA_VISIBLE_DEVICES"


def test_a_gpu_and_a_build_without(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(machine, "_NVIDIA_DRIVER", tmp_path)
    assert "a build for CPUs" in only(machine.check_devices(), "warning")[0]


def test_numba_compiles_and_caches():
    findings = list(backends.check_backends())
    assert found(findings, "problem") == {}
    assert "Numba compiles" in found(findings, "ok")
    assert any(text.startswith("Numba caches machine code in /") for text in found(findings, "ok"))


def test_a_compiler_that_is_off(monkeypatch):
    selection.trial_failure.cache_clear()
    monkeypatch.setattr(trial.config, "DISABLE_JIT", 1)
    text, remedy = only(backends.check_backends(), "warning")
    assert "NUMBA_DISABLE_JIT switches it off" in text
    assert remedy == "Run 'unset NUMBA_DISABLE_JIT', or use 'auto' or 'torch'."
    selection.trial_failure.cache_clear()


@pytest.mark.parametrize(
    ("folder", "text"), [(None, "no folder"), (trial.temporary_cache() / "numba", "neither its own folder")]
)
def test_machine_code_that_has_no_place(monkeypatch, folder, text):
    monkeypatch.setattr(trial, "cache_folder", lambda: folder)
    found_text, remedy = only(backends.check_backends(), "warning")
    assert text in found_text
    assert "NUMBA_CACHE_DIR" in remedy


def test_an_unavailable_backend_tells_why(monkeypatch):
    monkeypatch.setattr("lodo_bench.compute.selection.find_spec", lambda name: None if name == "numba" else name)
    text, remedy = only(backends.check_backends(), "warning")
    assert text == "numba on cpu cannot be used: the package numba is not installed"
    assert remedy.startswith("Install it with pip install -U 'lodo-bench[cpu]'")


def test_a_cluster_that_is_gone(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray_current_cluster").write_text("127.0.0.1:1")
    findings = list(clusters.check_ray(start=False))
    remedies = found(findings, "warning").values()
    assert "unset RAY_ADDRESS" in remedies
    assert f"ray stop --force; rm {tmp_path}/ray_current_cluster" in remedies
    assert found(findings, "problem") == {}


def test_data_sets_that_are_there_missing_or_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "nowhere"))
    assert only(check_data(), "problem")[1] == f"mkdir -p {tmp_path}/nowhere"
    stand_in_data.write_mnist(tmp_path, train=70, test=2)
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path))
    texts = found(check_data(), "ok")
    assert any(text.startswith("mnist (stand-in: ") and "is verified" in text for text in texts)
    assert any(text.startswith("cifar10 is not there") for text in texts)
    damaged = next(path for path in (tmp_path / "mnist").iterdir() if "ubyte" in path.name)
    damaged.write_bytes(b"?")
    text, remedy = only(check_data(), "problem")
    assert "3 of 4 files are verified" in text
    assert remedy == f"Restore the files of the stand-in in {tmp_path}/mnist."
    (tmp_path / "mnist" / "stand-in.json").unlink()
    text, remedy = only(check_data(), "problem")
    assert "0 of 4 files are verified" in text
    assert remedy == "lodo-bench data fetch mnist"
    monkeypatch.setenv("LODO_BENCH_DATA", str(damaged))
    assert "is a file" in only(check_data(), "problem")[0]


def test_a_database_in_order_is_left_as_it_is(tmp_path):
    path = tmp_path / "results.db"
    Database(str(path), create=True).close()
    before = path.read_bytes()
    findings = list(storage.check_database(str(path)))
    assert {each.state for each in findings} == {"ok"}
    assert f"can be read: schema version {SCHEMA_VERSION}" in findings[0].text
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["results.db"]


def test_no_database_yet(tmp_path):
    text = next(iter(storage.check_database(str(tmp_path / "new" / "results.db")))).text
    assert "tune and run create it" in text
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert only(storage.check_database(str(tmp_path / "file" / "results.db")), "problem")[1].startswith("export")


@pytest.mark.parametrize(("version", "state"), [(SCHEMA_VERSION + 1, "problem"), (SCHEMA_VERSION - 1, "ok")])
def test_databases_of_other_versions(tmp_path, version, state):
    findings = changed_database(tmp_path / "a.db", f"UPDATE lodo_bench_schema SET version = {version}")
    assert (findings[0].state, f"schema version {version}" in findings[0].text) == (state, True)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT version FROM lodo_bench_schema").fetchone() == (version,)


def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (id)")
    text, remedy = only(storage.check_database(str(path)), "problem")
    assert "of another program" in text
    assert remedy.startswith("export LODO_BENCH_DB=")


def test_a_damaged_database(tmp_path):
    path = tmp_path / "a.db"
    Database(str(path), create=True).close()
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(bytes(content))
    problems = found(storage.check_database(str(path)), "problem")
    assert problems
    assert all(".recover" in remedy for remedy in problems.values())
    path.write_text("this is no database")
    text, remedy = only(storage.check_database(str(path)), "problem")
    assert "file is not a database" in text
    assert ".recover" in remedy


def test_a_folder_and_urls(tmp_path):
    assert "is not a file" in only(storage.check_database(str(tmp_path)), "problem")[0]
    assert "not a database URL" in only(storage.check_database("://"), "problem")[0]
    assert "no driver for the database 'mysql'" in only(storage.check_database("mysql://host/name"), "problem")[0]


def test_a_busy_database_is_no_problem(tmp_path):
    path = tmp_path / "a.db"
    Database(str(path), create=True).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        findings = list(storage.check_database(str(path)))
    assert {each.state for each in findings} == {"ok"}
    assert any("another process is writing" in each.text for each in findings)


@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (1 << 30, "warning"), (1 << 20, "problem")])
def test_a_full_disk(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert storage._space(tmp_path / "a.db").state == state


def test_folders(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(storage.tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remedies = list(found(storage.check_folders(), "warning").values())
    assert remedies[0] == "unset TMPDIR"
    assert remedies[1].startswith("export HOME=/tmp")
    assert remedies[2].startswith("export XDG_CACHE_HOME=")


def test_a_temporary_folder_that_cannot_be_written(monkeypatch):
    def fail():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(storage.tempfile, "TemporaryFile", fail)
    assert only([storage._temporary()], "problem")[1] == "export TMPDIR=/tmp"


def test_plugins_that_do_not_load(monkeypatch):
    entries = {
        "good": EntryPoint("good", "torch.optim:Adam", "lodo_bench.optimizers"),
        "bad": EntryPoint("bad", "no_such_package:Bad", "lodo_bench.optimizers"),
    }
    assert found(plugins.check_plugins(), "problem") == {}
    monkeypatch.setattr(OPTIMIZERS, "entry_points", entries)
    findings = list(plugins.check_plugins())
    assert "optimizer good" in found(findings, "ok")
    text, remedy = only(findings, "problem")
    assert text.startswith("optimizer bad does not load: ")
    assert remedy == "pip install -U bad, or pip uninstall bad"
