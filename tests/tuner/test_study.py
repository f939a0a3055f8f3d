"""A study fed shard by shard: the shards, the generations that follow from their results, and replay."""

import itertools
import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.errors import DatabaseError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tuner.study import GenerationResult, Study, max_shard_size
from tests.helpers import defaults
from tests.tuner.helpers import (
    all_diverge,
    examples,
    fake_evaluate,
    individual_record,
    new_study,
    plain,
    schedule,
    scored,
    shards_of,
    study_record,
    study_spec,
)


def finish(study, order=None, size=2):
    """Evaluate to the end; `order` picks which of the shards in flight completes next."""
    records, away = [], []
    while not study.finished:
        away.extend(shards_of(study, size))
        shard = away.pop(0 if order is None else order(len(away)))
        individuals = fake_evaluate(shard)
        records.extend(individuals)
        study.complete(individuals)
    return records


def finish_generation(study, evaluate=fake_evaluate):
    return [study.complete(evaluate(shard)) for shard in shards_of(study)][-1]


# Shards


SIZES = [(8, 8), (8, 4), (8, 3), (7, 2), (2, 8), (5, 1), (32, 8)]


@pytest.mark.parametrize(("population", "size"), SIZES)
def test_shards_cover_each_generation_exactly_once(population, size):
    study = new_study(schedule=schedule(population))
    for generation in range(3):
        shards = shards_of(study, size)
        assert [shard.generation for shard in shards] == [generation] * len(shards)
        assert [index for shard in shards for index in shard.indices] == list(range(population))
        assert [shard.indices[0] for shard in shards] == list(range(0, population, size))
        for shard in shards:
            study.complete(fake_evaluate(shard))
    assert study.finished
    assert study.num_pending == 0


def test_a_shard_says_what_to_train():
    task = TaskSpec("quadratic", {"dimension": 5})
    spec = study_spec("adam", task=task, seed=9, dtype="float32", device="cuda")
    study = Study(study_record(spec, number=17))
    for steps in (10, 20, 40):
        for shard in shards_of(study):
            training = shard.training
            assert shard.study == 17
            assert (training.task, training.optimizer.name, training.purpose) == (task, "adam", "tuning")
            assert (training.steps, training.seconds) == (steps, None)
            assert (training.compute.dtype, training.compute.device) == ("float32", "cuda")
            study.complete(fake_evaluate(shard))


def test_keys_are_the_seed_the_generation_and_the_index():
    study = new_study(seed=9, schedule=schedule(5))
    for generation in range(3):
        shards = shards_of(study)
        keys = [individual.key for shard in shards for individual in shard.training.individuals]
        assert keys == [(9, generation, index) for index in range(5)]
        for shard in shards:
            study.complete(fake_evaluate(shard))


def test_individuals_are_those_of_the_search_in_order():
    study = new_study("adam", schedule=schedule(7))
    expected = study.generation.individuals
    handed_out = [i.hyperparameters for shard in shards_of(study) for i in shard.training.individuals]
    assert handed_out == list(expected)
    assert len({tuple(values.items()) for values in handed_out}) == 7


def test_a_shard_can_travel():
    for shard in shards_of(new_study("lodo")):
        assert pickle.loads(pickle.dumps(shard)) == shard


def first_values(optimizer="adam", **changes):
    return new_study(optimizer, **changes).generation.individuals


def test_seeds_tasks_and_optimizers_have_searches_of_their_own():
    # Adam and Yogi have the same hyperparameters with the same defaults.
    others = [
        first_values(seed=1),
        first_values("yogi"),
        first_values(task=TaskSpec("quadratic")),
    ]
    assert first_values() == first_values()
    for one, other in itertools.combinations([first_values(), *others], 2):
        assert not any(a == b for a, b in zip(one, other, strict=True))


def test_the_shard_size_does_not_change_the_search():
    studies = [new_study(schedule=schedule(7)) for _ in range(3)]
    records = [plain(finish(study, size=size)) for study, size in zip(studies, (1, 3, 8), strict=True)]
    assert records[0] == records[1] == records[2]
    assert studies[0].result.values == studies[1].result.values == studies[2].result.values


def test_decays_are_searched_on_the_scale_of_the_schedule():
    """The same normal numbers lead from 0.9 to values that lie as far from it, each on its scale."""
    clipped = 0
    complement = first_values(schedule=schedule(50, decay_transform="log-complement"))
    for one, other in zip(first_values(schedule=schedule(50)), complement, strict=True):
        assert one["learning_rate"] == other["learning_rate"]
        offset = math.log(one["beta1"] / (1 - one["beta1"])) - math.log(9)
        if math.log(0.1) + offset < 0:
            assert math.log(1 - other["beta1"]) == pytest.approx(math.log(0.1) + offset, abs=1e-6)
        else:
            clipped += 1
            assert other["beta1"] == 0
    assert 0 < clipped < 25


