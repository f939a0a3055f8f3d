"""Results come back as they were written; equal specifications are one study or run set; nothing is lost by writing."""

import itertools
import math
import random
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from lodo_bench.errors import DatabaseError, UnknownNameError
from lodo_bench.results import store_base
from lodo_bench.results.database import Database
from lodo_bench.results.schema import CurveRow, MilestoneRow, ProvenanceRow
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.study import GenerationPlan
from lodo_bench.spec.training import MetaTrainingState, OptimizerSpec, TaskSpec, Tuned
from tests.builders import (
    OTHER_MACHINE,
    at_seconds,
    at_steps,
    curve,
    examples,
    generation,
    individual,
    provenance,
    run,
    run_set_spec,
    schedule,
    study_spec,
)

NAN, INF = math.nan, math.inf
# Databases need not tell -0.0 from 0.0 in a column.
NUMBERS = st.floats().map(lambda value: value + 0.0)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.dictionaries(st.sampled_from(["learning_rate", "beta1", "beta2", "momentum"]), FINITE)
COUNTS = st.integers(0, 2**40)
STATUSES = st.sampled_from(Status)
SERIAL = itertools.count(1)
CHANGES = {
    "task": TaskSpec("rosenbrock"),
    "optimizer": OptimizerSpec("lodo"),
    "device": "cuda",
    "dtype": "float32",
}


@pytest.fixture
def database(location):
    database = Database(location, create=True)
    yield database
    database.close()


@pytest.fixture
def store(database):
    return Store(database, provenance())


@pytest.fixture(scope="module")
def shared(new_location):
    """One store for all examples of a property; each example works in a study or run set of its own."""
    with new_location() as location:
        database = Database(location, create=True)
        yield Store(database, provenance())
        database.close()


def same(found, expected):
    """Equality of records, in which NaN is equal to NaN, and floats are equal only if all of their bits are."""
    return repr(found) == repr(expected)


def study_with_generations(store, *indices):
    number = store.open_study(study_spec(), fresh=True).id
    for index in indices:
        store.add_generation(number, generation(index))
    return number


def count(database, table):
    with database.writing() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_new_study_is_empty_and_unfinished(store):
    study = store.open_study(study_spec(), fresh=False)
    assert (study.id, study.spec, study.status) == (1, study_spec(), "unfinished")
    assert (study.hyperparameters, study.generations, study.individuals) == (None, (), ())
    assert store.study(1) == study


@examples
@given(VALUES, COUNTS, st.lists(st.tuples(POSITIVE, COUNTS), min_size=1), st.text())
def test_a_study_comes_back_as_it_was_specified(shared, options, seed, plans, name):
    plans = tuple(GenerationPlan(sigma, steps) for sigma, steps in plans)
    spec = study_spec(
        task=TaskSpec("quadratic", options),
        seed=seed,
        schedule=schedule(name=name, generations=plans, decay_transform="log-complement"),
    )
    opened = shared.open_study(spec, fresh=True)
    assert same(opened.spec, spec)
    assert same(shared.study(opened.id).spec, spec)


@examples
@given(VALUES, POSITIVE, COUNTS)
def test_a_generation_comes_back_as_it_was(shared, mean, sigma, steps):
    number = study_with_generations(shared)
    record = generation(3, mean=mean, sigma=sigma, steps=steps)
    shared.add_generation(number, record)
    assert same(shared.study(number).generations, (record,))


@examples
@given(NUMBERS, VALUES, STATUSES, st.text(), COUNTS, POSITIVE, st.text())
def test_an_individual_comes_back_as_it_was(shared, fitness, values, status, reason, steps, seconds, host):
    number = study_with_generations(shared)
    shared.add_generation(number, generation(mean=values))
    record = individual(
        fitness=fitness,
        hyperparameters=values,
        status=status,
        reason=reason,
        steps=steps,
        seconds=seconds,
        host=host,
    )
    shared.add_individuals({number: [record]})
    assert same(shared.study(number).individuals, (record,))


@examples
@given(VALUES)
def test_a_result_comes_back_bit_for_bit(shared, values):
    number = study_with_generations(shared)
    shared.finish_study(number, Tuned(values))
    study = shared.study(number)
    assert (same(study.hyperparameters, values), study.status) == (True, "finished")


