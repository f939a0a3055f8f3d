"""The coordination of several studies: results for any workers, storage, resumption and callbacks."""

import itertools
import math
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tuner.study import Study
from tests.tuner.helpers import (
    Clock,
    MemoryWriter,
    RecordingCallback,
    all_diverge,
    coordinate,
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
QUADRATIC = TaskSpec("quadratic")


def three_studies(backend="torch"):
    return [new_study(name, number, task=QUADRATIC, backend=backend) for number, name in NAMES.items()]


def spec_of(number):
    return study_spec(NAMES[number], task=QUADRATIC)


def test_all_studies_come_to_their_results():
    studies = three_studies()
    writer = run(studies)
    assert writer.results == {study.id: study.result for study in studies}
    assert sorted(writer.individuals) == [(s, g, i) for s in NAMES for g in range(3) for i in range(6)]
    assert sorted(writer.generations) == [(s, g) for s in NAMES for g in range(3)]


def test_studies_together_have_the_results_that_they_have_alone():
    alone = {study.id: run([study]).results[study.id] for study in three_studies()}
    assert run(three_studies()).results == alone


def test_while_a_study_waits_the_others_individuals_are_handed_out():
    coordinator, _, _ = coordinate(*three_studies())
    shards = [coordinator.assign(str(number)) for number in range(9)]
    handed_out = [(shard.study, shard.generation, index) for shard in shards for index in shard.indices]
    assert sorted(handed_out) == [(study, 0, index) for study in NAMES for index in range(6)]
    assert coordinator.num_pending == 0
    assert coordinator.assign("9") is None
    assert not coordinator.finished


@settings(examples, max_examples=50)
@given(st.data())
def test_workers_change_no_result(data):
    """Search with any number of workers that finish in any order, together or not, after any time, or are lost."""
    clock, losses = Clock(), Counter()
    studies = three_studies(data.draw(st.sampled_from(["torch", "numba"])))
    coordinator, writer, _ = coordinate(*studies, workers=data.draw(st.integers(1, 12)), clock=clock)
    coordinator.shard_overhead = data.draw(st.sampled_from([0.0, 0.01, 1.0]))
    workers, busy = [str(number) for number in range(coordinator.num_workers)], {}
    while not coordinator.finished:
        for worker in workers:
            if worker not in busy and (shard := coordinator.assign(worker)) is not None:
                busy[worker] = shard
        clock.now += data.draw(st.floats(0.01, 100.0))
        ended = data.draw(st.lists(st.sampled_from(sorted(busy)), min_size=1, unique=True))
        shards = {worker: busy.pop(worker) for worker in ended}
        individuals = [(shards[ended[0]].study, shards[ended[0]].generation, i) for i in shards[ended[0]].indices]
        if data.draw(st.integers(0, 3)) == 0 and max(losses[each] for each in individuals) < 2:
            losses.update(individuals)
            del shards[ended[0]]
            coordinator.lose(ended[0], "was lost")
        if shards:
            coordinator.complete({worker: fake_evaluate(shard) for worker, shard in shards.items()})
    assert not busy
    assert_as_the_reference(writer)


REFERENCE = run(three_studies())


def assert_as_the_reference(writer):
    assert writer.results == REFERENCE.results
    assert writer.generations == REFERENCE.generations
    for number in NAMES:
        spec = spec_of(number)
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
    return [Study(writer.record(number, spec_of(number))) for number in NAMES]


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


@settings(examples, max_examples=15)
@given(st.lists(st.integers(0, 15), max_size=4))
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
    while (shard := coordinator.assign("one")) is not None:
        assert len(writer.individuals) == count
        assert (shard.study, shard.generation) in writer.generations
        coordinator.complete({"one": fake_evaluate(shard)})
        count += len(shard.indices)
    assert count == 54


def test_results_that_arrive_together_are_stored_in_one_call():
    coordinator, writer, callback = coordinate(*three_studies(), workers=6)
    shards = {worker: coordinator.assign(worker) for worker in "abcd"}
    before = len(writer.events)
    coordinator.complete({worker: fake_evaluate(shards[worker]) for worker in "dab"})
    places = {(shards[worker].study, 0, index) for worker in "dab" for index in shards[worker].indices}
    assert len({study for study, _, _ in places}) == 2
    (kind, stored), *rest = writer.events[before:]
    assert (kind, set(stored)) == ("individuals", places)
    assert "individuals" not in {event[0] for event in rest}
    # The progress of each study is reported once.
    assert sorted((p.optimizer.name, p.evaluated) for p in callback.reports[3:]) == [("adam", 3), ("momentum", 6)]


def test_the_first_generations_are_stored_from_the_start():
    _, writer, _ = coordinate(*three_studies())
    assert writer.events == [("generation", number, 0) for number in NAMES]


def test_writes_are_in_order():
    writer = run([new_study()], workers=2)
    expected = []
    for generation in range(3):
        expected.append(("generation", 1, generation))
        for indices in ([0, 1, 2], [3, 4, 5]):
            expected.append(("individuals", [(1, generation, index) for index in indices]))
    assert writer.events == [*expected, ("result", 1)]


def test_generations_are_stored_as_they_opened():
    study = new_study()
    coordinator, writer, _ = coordinate(study)
    while (shard := coordinator.assign("one")) is not None:
        assert writer.generations[1, shard.generation] == study.open_generation()
        coordinator.complete({"one": fake_evaluate(shard)})


def test_what_could_not_be_stored_does_not_count():
    study = new_study()
    coordinator, _, callback = coordinate(study, writer=MortalWriter(1))
    shard = coordinator.assign("one")
    with pytest.raises(Killed):
        coordinator.complete({"one": fake_evaluate(shard)})
    assert study.progress().evaluated == 0
    assert len(callback.reports) == 1


def finished_study(number=7):
    writer = run([new_study(number=number)])
    return Study(writer.record(number, study_spec()))


def test_a_finished_study_is_left_alone():
    coordinator, writer, callback = coordinate(finished_study())
    assert coordinator.finished
    assert coordinator.assign("one") is None
    assert not writer.generations
    assert not writer.individuals
    assert [(p.finished, p.evaluated) for p in callback.reports] == [(True, 18)]


def test_a_finished_study_beside_an_unfinished_one_gets_no_shards():
    coordinator, writer, _ = coordinate(finished_study(7), new_study("adam", 8))
    assert not coordinator.finished
    assert {coordinator.assign(worker).study for worker in "abc"} == {8}
    assert list(writer.generations) == [(8, 0)]


def test_without_studies_all_is_done():
    coordinator, _, _ = coordinate()
    assert coordinator.finished
    assert coordinator.assign("one") is None


# The callback


def test_progress_is_reported_at_the_start_and_after_every_shard():
    shards, callback = [], RecordingCallback()

    def evaluate(shard):
        shards.append(shard)
        return fake_evaluate(shard)

    run([new_study("momentum", 1), new_study("adam", 2)], evaluate, callback=callback, workers=6)
    start, rest = callback.reports[:2], callback.reports[2:]
    assert [(p.optimizer.name, p.evaluated, p.generation) for p in start] == [("momentum", 0, 1), ("adam", 0, 1)]
    assert [p.optimizer.name for p in rest] == [NAMES[shard.study] for shard in shards]
    for number in (1, 2):
        reports = [p for p in rest if p.optimizer.name == NAMES[number]]
        evaluated = list(itertools.accumulate(len(shard.indices) for shard in shards if shard.study == number))
        assert [p.evaluated for p in reports] == evaluated
        assert len(evaluated) >= 9 and evaluated[-1] == 18
        assert [p.generation for p in reports] == [min(count // 6 + 1, 3) for count in evaluated]
        assert [p.finished for p in reports] == [count == 18 for count in evaluated]
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
        return scored(shard, math.nan, 1.0) if shard.indices == (2, 3) else all_diverge(shard)

    run([new_study(schedule=schedule(6))], evaluate, callback=callback, workers=3)
    assert callback.notices == []


def test_failures_are_told_once_for_each_machine_and_reason():
    callback = RecordingCallback()
    hosts, reasons = ("left", "right", "left", "left", "right", "left"), ("no memory", "no data")

    def evaluate(shard):
        return [
            replace(record, status=Status.FAILED, host=hosts[record.index], reason=reasons[record.index % 2])
            for record in all_diverge(shard)
        ]

    run([new_study("momentum", 1), new_study("adam", 2)], evaluate, callback=callback)
    told = [notice for notice in callback.notices if "Failed" in notice]
    assert told == [
        "Failed on left: no memory",
        "Failed on right: no data",
        "Failed on left: no data",
        "Failed on right: no memory",
    ]


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


class LateWriter(MemoryWriter):
    """A store that an interrupt reaches right after it has stored individuals."""

    def add_individuals(self, individuals):
        super().add_individuals(individuals)
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_right_after_individuals_are_stored_comes_after_their_report():
    callback = RecordingCallback()
    coordinator, writer, _ = coordinate(new_study(), writer=LateWriter(), callback=callback)
    shard = coordinator.assign("one")
    with pytest.raises(KeyboardInterrupt):
        coordinator.complete({"one": fake_evaluate(shard)})
    assert callback.reports[-1].evaluated == len(writer.individuals) == len(shard.indices)
