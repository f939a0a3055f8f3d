"""The choice of a backend, by device and precision or as requested, and the messages where one cannot be used."""

import signal
from importlib import import_module

import pytest
import torch

from lodo_bench.compute import selection
from lodo_bench.compute.selection import best_backend, check_backend, current_backend, use_backend
from lodo_bench.errors import UsageError
from lodo_bench.training.loop import train
from tests.helpers import training_spec

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(params=[True, False], ids=["installed", "not installed"])
def installed(request, monkeypatch):
    """Whether Numba and Triton are there."""
    monkeypatch.setattr(selection, "find_spec", lambda package: object() if request.param else None)
    return request.param


def test_the_best_backend_is_that_for_the_device_if_its_package_is_there(installed):
    assert best_backend("cpu") == ("numba" if installed else "torch")
    assert best_backend("cuda") == ("triton" if installed else "torch")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unless_asked_the_best_backend_is_chosen(installed, dtype):
    assert current_backend(CPU, dtype) == best_backend("cpu")
    assert current_backend(GPU, dtype) == best_backend("cuda")


def test_what_is_asked_for_holds_inside_the_block_only():
    outside = current_backend(CPU, torch.float64)
    with use_backend("torch"):
        with use_backend("numba"):
            assert current_backend(CPU, torch.float64) == "numba"
        assert current_backend(CPU, torch.float64) == "torch"
    assert current_backend(CPU, torch.float64) == outside


def test_what_is_asked_for_is_forgotten_after_an_error():
    outside = current_backend(CPU, torch.float64)
    with pytest.raises(ZeroDivisionError), use_backend("torch"):
        raise ZeroDivisionError
    assert current_backend(CPU, torch.float64) == outside


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_precisions_are_pytorchs(dtype):
    for backend in ("auto", "numba"):
        with use_backend(backend):
            assert current_backend(CPU, dtype) == "torch"


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_pytorchs_can_be_used_everywhere(backend, device, installed):
    check_backend(backend, device)


def test_a_backend_for_another_device_is_refused(installed):
    message = r"backend 'triton' cannot be used: it is for device 'cuda', not 'cpu'\. Use 'auto' or 'torch'\."
    with pytest.raises(UsageError, match=message):
        check_backend("triton", "cpu")
    with pytest.raises(UsageError, match="it is for device 'cpu', not 'cuda'"):
        check_backend("numba", "cuda")


@pytest.mark.parametrize(("found", "good"), [("0.60.0", False), ("0.61.2rc1", False), ("0.62.0", True), ("1.0", True)])
def test_an_old_package_is_not_used(found, good, monkeypatch):
    monkeypatch.setattr(selection, "find_spec", lambda package: object())
    monkeypatch.setattr(selection, "_version", lambda package: found)
    assert best_backend("cpu") == ("numba" if good else "torch")
    if not good:
        message = rf"numba 0\.62 or later is needed, and {found} is installed\. Install it with pip install -U"
        with pytest.raises(UsageError, match=message):
            check_backend("numba", "cpu")


def test_a_backend_whose_package_is_missing_says_how_to_install_it(installed):
    if installed:
        check_backend("numba", "cpu")
    else:
        with pytest.raises(
            UsageError, match=r"the package numba is not installed. Install it with pip install -U 'lodo"
        ):
            check_backend("numba", "cpu")


def test_training_refuses_a_backend_that_cannot_be_used():
    with pytest.raises(UsageError, match="backend 'triton' cannot be used"):
        train(training_spec(backend="triton"))


@pytest.mark.parametrize("optimizer", ["lodo", "adam"])
def test_training_gives_the_same_losses_with_every_backend(optimizer):
    reference, ours = (train(training_spec(optimizer, backend=backend, steps=50))[0] for backend in ("torch", "auto"))
    torch.testing.assert_close(
        torch.from_numpy(ours.curve.losses), torch.from_numpy(reference.curve.losses), rtol=1e-9, atol=1e-9
    )


def test_an_interrupt_while_a_backend_is_loaded_is_no_fault_of_it(monkeypatch):
    def load(name):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:  # as C makes it of an exception while it imports a module
            raise ImportError(name) from None
        return import_module(name)

    monkeypatch.setattr(selection, "import_module", load)
    selection.trial_failure.cache_clear()
    with pytest.raises(KeyboardInterrupt):
        selection.trial_failure("numba")
    monkeypatch.undo()
    assert selection.trial_failure("numba") is None
