"""Which of several searches final runs take the results of."""

from dataclasses import replace

import pytest

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.runs.searches import check_searches, choose_searches
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import Tuned
from tests.builders import schedule, study_spec

PAPER = schedule()
LONGER = schedule(name="longer", population=8)
QUICK = schedule(name="quick", population=2)


def study(number, *, finished=True, finite=True, **changes):
    result = Tuned({"learning_rate": float(number)}) if finished else None
    return StudySummary(number, study_spec(**changes), result, 2, 8, finite, 1200, 1.0)


def ids(studies):
    return [each.id for each in studies]


def test_without_studies_nothing_is_chosen():
    found = choose_searches([])
    assert (found.taken, found.left, found.unfinished) == ((), (), ())


def test_all_seeds_of_a_schedule_are_taken_in_their_order():
    found = choose_searches([study(1, seed=2), study(2, seed=0), study(3, seed=1)])
    assert ids(found.taken) == [2, 3, 1]
    assert (found.left, found.unfinished) == ((), ())


def test_a_later_shorter_search_never_replaces_a_longer_one():
    found = choose_searches([study(1, schedule=PAPER), study(2, schedule=QUICK), study(3, schedule=QUICK, seed=1)])
    assert ids(found.taken) == [1]
    reason = "its budget is smaller, 600 steps (quick) instead of 1,200"
    assert [(each.id, why) for each, why in found.left] == [(2, reason), (3, reason)]


def test_a_longer_search_replaces_a_shorter_one_even_of_more_seeds():
    assert ids(choose_searches([study(1), study(2, seed=1), study(3, schedule=LONGER)]).taken) == [3]


def test_the_name_of_a_schedule_says_nothing():
    found = choose_searches([study(1), study(2, seed=1, schedule=replace(PAPER, name="my.yaml"))])
    assert ids(found.taken) == [1, 2]


def test_of_the_same_search_the_latest_is_taken():
    found = choose_searches([study(1), study(2)])
    assert ids(found.taken) == [2]
    assert [(each.id, why) for each, why in found.left] == [(1, "study 2 is a later search with the same seed 0")]


def test_searches_in_another_precision_are_another_group():
    single = {"dtype": "float32"}
    found = choose_searches([study(1), study(2, seed=1), study(3, seed=2, **single)])
    assert ids(found.taken) == [1, 2]
    ((left, reason),) = found.left
    assert left.id == 3
    assert reason.startswith("it was computed otherwise, with cpu, float32, ")
    assert ids(choose_searches([study(1), study(2, seed=2, **single)]).taken) == [2]


def test_another_schedule_of_the_same_budget_is_another_group():
    other = replace(PAPER, name="log", decay_transform="log-complement")
    found = choose_searches([study(1), study(2, seed=1, schedule=other)])
    assert ids(found.taken) == [2]
    assert found.left[0][1] == "its schedule paper is another one, of the same budget"


def test_what_has_no_result_is_not_taken():
    found = choose_searches([study(1), study(2, seed=1, finite=False), study(3, seed=2, finished=False)])
    assert ids(found.taken) == [1]
    assert [(each.id, why) for each, why in found.left] == [(2, "no individual had a finite loss")]
    assert ids(found.unfinished) == [3]


def test_the_first_alone():
    found = choose_searches([study(1), study(2, seed=1)]).first()
    assert ids(found.taken) == [1]
    assert [each.id for each, _ in found.left] == [2]


def test_named_studies_are_sorted_by_their_seeds():
    assert ids(check_searches([study(5, seed=1), study(3, seed=4), study(4)], "results.db")) == [4, 5, 3]


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ([study(1, finite=False)], "study 1 has no result: no individual had a finite loss. Name another study."),
        ([study(1), study(2)], "studies 1 and 2 are the same search, with seed 0. Name one of them."),
        ([study(1), study(2, seed=1, schedule=QUICK)], "studies 1 and 2 differ in their schedules, .* one row"),
    ],
)
def test_named_studies_that_are_not_replicates_are_refused(studies, message):
    with pytest.raises(UsageError, match=message):
        check_searches(studies, "results.db")


def test_an_unfinished_study_is_refused_with_the_way_to_continue_it():
    with pytest.raises(
        UsageError, match="study 1, the search for adam on quadratic with seed 0, is unfinished"
    ) as raised:
        check_searches([study(1, finished=False)], "my.db")
    assert raised.value.remedy is Remedy.CONTINUE_SEARCH
    assert raised.value.details == {"study": study_spec(), "db": "my.db"}
