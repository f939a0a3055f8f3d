"""Every implementation of LODO's preconditioner computes what the reference does, for each individual by itself."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch

from lodo_bench.compute.selection import implementation, use_backend
from lodo_bench.optimizers.lodo.block_network import TorchBlockPreconditioner, draw_network
from tests.backends.comparison import Case, Population, assert_equal_to_the_reference
from tests.helpers import generators

cpu = pytest.importorskip("lodo_bench.backends.numba.lodo", reason="Numba is not installed")
ON_CPU = [cpu.NumbaPreconditioner, cpu.LayeredNumbaPreconditioner]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

CASES = [
    *(Case(n=3 * k + 1, population=2, block_size=k, layers=3) for k in (1, 3, 8)),
    Case(1, layers=1),
    Case(2, population=3, layers=2),
    Case(5, population=3, layers=7, hidden_dim=8),
    Case(100),
    Case(100, population=3, hidden_dim=204),
    Case(100, population=3, dtype=torch.float32),
    Case(1300, layers=3, dtype=torch.float32),  # several tiles, the last not full
]


def everything(population):
    return [tensor.clone() for _, tensor in population.run()]


@pytest.mark.parametrize("build", ON_CPU, ids=lambda build: build.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_on_a_cpu_it_equals_the_reference(build, case):
    assert_equal_to_the_reference(build, case)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_on_a_gpu_it_equals_the_reference_in_tritons_interpreter():
    # In a process of its own, as Triton decides when a kernel is defined whether to interpret it.
    result = subprocess.run(
        [sys.executable, "-m", "tests.backends.interpreted"],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@needs_gpu
@pytest.mark.parametrize("case", [*CASES, Case(5000, population=2, dtype=torch.float32)], ids=str)
def test_on_a_gpu_it_equals_the_reference_on_a_gpu(case):
    from lodo_bench.backends.triton.lodo import TritonPreconditioner

    assert_equal_to_the_reference(TritonPreconditioner, case, device="cuda")


@pytest.mark.parametrize("build", [TorchBlockPreconditioner, *ON_CPU], ids=lambda build: build.__name__)
@pytest.mark.parametrize("case", [Case(7, population=3, layers=3), Case(100, population=3)], ids=str)
def test_an_individual_is_computed_as_if_it_were_alone(build, case):
    together = everything(Population(build, case))
    for p in range(case.population):
        alone = everything(Population(build, replace(case, population=1), individuals=[p]))
        assert all(torch.equal(ours[p : p + 1], single) for ours, single in zip(together, alone, strict=True))


@pytest.mark.parametrize("build", ON_CPU, ids=lambda build: build.__name__)
def test_threads_do_not_change_a_bit(build, monkeypatch):
    monkeypatch.setattr(cpu, "_WEIGHTS_PER_THREAD", 1)
    case, results, before = Case(1300, population=3, layers=3, dtype=torch.float32), [], torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(everything(Population(build, case)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


def test_small_and_large_individuals_are_computed_alike():
    case = Case(1300, population=2, layers=3, dtype=torch.float32)
    small, large = (Population(build, case) for build in ON_CPU)
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(small.run(), large.run(), strict=True) if a is small.weights)


def network(n, dtype=torch.float32):
    return draw_network(generators([0]), n, layers=1, block_size=4, dtype=dtype)


def build(network):
    return implementation(TorchBlockPreconditioner, network.weights.device, network.weights.dtype)(network)


@pytest.mark.parametrize(
    ("backend", "n", "dtype", "expected"),
    [
        ("auto", 100, torch.float64, "NumbaPreconditioner"),
        ("auto", 100_000, torch.float32, "LayeredNumbaPreconditioner"),
        ("numba", 100, torch.float32, "NumbaPreconditioner"),
        ("torch", 100, torch.float32, "TorchBlockPreconditioner"),
    ],
)
def test_the_implementation_is_chosen_by_size_or_as_asked(backend, n, dtype, expected):
    with use_backend(backend):
        assert type(build(network(n, dtype))).__name__ == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_by_the_reference(dtype):
    single = network(20)
    half = type(single)(single.weights.to(dtype), single.permutations, single.embedding_index)
    with use_backend("numba"):
        preconditioner = build(half)
    assert isinstance(preconditioner, TorchBlockPreconditioner)
    vector = torch.ones(1, 20, dtype=dtype)
    torch.testing.assert_close(preconditioner.forward(vector), vector, rtol=0, atol=0.1)
