"""Numba that is installed, and cannot be used: PyTorch takes its place, or it compiles without its cache."""

import json
import os
import random

import numpy as np
import pytest
from numba.core.errors import LoweringError

from lodo_bench.backends.numba import jit as numba_jit
from lodo_bench.compute import selection
from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.worker import evaluate
from tests.cli.runner import Place
from tests.helpers import training_spec

BOWL = ("--task", "quadratic", "-T", "n=4")
RUN = ("run", "momentum", *BOWL, "--steps", 20, "--seeds", 2, "--untimed", "--json")
UNUSABLE = "Numba that is installed and cannot be used"
FALLS_BACK = "PyTorch's operations are used, one notice says why, and results say so"
CACHES = "Numba without a writable cache, or with a damaged one"
COMPILES = "Numba compiles anew, with the same results"
EXPERIMENT = """
title: Two optimizers
task: quadratic
options: {{dimension: 4}}
optimizers: [momentum, {name}]
hyperparameters: default
runs:
  - {{seeds: 1, steps: 8}}
output: [comparison]
"""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def shadow(place, package, text):
    """Environment in which another package has the name of an installed one."""
    folder = place.directory / "shadow" / package
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(text)
    return {"PYTHONPATH": f"{folder.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def numpy_is_too_new(place):
    return shadow(place, "numba", 'raise ImportError("Numba needs NumPy 2.4 or less. Got NumPy 9.1.")\n')


def llvm_is_missing(place):
    return shadow(place, "llvmlite", "raise OSError(\"Could not find/load shared object file 'libllvmlite.so'\")\n")


def compiler_is_off(place):
    return {"NUMBA_DISABLE_JIT": 1}


FAULTS = {
    numpy_is_too_new: "Got NumPy 9.1",
    llvm_is_missing: "libllvmlite.so",
    compiler_is_off: "NUMBA_DISABLE_JIT",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_pytorch_takes_the_place_of_numba(place, injected, fault):
    injected(UNUSABLE, FALLS_BACK)
    schedule = place.schedule(5, 5, population=4)
    tuned = place.run("tune", "momentum", *BOWL, "--schedule", schedule, "--workers", 2, **fault(place))
    assert tuned.code == 0
    assert tuned.stderr.count("PyTorch's operations are used") == 1
    assert FAULTS[fault] in tuned.stderr
    assert "Traceback" not in tuned.stderr
    assert backends(place, "studies") == {"torch"}


def test_what_is_asked_for_is_refused(place, injected):
    injected(UNUSABLE, FALLS_BACK, 2)
    environment = compiler_is_off(place)
    refused = place.run(*RUN, "--backend", "numba", **environment)
    assert refused.code == 2
    assert "backend 'numba' cannot be used: NUMBA_DISABLE_JIT switches it off" in refused.stderr
    assert place.run(*RUN, **environment).code == 0
    assert backends(place, "run_sets") == {"torch"}


def backends(place, table):
    """The backends that the database has results of."""
    return {json.loads(text)["compute"]["backend"] for (text,) in place.query(f"SELECT spec FROM {table}")}


@pytest.fixture
def fresh_trial():
    selection.trial_failure.cache_clear()
    yield
    selection.trial_failure.cache_clear()


def test_whatever_the_first_compilation_raises(monkeypatch, fresh_trial, injected):
    for error in (SystemError("internal"), AssertionError(), MemoryError(), KeyError("x86"), RuntimeError("a. b\nc")):
        injected(UNUSABLE, FALLS_BACK)

        def fail(function=None, error=error, **_):
            raise error

        selection.trial_failure.cache_clear()
        monkeypatch.setattr("lodo_bench.backends.numba.trial.jit", fail)
        assert selection.best_backend("cpu") == "torch"
        with pytest.raises(UsageError, match=f"it fails with {type(error).__name__}"):
            selection.check_backend("numba", "cpu")


KERNELS = {
    "adam": "lodo_bench.backends.numba.elementwise.adam_steps",
    "lodo": "lodo_bench.backends.numba.lodo.lodo_steps",
}


@pytest.mark.parametrize("name", KERNELS)
def test_one_function_that_the_compiler_refuses(name, place, monkeypatch, injected):
    """All optimizers of a command have one backend then, as their times are compared."""

    def refuse(*_):
        raise LoweringError("Failed in native lowering\nmore", None)

    monkeypatch.setattr(KERNELS[name], refuse)
    schedule = place.schedule(5, population=4)
    (place.work / "mine.yaml").write_text(EXPERIMENT.format(name=name))
    commands = (
        ("run", "momentum", name, *BOWL, "--steps", 5, "--seeds", 2, "--untimed"),
        ("tune", "momentum", name, *BOWL, "--schedule", schedule, "--workers", 0),
        ("reproduce", "mine.yaml", "--workers", 0),
    )
    for command in commands:
        done = place.run_here(*command)
        assert done.code == 0, done
        assert done.stderr.count("PyTorch's operations are used") == 1
        assert f"its code for {name} on quadratic fails with LoweringError: Failed in native lowering" in done.stderr
    assert backends(place, "studies") == backends(place, "run_sets") == {"torch"}
    before = place.count("run_sets")
    refused = place.run_here("run", name, *BOWL, "--steps", 6, "--backend", "numba")
    assert refused.code == 2
    assert f"backend 'numba' cannot be used: its code for {name} on quadratic fails" in refused.message
    assert place.count("run_sets") == before
    assert place.run_here("run", "momentum", *BOWL, "--steps", 7, "--seeds", 1, "--untimed").code == 0
    assert backends(place, "run_sets") == {"torch", "numba"}
    injected("one function that Numba refuses to compile", FALLS_BACK, len(commands) + 1)


def test_a_worker_without_numba_ends_the_search_instead_of_failing_its_individuals(monkeypatch, fresh_trial, injected):
    injected(
        "a worker on another machine, where Numba cannot be used", "the search ends with a message, and can be resumed"
    )
    monkeypatch.setattr("lodo_bench.compute.selection.find_spec", lambda name: None)
    compute = ComputeSpec(backend="numba")
    training = training_spec("momentum", TaskSpec("quadratic", {"dimension": 4}), purpose="tuning", compute=compute)
    with pytest.raises(UsageError, match="the package numba is not installed"):
        evaluate(Shard(1, 0, training))


def test_no_folder_for_machine_code(place, injected):
    injected(CACHES, COMPILES, 2)
    # The only place for machine code is the one that the user names, and there is none.
    environment = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""}
    kept = place.run(*RUN, **environment)
    folder = place.temporary / f"lodo-bench-numba-{os.getuid()}"
    assert (kept.code, backends(place, "run_sets")) == (0, {"numba"})
    assert list(folder.rglob("*.nbc"))
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # as if it were another user's, whose machine code must not be executed
    before = sorted(folder.rglob("*"))
    for file in folder.rglob("*.nb?"):
        file.write_bytes(b"not to be read")
    again = place.run(*RUN, "--fresh", **environment)
    assert (again.code, backends(place, "run_sets")) == (0, {"numba"})
    assert again.document["runs"][0]["milestones"] == kept.document["runs"][0]["milestones"]
    assert sorted(folder.rglob("*")) == before
    assert {file.read_bytes() for file in folder.rglob("*.nb?")} == {b"not to be read"}


def test_damaged_machine_code(monkeypatch, tmp_path, injected, cases):
    monkeypatch.setattr(numba_jit.config, "CACHE_DIR", str(tmp_path))

    def double(values):
        return 2 * values

    def compiled():
        return numba_jit.jit(type(double)(double.__code__, {}, "double"))

    assert compiled()(3.0) == 6.0
    files = [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]
    assert len(files) == 2
    whole = [file.read_bytes() for file in files]
    generator = random.Random(0)
    number = min(cases, 1000) // 4
    injected(CACHES, COMPILES, number)
    for _ in range(number):
        for file, content in zip(files, whole, strict=True):
            file.write_bytes(content)
        which = generator.randrange(len(files))
        cut = generator.randrange(len(whole[which]))
        rest = generator.choice([b"", b"\0" * 50, generator.randbytes(50)])
        files[which].write_bytes(whole[which][:cut] + rest)
        assert compiled()(np.float64(3.0)) == 6.0
        function = compiled()
        assert function(3.0) == 6.0
        assert sum(function.stats.cache_hits.values()) == 1  # it was mended


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path, injected):
    injected(CACHES, COMPILES)
    monkeypatch.setattr(numba_jit.config, "CACHE_DIR", str(tmp_path))
    full = OSError(28, "No space left on device")

    def fail(*_):
        raise full

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", fail)

    def triple(values):
        return 3 * values

    assert numba_jit.jit(triple)(3.0) == 9.0
    assert json.dumps(sorted(map(str, tmp_path.rglob("*.nb?")))) == "[]"
