"""What a process says of itself: the machine, the versions, the commit."""

import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch

from lodo_bench import __version__
from lodo_bench.runs import provenance
from lodo_bench.runs.provenance import collect_provenance


@pytest.fixture(autouse=True)
def no_git_settings(monkeypatch, tmp_path):
    """No repository but the one that a file lies in, and no configuration of the user's."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


@pytest.fixture
def git(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    return git


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes the package believe that it lies in `tmp_path`."""
    file = tmp_path / "provenance.py"
    file.write_text("first\n")
    monkeypatch.setattr(provenance, "__file__", str(file))
    return file


def commit(git, file):
    git("add", file.name)
    git("commit", "-m", "something")
    return git("rev-parse", "HEAD")


def test_the_command_is_kept_as_it_is():
    assert collect_provenance("cpu", "lodo-bench run -p 'lr=0.1'", 1).command == "lodo-bench run -p 'lr=0.1'"


def test_the_machine_is_this_one():
    found = collect_provenance("cpu", "", 3)
    assert found.host == platform.node()
    assert (found.machine.device, found.machine.cores, found.machine.threads) == ("cpu", os.cpu_count(), 3)
    assert found.machine.cpu == found.machine.cpu.strip() != ""


def test_the_versions_are_those_that_are_used():
    versions = collect_provenance("cpu", "", 1).versions
    assert list(versions)[:2] == ["python", "lodo-bench"]
    assert versions["python"] == platform.python_version()
    assert versions["lodo-bench"] == __version__
    assert versions["numpy"] == np.__version__
    assert versions["torch"] == version("torch")


def test_a_package_that_is_not_there_has_no_version(monkeypatch):
    def without_ray(package):
        if package == "ray":
            raise PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr(provenance, "version", without_ray)
    versions = collect_provenance("cpu", "", 1).versions
    assert (versions["torch"], versions["numpy"]) == ("1.2.3", "1.2.3")
    assert "ray" not in versions


def test_the_start_is_now_in_utc():
    before = datetime.now(UTC).replace(microsecond=0)
    started = datetime.fromisoformat(collect_provenance("cpu", "", 1).started)
    assert started.utcoffset() == timedelta(0)
    assert before <= started <= datetime.now(UTC)


def test_a_gpu_is_called_by_its_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert collect_provenance("cuda", "", 1).machine.device == "Some GPU"
    assert collect_provenance("cpu", "", 1).machine.device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert collect_provenance("cuda", "", 1).machine.device == "cuda"


def test_outside_a_checkout_there_is_no_commit(module):
    assert collect_provenance("cpu", "", 1).commit == ""


def test_without_git_there_is_no_commit(monkeypatch, git, module):
    commit(git, module)
    monkeypatch.setenv("PATH", "")
    assert collect_provenance("cpu", "", 1).commit == ""


def test_before_the_first_commit_there_is_none(git, module):
    git("add", module.name)
    assert collect_provenance("cpu", "", 1).commit == ""


def test_inside_a_checkout_the_commit_is_its_whole_hash(git, module):
    head = commit(git, module)
    assert len(head) == 40
    assert collect_provenance("cpu", "", 1).commit == head


def test_a_changed_checkout_is_dirty(git, module):
    head = commit(git, module)
    module.write_text("second\n")
    assert collect_provenance("cpu", "", 1).commit == f"{head}-dirty"
    assert commit(git, module) != head
    assert not collect_provenance("cpu", "", 1).commit.endswith("-dirty")


def test_a_tag_does_not_hide_the_hash(git, module):
    head = commit(git, module)
    git("tag", "-a", "v1", "-m", "first")
    assert collect_provenance("cpu", "", 1).commit == head


def test_a_package_inside_somebody_elses_checkout_has_no_commit(git, module, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("mine\n")
    commit(git, mine)
    assert collect_provenance("cpu", "", 1).commit == ""