@examples
@given(VALUES, VALUES, st.none() | POSITIVE, st.booleans(), st.sampled_from(["paper", "default", "given"]), st.text())
def test_a_run_set_comes_back_as_it_was_specified(shared, values, options, seconds, timed, source, origin):
    spec = run_set_spec(
        values=values,
        source=source,
        provenance_note=origin,
        task=TaskSpec("quadratic", options),
        steps=next(SERIAL),
        seconds=seconds,
        timed=timed,
    )
    opened = shared.open_run_set(spec)
    assert same(opened.spec, spec)
    assert same(shared.run_set(opened.id).spec, spec)
    assert opened.runs == opened.provenances == ()


@examples
@given(
    st.dictionaries(st.sampled_from([at_steps(200), at_steps(100000), at_seconds(0.5), at_seconds(300)]), NUMBERS),
    STATUSES,
    st.text(),
    COUNTS,
    COUNTS,
    st.none() | POSITIVE,
)
def test_a_run_comes_back_as_it_was(shared, milestones, status, reason, steps, evaluations, seconds):
    number = shared.open_run_set(run_set_spec(steps=next(SERIAL))).id
    record = run(
        seed=2,
        milestones=milestones,
        status=status,
        reason=reason,
        steps=steps,
        evaluations=evaluations,
        training_seconds=seconds,
    )
    shared.add_run(number, record, curve())
    assert same(shared.run_set(number).runs, (record,))


@examples
@given(st.dictionaries(st.sampled_from(["test_loss", "test_accuracy", "validation_loss"]), NUMBERS, min_size=1))
def test_the_scores_of_a_run_come_back_as_they_were(shared, scores):
    number = shared.open_run_set(run_set_spec(steps=next(SERIAL))).id
    milestones = {at_steps(200): 1.0, at_seconds(300): NAN, at_seconds(5): 2.0}
    record = run(milestones=milestones, scores={at_steps(200): scores, at_seconds(5): {"test_loss": 0.5}})
    shared.add_run(number, record, curve())
    assert same(shared.run_set(number).runs[0].scores, record.scores)


def test_a_run_set_says_when_it_was_opened(store):
    opened = store.open_run_set(run_set_spec())
    assert datetime.fromisoformat(opened.created).tzinfo is not None
    assert store.run_set(opened.id).created == store.open_run_set(run_set_spec()).created == opened.created


@examples
@given(st.lists(st.floats(width=32), max_size=100), st.lists(st.tuples(COUNTS, POSITIVE), min_size=1))
def test_a_curve_comes_back_whole_and_exact_in_single_precision(shared, losses, clock):
    number = shared.open_run_set(run_set_spec(steps=next(SERIAL))).id
    steps, seconds = (np.array(readings) for readings in zip(*clock, strict=True))
    written = Curve(np.array(losses, dtype=np.float64), steps, seconds)
    shared.add_run(number, run(), written)
    read = shared.curve(number, 0)
    assert (read.losses.dtype, read.clock_steps.dtype, read.clock_seconds.dtype) == ("f8", "i8", "f8")
    np.testing.assert_array_equal(read.losses, written.losses)
    np.testing.assert_array_equal(read.clock_steps, steps)
    np.testing.assert_array_equal(read.clock_seconds, seconds)


def test_losses_are_rounded_to_single_precision(store):
    number = store.open_run_set(run_set_spec()).id
    losses = [0.1, 1 / 3, 1e300, -1e300, NAN, INF, -INF]
    store.add_run(number, run(), curve(losses))
    expected = [float(np.float32("0.1")), float(np.float32(1) / np.float32(3)), INF, -INF, NAN, INF, -INF]
    np.testing.assert_array_equal(store.curve(number, 0).losses, expected)


def test_a_run_that_took_no_step_has_an_empty_curve(store):
    number = store.open_run_set(run_set_spec()).id
    store.add_run(number, run(), Curve(np.empty(0), np.zeros(1, dtype=np.int64), np.zeros(1)))
    read = store.curve(number, 0)
    assert (len(read.losses), read.clock_steps.tolist(), read.seconds) == (0, [0], 0.0)


def test_a_long_curve_comes_back_whole(store):
    losses = np.random.default_rng(0).normal(size=100_000).astype(np.float32).astype(np.float64)
    number = store.open_run_set(run_set_spec()).id
    store.add_run(number, run(), curve(losses))
    np.testing.assert_array_equal(store.curve(number, 0).losses, losses)


