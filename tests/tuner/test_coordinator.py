"""The coordination of several studies: order of shards, storage, retries and callbacks."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.study import Study
from tests.tuner.helpers import (
    MemoryWriter,
    RecordingCallback,
    all_diverge,
    examples,
    fake_evaluate,
    new_study,
    plain,
    run,
    schedule,
    scored,
    study_spec,
)

NAMES = {1: "momentum", 2: "adam", 3: "lodo"}


def three_studies():
    return [new_study(name, number) for number, name in NAMES.items()]


def coordinate(*studies):
    writer, callback = MemoryWriter(), RecordingCallback()
    return Coordinator(studies, writer, callback), writer, callback


def places(shards):
    return [(shard.study, shard.generation, shard.first) for shard in shards]


def all_shards(coordinator):
    return list(iter(coordinator.next_shard, None))


def test_all_studies_come_to_their_results():
    studies = three_studies()
    writer = run(studies)
    assert writer.results == {study.id: study.result for study in studies}
    assert sorted(writer.individuals) == [(s, g, i) for s in NAMES for g in range(3) for i in range(6)]
    assert sorted(writer.generations) == [(s, g) for s in NAMES for g in range(3)]


def test_studies_together_have_the_results_that_they_have_alone():
    alone = {number: run([new_study(name, number)]).results[number] for number, name in NAMES.items()}
    assert run(three_studies()).results == alone


def test_while_a_study_waits_the_others_shards_are_handed_out():
    coordinator, _, _ = coordinate(*three_studies())
    shards = all_shards(coordinator)
    assert places(shards) == [(study, 0, first) for study in NAMES for first in (0, 2, 4)]
    assert coordinator.next_shard() is None
    assert not coordinator.finished


def test_the_study_that_is_furthest_behind_comes_first():
    coordinator, _, _ = coordinate(*three_studies())
    shards = all_shards(coordinator)
    for shard in shards[3:6]:
        coordinator.complete(shard, fake_evaluate(shard))
    ahead = coordinator.next_shard()
    assert places([ahead]) == [(2, 1, 0)]
    for shard in shards[6:]:
        coordinator.complete(shard, fake_evaluate(shard))
    # Now 2 and 3 are both in their second generation; the former has two shards left, and 1 waits.
    assert places(all_shards(coordinator)) == [(2, 1, 2), (2, 1, 4), (3, 1, 0), (3, 1, 2), (3, 1, 4)]
    coordinator.complete(ahead, fake_evaluate(ahead))
    assert coordinator.next_shard() is None


def test_a_study_that_has_fallen_behind_is_caught_up_with():
    coordinator, _, _ = coordinate(new_study("momentum", 1), new_study("adam", 2))
    for _ in range(3):
        shard = coordinator.next_shard()
        coordinator.complete(shard, fake_evaluate(shard))
    assert places([coordinator.next_shard()]) == [(2, 0, 0)]


def test_a_lost_shard_is_handed_out_again_and_given_up_after_a_few_times():
    coordinator, writer, listening = coordinate(new_study("momentum", 1))
    shard = coordinator.next_shard()
    for _ in range(2):
        coordinator.requeue(shard, "a worker was lost")
        assert coordinator.next_shard() == shard
    assert listening.notices == ["momentum: a worker was lost; its individuals are trained again."] * 2
    coordinator.requeue(shard, "a worker was lost")
    lost = writer.record(1, study_spec("momentum")).individuals
    assert [(r.index, r.status, r.reason) for r in lost] == [(i, "failed", "a worker was lost") for i in (0, 1)]
    assert coordinator.next_shard() != shard


@examples
@given(st.data())
def test_the_order_of_completion_does_not_matter(data):
    """Evaluate with any number of workers, any of which may be the next to finish."""
    workers = data.draw(st.integers(1, 12))
    coordinator, writer, _ = coordinate(*three_studies())
    away = []
    while not coordinator.finished:
        while len(away) < workers and (shard := coordinator.next_shard()) is not None:
            away.append(shard)
        shard = away.pop(data.draw(st.integers(0, len(away) - 1)))
        coordinator.complete(shard, fake_evaluate(shard))
    assert not away
    assert_as_the_reference(writer)


REFERENCE = run(three_studies())


def assert_as_the_reference(writer):
    assert writer.results == REFERENCE.results
    assert writer.generations == REFERENCE.generations
    for number, name in NAMES.items():
        spec = study_spec(name)
        assert plain(writer.record(number, spec).individuals) == plain(REFERENCE.record(number, spec).individuals)


# The writer


class Killed(BaseException):
    pass


class MortalWriter(MemoryWriter):
    """A writer that dies before a call."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def _live(self):
        if self.calls == 0:
            raise Killed
        self.calls -= 1

    def add_generation(self, *arguments):
        self._live()
        super().add_generation(*arguments)

    def add_individuals(self, *arguments):
        self._live()
        super().add_individuals(*arguments)

    def finish_study(self, *arguments):
        self._live()
        super().finish_study(*arguments)


def restored(writer):
    return [Study(writer.record(number, study_spec(name))) for number, name in NAMES.items()]


CALLS = len(REFERENCE.events)
RESULT_CALLS = [i for i, event in enumerate(REFERENCE.events) if event[0] == "result"]


def resume_after(calls):
    writer = MortalWriter(calls)
    with pytest.raises(Killed):
        run(three_studies(), writer=writer)
    writer.calls = -1
    run(restored(writer), writer=writer)
    assert_as_the_reference(writer)


@pytest.mark.parametrize("calls", sorted(set(range(CALLS)) - set(RESULT_CALLS)))
def test_it_is_continued_from_wherever_it_was_killed(calls):
    resume_after(calls)


