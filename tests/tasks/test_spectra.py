"""Spectra of the quadratic: their eigenvalues, condition numbers and traces."""

import numpy as np
import pytest
import torch

from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.errors import UsageError
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks import task_spec
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.tasks.spectra import SPECTRA, eigenvalues, trace
from lodo_bench.training.loop import train
from tests.helpers import build_task, defaults, training_spec

NEW = tuple(name for name in SPECTRA if name != "logarithmic")


def spectrum_of(task):
    return torch.linalg.eigvalsh(task.hessian(task.initial_point())).numpy()


EXPECTED = {
    "logarithmic": np.geomspace(0.01, 1, 20),
    "uniform": np.linspace(0.01, 1, 20),
    "power-law": np.sort(np.arange(1, 21) ** (-np.log(100) / np.log(20))),
    "clustered": np.repeat(np.geomspace(0.01, 1, 4), 5),
    "two-level": np.repeat([0.01, 1], [18, 2]),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_the_hessian_has_the_eigenvalues(name):
    task = build_task("quadratic", [1, 2], dimension=20, min_eigenvalue=0.01, spectrum=name)
    np.testing.assert_allclose(spectrum_of(task), np.tile(EXPECTED[name], (2, 1)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [2, 3, 4, 5, 100])
def test_the_condition_number_is_that_of_the_range(name, count):
    found = eigenvalues(name, count, 0.002, 4.0)
    assert (found.diff() >= 0).all()
    assert found[0].item() == pytest.approx(0.002, rel=1e-12)
    assert (found[-1] / found[0]).item() == pytest.approx(2000, rel=1e-12)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(("count", "low", "high"), [(1, 0.5, 2.0), (1, 2.0, 2.0), (7, 2.0, 2.0), (50, 1e-3, 1.0)])
def test_the_trace_is_the_sum_of_the_eigenvalues(name, count, low, high):
    assert trace(name, count, low, high) == pytest.approx(eigenvalues(name, count, low, high).sum().item(), rel=1e-12)


def test_a_single_eigenvalue_is_the_smallest():
    assert {eigenvalues(name, 1, 0.5, 2.0).item() for name in SPECTRA} == {0.5}


@pytest.mark.parametrize("name", NEW)
def test_newtons_loss_is_half_the_noisy_trace(name):
    options = {"dimension": 20, "min_eigenvalue": 0.01, "noise_variance": 3, "spectrum": name}
    assert Quadratic.optimal_loss(options).loss == pytest.approx(1.5 * EXPECTED[name].sum(), rel=1e-12)


@pytest.mark.parametrize("name", NEW)
def test_only_the_eigenvalues_differ_from_the_papers_quadratic(name):
    paper, other = (build_task("quadratic", [3], dimension=9, spectrum=each) for each in ("logarithmic", name))
    x = paper.initial_point()
    (_, first), (_, second) = (torch.linalg.eigh(task.hessian(x)[0]) for task in (paper, other))
    if name in ("uniform", "power-law"):  # the eigenvectors of repeated eigenvalues are not unique
        torch.testing.assert_close(first.abs(), second.abs(), rtol=0, atol=1e-10)
    for task in (paper, other):
        task.next_batch()
    assert torch.equal(paper.walk, other.walk)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.skipif(best_backend("cpu") != "numba", reason="Numba is not installed")
def test_compiled_code_computes_the_same(name):
    task = TaskSpec("quadratic", {"dimension": 20, **({} if name == "logarithmic" else {"spectrum": name})})
    individuals = (Individual((0,), defaults("adam")),)
    spec = training_spec("adam", task, individuals=individuals, steps=300, backend="numba")
    with use_backend("torch"):
        expected = train(training_spec("adam", task, individuals=individuals, steps=300, backend="torch"))
    np.testing.assert_allclose(train(spec)[0].curve.losses, expected[0].curve.losses, rtol=1e-9)


def test_the_papers_spectrum_is_no_option_of_its_own():
    assert task_spec("quadratic", {"spectrum": "logarithmic"}) == TaskSpec("quadratic")


def test_an_unknown_spectrum_is_refused():
    with pytest.raises(UsageError, match=r"invalid spectrum = flat.*logarithmic or uniform"):
        task_spec("quadratic", {"spectrum": "flat"})