# The barrier


def test_nothing_is_handed_out_until_the_whole_generation_is_back():
    study = new_study(schedule=schedule(6))
    first, second, third = shards_of(study)
    assert study.complete(fake_evaluate(third)) is None
    assert study.num_pending == 0
    assert study.complete(fake_evaluate(first)) is None
    assert study.num_pending == 0
    assert study.complete(fake_evaluate(second)) is not None
    assert (study.num_pending, study.take(2).generation) == (6, 1)


def test_the_end_of_a_generation_says_how_many_fitnesses_were_finite():
    study = new_study(schedule=schedule(3))
    assert finish_generation(study, all_diverge) == GenerationResult(0, num_finite=0)
    one, two, three = shards_of(study, 1)
    assert study.complete(scored(one, math.inf)) is None
    assert study.complete(scored(two, 4.0)) is None
    assert study.complete(scored(three, math.nan)) == GenerationResult(1, num_finite=1)
    assert finish_generation(study, all_diverge) == GenerationResult(2, num_finite=0)
    assert study.finished


def test_a_generation_without_any_finite_fitness_leaves_the_mean_where_it_was():
    study = new_study()
    assert study.result.values == pytest.approx(defaults("momentum"), rel=1e-12)
    before = study.result.values
    finish_generation(study, all_diverge)
    assert study.result.values == before
    assert study.generation.index == 1


def test_fitnesses_go_to_the_individuals_that_they_are_of():
    """The two lowest are at known places; the mean is theirs, in the unconstrained space."""
    study = new_study(schedule=schedule(4))
    values = study.generation.individuals
    first, second = shards_of(study)
    study.complete(scored(second, 1.0, 9.0))
    study.complete(scored(first, 8.0, 2.0))
    rates = [values[i]["learning_rate"] for i in (1, 2)]
    assert study.result.values["learning_rate"] == pytest.approx(math.sqrt(rates[0] * rates[1]), rel=1e-12)


def test_the_open_generation_is_stored_with_its_mean_spread_and_steps():
    study = new_study()
    for index, (sigma, steps) in enumerate([(3.0, 10), (1.0, 20), (0.5, 40)]):
        opened = study.open_generation()
        assert (opened.index, opened.sigma, opened.steps) == (index, sigma, steps)
        assert opened.mean == study.result.values
        finish_generation(study)
    assert study.open_generation().index == 2


def test_a_shard_is_handed_out_once():
    study = new_study(schedule=schedule(6))
    handed_out = []
    while study.num_pending:
        assert study.next_index == len(handed_out)
        handed_out.extend(study.take(4).indices)
    assert handed_out == [0, 1, 2, 3, 4, 5]


def test_a_shard_has_no_more_than_can_be_trained_together(monkeypatch):
    study = new_study(schedule=schedule(70))
    assert [len(study.take(count).indices) for count in (40, 33, 32)] == [32, 32, 6]
    monkeypatch.setattr(TASKS.load("rosenbrock"), "max_population", 3)
    assert [len(shard.indices) for shard in shards_of(new_study(schedule=schedule(7)), 5)] == [3, 3, 1]


@pytest.mark.parametrize("kind", [TASKS.load("mnist"), OPTIMIZERS.load("adam")])
@pytest.mark.parametrize(("limit", "size"), [(None, 32), (1, 1), (3, 3), (32, 32), (50, 32)])
def test_task_and_optimizer_limit_how_many_are_trained_together(monkeypatch, kind, limit, size):
    monkeypatch.setattr(TASKS.load("mnist"), "max_population", None)
    monkeypatch.setattr(kind, "max_population", limit)
    spec = study_spec("adam", task=TaskSpec("mnist"), schedule=schedule(64))
    assert max_shard_size(spec) == size


def test_what_is_given_back_is_handed_out_first():
    study = new_study(schedule=schedule(6))
    first, second, _ = shards_of(study)
    study.give_back(second.indices)
    study.give_back([0])
    assert (study.num_pending, study.next_index) == (3, 0)
    assert study.training([0, 2]).individuals == (first.training.individuals[0], second.training.individuals[0])
    assert [shard.indices for shard in shards_of(study)] == [(0, 2), (3,)]