def test_each_run_has_its_own_curve(store):
    first, second = (store.open_run_set(run_set_spec(steps=steps)).id for steps in (100, 200))
    for number, seed, loss in ((first, 0, 1.0), (first, 1, 2.0), (second, 0, 3.0)):
        store.add_run(number, run(seed), curve([loss]))
    assert store.curve(first, 0).losses == [1.0]
    assert store.curve(first, 1).losses == [2.0]
    assert store.curve(second, 0).losses == [3.0]


def with_runs(store, count):
    """The number of a run set whose runs have their seeds as losses and as metrics."""
    number = store.open_run_set(run_set_spec(num_seeds=count)).id
    for seed in range(count):
        metric = MetricHistory(np.array([1]), np.array([float(seed)]))
        store.add_run(number, run(seed), replace(curve([seed]), metrics={"error": metric} if seed else {}))
    return number


def test_the_curves_and_metrics_of_a_run_set_are_read_together(store):
    number = with_runs(store, 250)
    found = store.curves(number, [*range(0, 250, 2), 9999])
    assert {seed: read.losses.tolist() for seed, read in found.items()} == {s: [s] for s in range(0, 250, 2)}
    assert [list(read.metrics) for read in found.values()] == [[], *[["error"]] * 124]
    metrics = store.metrics(number)
    assert {seed: found["error"].values.tolist() for seed, found in metrics.items() if found} == {
        seed: [seed] for seed in range(1, 250)
    }
    assert (store.curves(number, []), store.curves(9999, [0]), store.metrics(9999)) == ({}, {}, {})


@pytest.mark.parametrize("attempt", range(5))
def test_damaged_curves_are_told_in_the_order_of_seeds(store, database, attempt):
    number = with_runs(store, 20)
    with database.writing() as session:
        for row in session.scalars(select(CurveRow).where(CurveRow.run_id % 3 == 0)):
            row.losses = b"damaged"
    assert len(store.curves(number, list(range(20)))) == 20 - len(store.damaged) == 14
    assert [each.number for each in store.damaged] == list(range(3, 20, 3))


def test_everything_is_there_when_the_file_is_opened_again(tmp_path):
    path = str(tmp_path / "results.db")
    database = Database(path, create=True)
    store = Store(database, provenance())
    number = study_with_generations(store, 0, 1)
    store.add_individuals({number: [individual(0, fitness=NAN), individual(1, fitness=-INF, generation=1)]})
    opened = store.open_run_set(run_set_spec()).id
    store.add_run(opened, run(2, NAN), curve([1.0, NAN]))
    written = store.studies(), store.run_sets()
    database.close()
    database = Database(path, create=False)
    read = Store(database)
    assert same((read.studies(), read.run_sets()), written)
    np.testing.assert_array_equal(read.curve(opened, 2).losses, [1.0, NAN])
    database.close()


def test_the_same_specification_continues_its_study(store):
    number = study_with_generations(store, 0)
    store.add_individuals({number: [individual()]})
    assert store.open_study(study_spec(), fresh=False) == store.study(number)
    store.finish_study(number, Tuned({"learning_rate": 0.5}))
    assert store.open_study(study_spec(), fresh=False) == store.study(number)
    assert len(store.studies()) == 1


def test_a_fresh_study_is_another_and_is_continued_from_then_on(store):
    first = store.open_study(study_spec(), fresh=True)
    second = store.open_study(study_spec(), fresh=True)
    assert first.id != second.id
    assert store.open_study(study_spec(), fresh=False).id == second.id


def test_a_name_does_not_make_another_schedule(store):
    first = store.open_study(study_spec(), fresh=False)
    second = store.open_study(study_spec(schedule=schedule(name="a/file.yaml")), fresh=False)
    assert second == first


@pytest.mark.parametrize(
    "changes",
    [
        *({name: value} for name, value in CHANGES.items()),
        {"task": TaskSpec("quadratic", {"noise_variance": 4.0})},
        {"seed": 1},
        {"schedule": schedule(population=5)},
        {"schedule": schedule(decay_transform="log-complement")},
        {"schedule": schedule(generations=schedule().generations[:1])},
        {"schedule": schedule(generations=schedule().generations[::-1])},
    ],
    ids=str,
)
def test_whatever_the_result_depends_on_makes_another_study(store, changes):
    first = store.open_study(study_spec(), fresh=False)
    other = store.open_study(study_spec(**changes), fresh=False)
    assert other.id != first.id
    assert store.open_study(study_spec(), fresh=False).id == first.id
    assert store.open_study(study_spec(**changes), fresh=False).id == other.id


