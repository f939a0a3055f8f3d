"""`lodo-bench run --fair-clock`: no optimizer runs in a compiled loop."""

import pytest

import lodo_bench
from lodo_bench.errors import UsageError

BOWL = ("--task", "quadratic", "-T", "dimension=12", "--seeds", 2, "--steps", 30)


def test_all_optimizers_are_on_backend_torch(place):
    assert place.run_here("run", "adam", "lodo", "--fair-clock", *BOWL).code == 0
    (comparison,) = place.run_here("report", "--json").document["comparisons"]
    assert [row["backend"] for row in comparison["rows"]] == ["torch", "torch"]
    assert [row["compiled_loop"] for row in comparison["rows"]] == [False, False]
    assert all(row["steps_per_second"]["count"] == 2 for row in comparison["rows"])


def test_losses_are_the_same_up_to_rounding(place):
    documents = [place.run_here("run", "adam", *BOWL, "--json", *more).document for more in ((), ("--fair-clock",))]
    first, second = ([run["milestones"]["steps:30"]["loss"] for run in document["runs"]] for document in documents)
    assert first == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--backend", "numba"), "a fair clock and backend 'numba' conflict. Omit one of them."),
        (("--untimed",), "untimed runs have no clock to be fair. Omit one of them."),
    ],
)
def test_what_contradicts_it_is_refused(place, more, message):
    result = place.run_here("run", "adam", "--fair-clock", *BOWL, *more)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message


def test_it_may_be_said_twice(place):
    assert place.run_here("run", "adam", "--fair-clock", "--backend", "torch", *BOWL).code == 0


def test_the_library_has_it_too(tmp_path):
    (record,) = lodo_bench.run("adam", seeds=1, steps=20, fair_clock=True, db=str(tmp_path / "lodo.db"))
    assert record.spec.compute.backend == "torch"
    with pytest.raises(UsageError, match="conflict"):
        lodo_bench.run("adam", seeds=1, steps=20, fair_clock=True, backend="numba", db=str(tmp_path / "lodo.db"))