@pytest.mark.parametrize(
    ("optimizer", "task", "backend", "gains"),
    [
        ("adam", "quadratic", "torch", True),
        ("adam", "quadratic", "numba", False),
        ("adam", "rosenbrock", "numba", True),
        ("lodo-dense", "quadratic", "numba", True),
    ],
)
def test_only_steps_without_compiled_code_gain_from_lockstep(optimizer, task, backend, gains):
    assert new_study(optimizer, task=TaskSpec(task), backend=backend).gains_from_lockstep == gains


# Order and replay


REFERENCE = new_study("adam", schedule=schedule(7))
REFERENCE_RECORDS = finish(REFERENCE)


def by_place(records):
    return sorted(plain(records), key=lambda r: (r.generation, r.index))


def assert_as_the_reference(study, records):
    assert study.finished
    assert study.result.values == REFERENCE.result.values
    assert by_place(records) == plain(REFERENCE_RECORDS)


@examples
@given(st.data())
def test_the_order_of_completion_does_not_matter(data):
    study = Study(study_record(REFERENCE.spec))
    records = finish(study, lambda away: data.draw(st.integers(0, away - 1)))
    assert_as_the_reference(study, records)


@examples
@given(st.data())
def test_it_is_continued_from_wherever_it_was_killed(data):
    """Stored are some whole generations and any part of the next, which are read in any order."""
    whole = data.draw(st.integers(0, 3))
    part = data.draw(st.sets(st.integers(0, 6)))
    kept = [r for r in REFERENCE_RECORDS if r.generation < whole or (r.generation == whole and r.index in part)]
    stored = data.draw(st.permutations(kept))
    study = Study(study_record(REFERENCE.spec, stored))
    assert study.progress().evaluated == len(stored)
    size = data.draw(st.integers(1, 7))
    rest = finish(study, lambda away: data.draw(st.integers(0, away - 1)), size)
    assert_as_the_reference(study, [*stored, *rest])


@pytest.mark.parametrize("kills", [1, 2, 5])
def test_it_is_continued_again_and_again(kills):
    stored, study = [], Study(study_record(REFERENCE.spec))
    while not study.finished:
        for _ in range(kills):
            if study.num_pending:
                individuals = fake_evaluate(study.take(2))
                study.complete(individuals)
                stored.extend(individuals)
        study = Study(study_record(REFERENCE.spec, stored))
    assert_as_the_reference(study, stored)


def test_only_what_is_missing_is_handed_out():
    stored = [r for r in REFERENCE_RECORDS if r.generation == 0 or (r.generation == 1 and r.index in (2, 3, 6))]
    study = Study(study_record(REFERENCE.spec, stored))
    assert [(s.generation, s.indices) for s in shards_of(study, 3)] == [(1, (0, 1, 4)), (1, (5,))]


def test_a_generation_that_diverged_is_replayed_too():
    study = new_study()
    stored = [record for shard in shards_of(study) for record in all_diverge(shard)]
    study = Study(study_record(study.spec, stored))
    assert study.generation.index == 1
    assert study.open_generation().mean == pytest.approx(defaults("momentum"), rel=1e-12)


def changed(records, generation, index, **changes):
    return [replace(r, **changes) if (r.generation, r.index) == (generation, index) else r for r in records]


def values_of(generation, index):
    (record,) = (r for r in REFERENCE_RECORDS if (r.generation, r.index) == (generation, index))
    return dict(record.hyperparameters)


def refuses(records, generation, index="[0-9]"):
    message = f"study 1 cannot be resumed: individual {index} of generation {generation} .*fresh"
    with pytest.raises(DatabaseError, match=message):
        Study(study_record(REFERENCE.spec, records))


@pytest.mark.parametrize("place", [(0, 0), (0, 6), (1, 3), (2, 5)])
def test_other_hyperparameters_than_the_seeds_are_refused(place):
    values = values_of(*place)
    values["learning_rate"] = math.nextafter(values["learning_rate"], 1)
    refuses(changed(REFERENCE_RECORDS, *place, hyperparameters=values), *place)


def test_hyperparameters_of_another_optimizer_are_refused():
    refuses(changed(REFERENCE_RECORDS, 0, 2, hyperparameters=defaults("lodo")), 0, 2)
    missing = values_of(0, 2)
    del missing["beta2"]
    refuses(changed(REFERENCE_RECORDS, 0, 2, hyperparameters=missing), 0, 2)