def test_an_option_differs_from_another_by_the_last_bit(store):
    numbers = {
        store.open_study(study_spec(task=TaskSpec("quadratic", {"noise_variance": value})), fresh=False).id
        for value in (4.0, math.nextafter(4.0, 5.0))
    }
    assert len(numbers) == 2


def test_a_known_generation_is_kept_as_it_is(store):
    number = study_with_generations(store, 0)
    store.add_individuals({number: [individual()]})
    store.add_generation(number, generation(0, sigma=99.0))
    study = store.study(number)
    assert study.generations == (generation(0),)
    assert study.individuals == (individual(),)


def test_generations_of_different_studies_are_different(store):
    first, second = study_with_generations(store, 0), study_with_generations(store, 0)
    store.add_individuals({second: [individual(7)]})
    assert store.study(first).individuals == ()
    assert store.study(second).individuals == (individual(7),)


def test_a_study_is_in_order_whatever_the_order_of_writing(store):
    generations = [generation(index) for index in range(3)]
    individuals = [individual(index, generation=g.index) for g in generations for index in range(4)]
    shuffled = random.Random(1).sample(individuals, len(individuals))
    number = study_with_generations(store, 2, 0, 1)
    for start in range(0, len(shuffled), 5):
        store.add_individuals({number: shuffled[start : start + 5]})
    study = store.study(number)
    assert study.generations == tuple(generations)
    assert study.individuals == tuple(individuals)


def test_a_study_counts_how_its_individuals_ended(store):
    number = study_with_generations(store, 0)
    statuses = [Status.COMPLETED, Status.DIVERGED, Status.DIVERGED, Status.FAILED]
    store.add_individuals({number: [individual(index, status=status) for index, status in enumerate(statuses)]})
    study = store.study(number)
    assert [study.count(status) for status in Status] == [1, 2, 0, 1]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_individuals_are_kept_together_or_not_at_all(store, position):
    number = study_with_generations(store, 0)
    store.add_individuals({number: [individual(0)]})
    shard = [individual(1), individual(2)]
    shard.insert(position, individual(0, fitness=9.0))
    with pytest.raises(DatabaseError, match="another process is writing the same study"):
        store.add_individuals({number: shard})
    assert store.study(number).individuals == (individual(0),)
    store.add_individuals({number: [individual(1), individual(2)]})
    assert len(store.study(number).individuals) == 3


@pytest.mark.parametrize("wrong", [{"index": 0}, {"generation": 1}], ids=["known", "of an unknown generation"])
def test_individuals_of_several_studies_are_kept_together_or_not_at_all(store, wrong):
    first, second = study_with_generations(store, 0), study_with_generations(store, 0)
    store.add_individuals({first: [individual(0)], second: [individual(0)]})
    with pytest.raises((DatabaseError, NoResultFound)):
        store.add_individuals({first: [individual(1)], second: [individual(**{"index": 2, **wrong})]})
    assert [store.study(number).individuals for number in (first, second)] == [(individual(0),)] * 2
    store.add_individuals({second: [individual(2)], first: [individual(1)]})
    assert store.study(first).individuals == (individual(0), individual(1))
    assert store.study(second).individuals == (individual(0), individual(2))


def test_a_store_can_go_on_after_its_first_write_has_failed(store):
    number = study_with_generations(store, 0)
    with pytest.raises(DatabaseError):
        store.add_individuals({number: [individual(0), individual(0)]})
    store.add_individuals({number: [individual(0)]})
    assert store.study(number).individuals == (individual(0),)


def test_a_run_is_never_given_the_provenance_of_another_store(database):
    first, second = (Store(database, provenance(host=host)) for host in ("first", "second"))
    study, opened = study_with_generations(first, 0), first.open_run_set(run_set_spec()).id
    with pytest.raises(DatabaseError):
        first.add_individuals({study: [individual(0), individual(0)]})
    second.add_run(opened, run(0), curve())
    first.add_run(opened, run(1), curve())
    assert [where.host for where in first.run_set(opened).provenances] == ["second", "first"]


def test_an_unknown_study_is_refused_with_the_known_ones(store):
    for _ in range(3):
        store.open_study(study_spec(), fresh=True)
    with pytest.raises(UnknownNameError, match=r"unknown study '4'.*Known: 1, 2, 3\."):
        store.study(4)