@pytest.mark.parametrize("calls", RESULT_CALLS)
def test_it_is_continued_from_in_front_of_a_result(calls):
    resume_after(calls)


@examples
@given(st.lists(st.integers(0, 15), max_size=6))
def test_it_is_continued_again_and_again(lives):
    writer = MortalWriter(0)
    for calls in lives:
        writer.calls = calls
        with suppress(Killed):
            run(restored(writer), writer=writer)
    writer.calls = -1
    run(restored(writer), writer=writer)
    assert_as_the_reference(writer)


def test_a_shard_is_stored_before_the_next_is_handed_out():
    coordinator, writer, _ = coordinate(*three_studies())
    count = 0
    while (shard := coordinator.next_shard()) is not None:
        assert len(writer.individuals) == count
        assert (shard.study, shard.generation) in writer.generations
        coordinator.complete(shard, fake_evaluate(shard))
        count += 2
    assert count == 54


def test_the_first_generations_are_stored_from_the_start():
    _, writer, _ = coordinate(*three_studies())
    assert writer.events == [("generation", number, 0) for number in NAMES]


def test_writes_are_in_order():
    writer = run([new_study(shard_size=3)])
    expected = []
    for generation in range(3):
        expected.append(("generation", 1, generation))
        expected.extend(("individuals", 1, generation, indices) for indices in ([0, 1, 2], [3, 4, 5]))
    assert writer.events == [*expected, ("result", 1)]


def test_generations_are_stored_as_they_opened():
    study = new_study()
    coordinator, writer, _ = coordinate(study)
    while (shard := coordinator.next_shard()) is not None:
        assert writer.generations[1, shard.generation] == study.open_generation()
        coordinator.complete(shard, fake_evaluate(shard))


def test_what_could_not_be_stored_does_not_count():
    study = new_study()
    writer, callback = MortalWriter(1), RecordingCallback()
    coordinator = Coordinator([study], writer, callback)
    shard = coordinator.next_shard()
    with pytest.raises(Killed):
        coordinator.complete(shard, fake_evaluate(shard))
    assert study.progress().evaluated == 0
    assert len(callback.reports) == 1


def finished_study(number=7):
    writer = run([new_study(number=number)])
    return Study(writer.record(number, study_spec()))


def test_a_finished_study_is_left_alone():
    coordinator, writer, callback = coordinate(finished_study())
    assert coordinator.finished
    assert coordinator.next_shard() is None
    assert not writer.generations
    assert not writer.individuals
    assert [(p.finished, p.evaluated) for p in callback.reports] == [(True, 18)]


def test_a_finished_study_beside_an_unfinished_one_gets_no_shards():
    coordinator, writer, _ = coordinate(finished_study(7), new_study("adam", 8))
    assert not coordinator.finished
    assert {shard.study for shard in all_shards(coordinator)} == {8}
    assert list(writer.generations) == [(8, 0)]


def test_without_studies_all_is_done():
    coordinator, _, _ = coordinate()
    assert coordinator.finished
    assert coordinator.next_shard() is None


# The callback


def test_progress_is_reported_at_the_start_and_after_every_shard():
    callback = RecordingCallback()
    run([new_study("momentum", 1), new_study("adam", 2)], callback=callback)
    start, rest = callback.reports[:2], callback.reports[2:]
    assert [(p.optimizer.name, p.evaluated, p.generation) for p in start] == [("momentum", 0, 1), ("adam", 0, 1)]
    for optimizer in ("momentum", "adam"):
        reports = [p for p in rest if p.optimizer.name == optimizer]
        assert [p.evaluated for p in reports] == [2, 4, 6, 8, 10, 12, 14, 16, 18]
        assert [p.generation for p in reports] == [1, 1, 2, 2, 2, 3, 3, 3, 3]
        assert [p.steps_done for p in reports] == [20, 40, 60, 100, 140, 180, 260, 340, 420]
        assert [p.finished for p in reports] == [False] * 8 + [True]
        assert {p.steps_total for p in reports} == {420}
    assert callback.notices == []


def test_a_generation_without_any_finite_fitness_is_noticed():
    studies, callback = [new_study("momentum", 1), new_study("adam", 2)], RecordingCallback()

    def evaluate(shard):
        return all_diverge(shard) if (shard.study, shard.generation) == (2, 1) else fake_evaluate(shard)

    writer = run(studies, evaluate, callback=callback)
    (notice,) = callback.notices
    assert "adam" in notice
    assert "no individual of generation 2 has a finite loss" in notice
    assert "the mean is unchanged" in notice
    assert writer.generations[2, 2].mean == writer.generations[2, 1].mean


def test_every_such_generation_is_noticed_and_the_result_is_the_start():
    study, callback = new_study(), RecordingCallback()
    start = study.result
    writer = run([study], all_diverge, callback=callback)
    assert ["generation 1" in n for n in callback.notices] == [True, False, False]
    assert ["generation 3" in n for n in callback.notices] == [False, False, True]
    assert writer.results == {1: start}
    assert callback.reports[-1].diverged == 18
    assert math.isnan(callback.reports[-1].best_fitness)


def test_one_finite_fitness_is_no_cause_for_a_notice():
    callback = RecordingCallback()

    def evaluate(shard):
        return scored(shard, math.nan, 1.0) if shard.first == 2 else all_diverge(shard)

    run([new_study(schedule=schedule(6))], evaluate, callback=callback)
    assert callback.notices == []


def test_a_result_is_reported_after_it_is_stored():
    writer = MemoryWriter()

    class Looking(RecordingCallback):
        def progress(self, progress):
            super().progress(progress)
            assert progress.finished == (1 in writer.results)
            assert progress.evaluated == len(writer.individuals)

    callback = Looking()
    run([new_study()], writer=writer, callback=callback)
    assert callback.reports[-1].mean == writer.results[1].values