def test_another_fitness_is_found_by_the_generation_that_follows_from_it():
    finite = [r for r in REFERENCE_RECORDS if r.generation == 0 and math.isfinite(r.fitness)]
    best = min(finite, key=lambda r: r.fitness)
    refuses(changed(REFERENCE_RECORDS, 0, best.index, fitness=math.inf), 1)


def test_records_of_another_seed_are_refused():
    records = finish(Study(study_record(replace(REFERENCE.spec, seed=5))))
    refuses(records, 0)


@pytest.mark.parametrize(
    "is_lost",
    [
        lambda record: record.generation == 0 and record.index in (4, 5),
        lambda record: record.generation == 1,
        lambda record: record.index >= 2 or record.generation == 1,
    ],
)
def test_individuals_that_were_lost_are_evaluated_again_and_the_later_ones_are_kept(is_lost):
    kept = [record for record in REFERENCE_RECORDS if not is_lost(record)]
    study = Study(study_record(REFERENCE.spec, kept))
    again = finish(study)
    places = {(record.generation, record.index) for record in again} - {(r.generation, r.index) for r in kept}
    assert places == {(r.generation, r.index) for r in REFERENCE_RECORDS if is_lost(r)}
    assert study.result == REFERENCE.result


@pytest.mark.parametrize("place", [{"generation": 3}, {"index": 7}])
def test_a_record_outside_of_the_schedule_is_refused(place):
    extra = replace(REFERENCE_RECORDS[0], **place)
    with pytest.raises(DatabaseError):
        Study(study_record(REFERENCE.spec, [*REFERENCE_RECORDS, extra]))


# Progress


def test_progress_at_the_start():
    progress = new_study("lodo", schedule=schedule(6)).progress()
    assert (progress.optimizer.name, progress.generation, progress.generations) == ("lodo", 1, 3)
    assert (progress.evaluated, progress.diverged, progress.failed) == (0, 0, 0)
    assert math.isnan(progress.best_fitness)
    assert progress.mean == pytest.approx(defaults("lodo"), rel=1e-12)
    assert not progress.finished


def test_progress_on_the_way():
    study = new_study(schedule=schedule(4))
    first, second = shards_of(study)
    study.complete(scored(first, 5.0, math.nan))
    progress = study.progress()
    assert (progress.generation, progress.evaluated, progress.diverged, progress.failed) == (1, 2, 1, 0)
    assert (progress.best_fitness, study.steps_left) == (5.0, 4 * 70 - 20)
    study.complete((individual_record(second, 0, math.nan, Status.FAILED), individual_record(second, 1, 3.0)))
    progress = study.progress()
    assert (progress.generation, progress.evaluated, progress.diverged, progress.failed) == (2, 4, 1, 1)
    assert (progress.best_fitness, study.steps_left, progress.finished) == (3.0, 4 * 60, False)
    assert progress.mean == study.result.values
    study.complete(scored(study.take(2), 7.0, 6.0))
    assert (study.progress().evaluated, study.steps_left) == (6, 4 * 60 - 40)


def test_progress_at_the_end():
    study = Study(study_record(REFERENCE.spec, REFERENCE_RECORDS))
    progress = study.progress()
    diverged = sum(math.isnan(r.fitness) for r in REFERENCE_RECORDS)
    assert diverged > 0
    assert (progress.generation, progress.generations, progress.finished) == (3, 3, True)
    assert (progress.evaluated, progress.diverged, progress.failed) == (21, diverged, 0)
    assert study.steps_left == 0
    assert progress.mean == REFERENCE.result.values


def test_the_best_of_a_whole_generation_is_its_own():
    study = new_study(schedule=schedule(4))
    study.complete(scored(study.take(4), 4.0, 1.0, 2.0, 3.0))
    study.complete(scored(study.take(4), 8.0, 7.0, 6.0, 5.0))
    assert study.progress().best_fitness == 5.0


def test_the_best_stays_while_nothing_better_known_is_finite():
    study = new_study(schedule=schedule(4))
    study.complete(scored(study.take(4), 4.0, 1.0, 2.0, 3.0))
    study.complete(all_diverge(study.take(4)))
    assert study.progress().best_fitness == 1.0


@pytest.mark.parametrize("later", [(8.0, 7.0), (8.0, 7.0, math.nan, math.nan)])
def test_the_best_of_a_generation_that_is_not_all_finite_is_its_own(later):
    study = new_study(schedule=schedule(4))
    while study.generation.index == 0:
        study.complete(scored(study.take(len(later)), *[4.0, 1.0, 2.0, 3.0][: len(later)]))
    study.complete(scored(study.take(len(later)), *later))
    assert study.progress().best_fitness == 7.0