def test_without_any_study_there_are_none_to_name(store):
    with pytest.raises(UnknownNameError, match=r"unknown study '1'\. There are none\."):
        store.study(1)


def test_an_unknown_run_set_is_refused_with_the_known_ones(store):
    store.open_run_set(run_set_spec())
    with pytest.raises(UnknownNameError, match=r"unknown run set '2'\. Known: 1\."):
        store.run_set(2)


def test_the_known_studies_are_named_in_order(store):
    for _ in range(11):
        store.open_study(study_spec(), fresh=True)
    with pytest.raises(UnknownNameError, match=r"Known: 1, 2, 3, .*, 9, 10, 11"):
        store.study(99)


@pytest.mark.parametrize("read", [Store.study, Store.run_set])
def test_a_number_beyond_the_databases_integers_is_unknown_too(store, read):
    with pytest.raises(UnknownNameError):
        read(store, 2**63)


def test_studies_are_listed_oldest_first_and_by_task(store):
    tasks = ["quadratic", "rosenbrock", "quadratic"]
    opened = [store.open_study(study_spec(task=TaskSpec(task)), fresh=True) for task in tasks]
    assert store.studies() == opened
    assert store.studies("quadratic") == [opened[0], opened[2]]
    assert store.studies("mnist") == []


def finish(store, number, values, fitness=1.0):
    store.add_generation(number, generation(0))
    store.add_individuals({number: [individual(0, fitness=math.nan), individual(1, fitness=fitness)]})
    store.finish_study(number, Tuned(values))


def test_summaries_are_those_of_the_whole_studies(store):
    for seed, fitness in enumerate((1.0, math.inf)):
        finish(store, store.open_study(study_spec(seed=seed), fresh=False).id, {"learning_rate": 2.0}, fitness)
    trained = study_with_generations(store, 0, 1)
    state = MetaTrainingState(b"weights", b"moments")
    store.add_individuals({trained: [individual(0, state=state), individual(1, steps=50)]})
    store.open_study(study_spec(task=TaskSpec("rosenbrock")), fresh=False)
    summaries = store.study_summaries()
    assert summaries == [study.summary for study in store.studies()]
    assert [study.has_result for study in summaries] == [True, False, False, False]
    assert (summaries[2].num_generations, summaries[2].num_individuals, summaries[2].steps) == (2, 2, 150)
    assert store.study_summaries("rosenbrock") == summaries[3:]
    store.finish_study(trained, Tuned({}))
    assert store.study_summaries()[2].result == Tuned({}, b"weights")


def test_studies_are_of_exactly_this_task_and_optimizer_oldest_first(store):
    noisy, adam = TaskSpec("quadratic", {"noise_variance": 4.0}), OptimizerSpec("adam")
    first, second = (store.open_study(study_spec(task=noisy, seed=seed), fresh=False).id for seed in range(2))
    finish(store, second, {"learning_rate": 1.0})
    found = store.studies_of(noisy, adam)
    assert [study.id for study in found] == [first, second]
    assert found == store.study_summaries()
    assert store.studies_of(noisy, OptimizerSpec("lodo")) == []
    for options in ({}, {"noise_variance": 4.5}, {"noise_variance": 4.0, "dimension": 50}, {"dimension": 4.0}):
        assert store.studies_of(TaskSpec("quadratic", options), adam) == []
    assert store.studies_of(TaskSpec("rosenbrock", {"noise_variance": 4.0}), adam) == []


def test_one_study_in_numbers(store):
    first, second = (store.open_study(study_spec(seed=seed), fresh=False).id for seed in range(2))
    finish(store, second, {"learning_rate": 1.0})
    assert [store.study_summary(number) for number in (first, second)] == store.study_summaries()
    with pytest.raises(UnknownNameError, match="unknown study '7'"):
        store.study_summary(7)


def test_the_study_of_tuned_values_comes_back_and_does_not_make_another_run_set(store):
    number = store.open_study(study_spec(), fresh=False).id
    opened = store.open_run_set(run_set_spec(study_id=number, provenance_note="halved"))
    assert store.run_set(opened.id).spec.hyperparameters.study_id == number
    assert store.open_run_set(run_set_spec()).id == opened.id


def test_a_run_set_cannot_name_a_study_that_does_not_exist(store):
    with pytest.raises(UnknownNameError, match="unknown study '99'"):
        store.open_run_set(run_set_spec(study_id=99))


