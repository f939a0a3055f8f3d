"""What a selection keeps, and that it says so where it keeps nothing."""

import pytest

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.results.managing import annotate
from lodo_bench.results.selecting import select_results
from lodo_bench.spec.selection import Selection
from tests.results.filled import fill


@pytest.fixture(scope="module")
def store(new_location):
    with new_location() as location:
        yield from filled_store(location)


def filled_store(location):
    store, database = fill(location)
    annotate(database, "run-set", 2, lambda former: former.with_tags(["final"]))
    annotate(database, "study", 2, lambda former: former.with_tags(["paused"]))
    yield store
    database.close()


@pytest.mark.parametrize(
    ("selection", "run_sets", "studies"),
    [
        (Selection(), [1, 2, 3, 4, 5], [1, 2]),
        (Selection("quadratic"), [1, 2, 3, 4], [1, 2]),
        (Selection("rosenbrock"), [5], []),
        (Selection("mnist"), [], []),
        (Selection(optimizers=("lodo",)), [3, 4], [2]),
        (Selection(optimizers=("lodo (layers=8)",)), [4], []),
        (Selection(optimizers=("adam", "lodo (layers=8)")), [1, 2, 4, 5], [1]),
        (Selection(run_sets=(1,)), [1], [1]),
        (Selection(run_sets=(2, 3)), [2, 3], []),
        (Selection(studies=(1,)), [1], [1]),
        (Selection(studies=(1,), run_sets=(3,)), [1, 3], [1]),
        (Selection(studies=(2,)), [], [2]),
        (Selection(sources=("default",)), [2, 3, 4, 5], []),
        (Selection(sources=("tuned",)), [1], [1, 2]),
        (Selection(tags=("final",)), [2], []),
        (Selection(tags=("final", "paused")), [2], [2]),
        (Selection("quadratic", ("adam",), sources=("default",)), [2], []),
    ],
    ids=str,
)
def test_what_is_kept(selection, run_sets, studies, store):
    found = select_results(store, selection)
    assert [record.id for record in found.run_sets()] == run_sets
    assert [study.id for study in found.study_summaries()] == studies
    assert [study.id for study in found.studies()] == studies
    assert [record.id for record in found.run_sets("rosenbrock")] == [number for number in run_sets if number == 5]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(optimizers=("adm",)), "unknown optimizer 'adm' of these results. Did you mean 'adam'?"),
        (Selection("rosenbrock", ("lodo",)), "unknown optimizer 'lodo' of the results on rosenbrock. Known: adam."),
        (Selection(run_sets=(9,)), "unknown run set '9' of these results. Known: 1, 2, 3, 4, 5."),
        (Selection("rosenbrock", run_sets=(1,)), "unknown run set '1' of the results on rosenbrock. Known: 5."),
        (Selection(studies=(7,)), "unknown study '7' of these results. Known: 1, 2."),
        (
            Selection(sources=("tund",)),
            "unknown source of hyperparameters 'tund' of these results. Did you mean 'tuned'",
        ),
        (Selection(sources=("paper",)), "unknown source of hyperparameters 'paper' of these results."),
        (Selection(tags=("fnal",)), "unknown tag 'fnal' of these results. Did you mean 'final'?"),
    ],
    ids=str,
)
def test_a_value_that_selects_nothing_is_refused(selection, message, store):
    with pytest.raises(UnknownNameError) as caught:
        select_results(store, selection)
    assert str(caught.value).startswith(message)


def test_values_that_together_select_nothing_are_named(store):
    with pytest.raises(UsageError) as caught:
        select_results(store, Selection(optimizers=("lodo",), tags=("final",)))
    assert str(caught.value) == "no stored result has all of this: optimizer lodo; tag final. Omit one of them."


def test_a_record_can_be_read_by_its_number_though_it_is_not_selected(store):
    found = select_results(store, Selection(run_sets=(2,)))
    assert found.run_set(1) == store.run_set(1)
    assert found.study(2) == store.study(2)
    assert list(found.curve(1, 0).losses) == [3.0, 2.0, 1.0]