def test_an_unfinished_run_set_is_continued(store):
    opened = store.open_run_set(run_set_spec())
    assert opened.missing_seeds == (0, 1, 2)
    store.add_run(opened.id, run(1), curve())
    again = store.open_run_set(run_set_spec())
    assert (again.id, again.missing_seeds, again.runs) == (opened.id, (0, 2), (run(1),))


def test_a_finished_run_set_is_used_again_and_a_fresh_one_is_another(store):
    opened = store.open_run_set(run_set_spec())
    for seed in range(3):
        store.add_run(opened.id, run(seed), curve())
    again = store.open_run_set(run_set_spec())
    assert (again.id, again.missing_seeds, len(again.runs)) == (opened.id, (), 3)
    another = store.open_run_set(run_set_spec(), fresh=True)
    assert another.id != opened.id
    assert (another.runs, another.missing_seeds) == ((), (0, 1, 2))
    assert store.open_run_set(run_set_spec()).id == another.id
    assert len(store.run_set(opened.id).runs) == 3


def test_a_run_set_with_failed_runs_is_followed_by_another_once_it_is_finished(store):
    opened = store.open_run_set(run_set_spec())
    for seed, status in enumerate((Status.COMPLETED, Status.FAILED)):
        store.add_run(opened.id, run(seed, status=status, reason="no memory"), curve())
    assert store.open_run_set(run_set_spec()).id == opened.id
    store.add_run(opened.id, run(2), curve())
    another = store.open_run_set(run_set_spec())
    assert (another.id != opened.id, another.missing_seeds) == (True, (0, 1, 2))


def test_runs_of_later_seeds_are_another_run_set(store):
    first = store.open_run_set(run_set_spec())
    later = store.open_run_set(run_set_spec(first_seed=3))
    assert (later.id != first.id, later.missing_seeds) == (True, (3, 4, 5))


def test_where_the_values_are_from_in_words_does_not_matter(store):
    first = store.open_run_set(run_set_spec(provenance_note="one"))
    assert store.open_run_set(run_set_spec(provenance_note="another")) == first


@pytest.mark.parametrize(
    "changes",
    [
        *({name: value} for name, value in CHANGES.items()),
        {"task": TaskSpec("quadratic", {"noise_variance": 4.0})},
        {"values": {"learning_rate": math.nextafter(0.1, 1), "beta1": 0.5}},
        {"source": "paper"},
        {"steps": 201},
        {"seconds": 1.0},
        {"num_seeds": 4},
        {"timed": False},
    ],
    ids=str,
)
def test_other_settings_make_another_run_set(store, changes):
    first = store.open_run_set(run_set_spec())
    other = store.open_run_set(run_set_spec(**changes))
    assert other.id != first.id
    assert store.open_run_set(run_set_spec()).id == first.id
    assert store.open_run_set(run_set_spec(**changes)).id == other.id


def test_runs_are_in_the_order_of_their_seeds(store):
    number = store.open_run_set(run_set_spec()).id
    for seed in (2, 0, 1):
        store.add_run(number, run(seed, loss=seed), curve())
    assert store.run_set(number).runs == tuple(run(seed, loss=seed) for seed in range(3))


def test_milestones_come_back_in_their_order(store):
    number = store.open_run_set(run_set_spec()).id
    record = run(milestones={at_steps(200): 1.0, at_seconds(300): 2.0, at_seconds(20): 3.0})
    store.add_run(number, record, curve())
    assert list(store.run_set(number).runs[0].milestones) == [at_steps(200), at_seconds(300), at_seconds(20)]


def test_an_interrupted_run_is_replaced_with_all_that_belongs_to_it(database, store):
    number = store.open_run_set(run_set_spec()).id
    store.add_run(number, run(1, 9.0, status=Status.INTERRUPTED, reason="stopped"), curve([9.0, 9.0]))
    assert store.open_run_set(run_set_spec()).missing_seeds == (0, 1, 2)
    store.add_run(number, run(1, 2.0), curve([2.0]))
    assert store.run_set(number).runs == (run(1, 2.0),)
    np.testing.assert_array_equal(store.curve(number, 1).losses, [2.0])
    assert (count(database, MilestoneRow), count(database, CurveRow)) == (1, 1)


def test_an_interrupted_run_may_be_interrupted_again(store):
    number = store.open_run_set(run_set_spec()).id
    for steps in (10, 20):
        store.add_run(number, run(0, status=Status.INTERRUPTED, steps=steps), curve())
    assert [found.steps for found in store.run_set(number).runs] == [20]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.DIVERGED, Status.FAILED])
def test_any_other_run_is_never_replaced(store, status):
    number = store.open_run_set(run_set_spec()).id
    kept = run(0, 1.0, status=status)
    store.add_run(number, kept, curve([1.0]))
    assert store.run_set(number).missing_seeds == (1, 2)
    with pytest.raises(DatabaseError, match=r"writing the same study or run set.*Choose another database"):
        store.add_run(number, run(0, 2.0), curve([2.0]))
    assert store.run_set(number).runs == (kept,)
    np.testing.assert_array_equal(store.curve(number, 0).losses, [1.0])


def test_run_sets_are_listed_oldest_first_and_by_task(store):
    for task in ("quadratic", "rosenbrock"):
        number = store.open_run_set(run_set_spec(task=TaskSpec(task))).id
        store.add_run(number, run(loss=NAN), curve())
    assert [found.id for found in store.run_sets()] == [1, 2]
    assert [found.spec.task.name for found in store.run_sets()] == ["quadratic", "rosenbrock"]
    assert [found.id for found in store.run_sets("rosenbrock")] == [2]
    assert same(store.run_sets("rosenbrock"), [store.run_set(2)])
    assert store.run_sets("mnist") == []


def test_a_run_is_kept_with_where_it_ran(database):
    here = provenance(commit="abc-dirty")
    there = provenance(host="there", machine=OTHER_MACHINE, versions={"torch": "2.0", "python": "3.12"})
    number = Store(database).open_run_set(run_set_spec()).id
    for seed, where in enumerate([here, there, here]):
        Store(database, where).add_run(number, run(seed), curve())
    assert Store(database).run_set(number).provenances == (here, there, here)
    assert Store(database).run_sets()[0].provenances == (here, there, here)


def test_a_store_is_one_provenance_that_ends_with_its_last_write(database, monkeypatch):
    store = Store(database, provenance())
    study, opened = study_with_generations(store, 0), store.open_run_set(run_set_spec()).id
    for now, write in (
        ("12:00", lambda: store.add_individuals({study: [individual()]})),
        ("12:01", lambda: store.add_run(opened, run(0), curve())),
        ("12:02", lambda: store.add_run(opened, run(1), curve())),
    ):
        monkeypatch.setattr(store_base, "now", lambda now=now: now)
        write()
        with database.writing() as session:
            (row,) = session.scalars(select(ProvenanceRow)).all()
            assert (row.ended, row.started) == (now, provenance().started)


def test_reading_leaves_no_provenance(database, store):
    store.open_run_set(run_set_spec())
    store.run_sets()
    store.studies()
    assert count(database, ProvenanceRow) == 0


def test_a_store_without_provenance_does_not_write_runs(database):
    store = Store(database)
    number = store.open_run_set(run_set_spec()).id
    with pytest.raises(ValueError, match="for reading only"):
        store.add_run(number, run(), curve())
    assert store.run_set(number).runs == ()


def test_a_record_that_was_read_can_be_written_again(store):
    number = study_with_generations(store, 0)
    store.add_individuals({number: [individual()]})
    store.finish_study(number, Tuned({"learning_rate": 0.5}))
    read = store.study(number)
    copy = store.open_study(replace(read.spec, seed=1), fresh=False).id
    for record in read.generations:
        store.add_generation(copy, record)
    store.add_individuals({copy: read.individuals})
    store.finish_study(copy, read.result)
    written = store.study(copy)
    assert written == replace(read, id=copy, spec=replace(read.spec, seed=1), created=written.created)


def test_metrics_are_kept_with_the_curve(store):
    opened = store.open_run_set(run_set_spec()).id
    series = MetricHistory(np.array([100, 200]), np.array([0.5, math.nan]))
    store.add_run(opened, run(0), replace(curve(), metrics={"hessian_error": series}))
    kept = store.curve(opened, 0).metrics
    assert list(kept) == ["hessian_error"]
    assert kept["hessian_error"].steps.tolist() == [100, 200]
    assert np.array_equal(kept["hessian_error"].values, series.values, equal_nan=True)
    store.add_run(opened, run(1), curve())
    assert store.curve(opened, 1).metrics == {}
