"""What a worker gets next, and how much of it; what the user is told of the workers."""

import math

import pytest

from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tuner.coordinator import SearchActivity, guided_size, lockstep_size
from tests.tuner.helpers import Clock, coordinate, fake_evaluate, new_study, schedule


def compiled_study(number=1, population=40):
    """A study whose individuals each take their time."""
    return new_study("adam", number, task=TaskSpec("quadratic"), backend="numba", schedule=schedule(population))


def lockstep_study(number=1, population=6):
    return new_study("adam", number, schedule=schedule(population))


class Search:
    """A coordinator and its clock."""

    def __init__(self, *studies, workers):
        self.clock = Clock()
        self.coordinator, self.writer, self.callback = coordinate(*studies, workers=workers, clock=self.clock)
        self.shards = {}

    def assign(self, worker="one"):
        self.shards[worker] = self.coordinator.assign(worker)
        return self.shards[worker]

    def complete(self, worker="one", seconds=1.0):
        self.clock.now += seconds
        self.coordinator.complete({worker: fake_evaluate(self.shards.pop(worker))})

    def generation(self, seconds_per_individual=1.0):
        """Return the shards of a generation of a single study, which are evaluated one after the other."""
        shards, generation = [], len(self.writer.generations)
        while len(self.writer.generations) == generation and (shard := self.assign()) is not None:
            shards.append(shard)
            self.complete(seconds=seconds_per_individual * len(shard.indices))
        return shards

    @property
    def activity(self):
        self.coordinator.report_activity()
        return self.callback.activities[-1]


def sizes(shards):
    return [len(shard.indices) for shard in shards]


# Sizes


def test_shards_of_compiled_steps_become_smaller_toward_the_end_of_a_generation():
    search = Search(compiled_study(), workers=2)
    for generation in range(3):
        shards = search.generation()
        assert [shard.generation for shard in shards] == [generation] * len(shards)
        assert [index for shard in shards for index in shard.indices] == list(range(40))
        assert sizes(shards) == [10, 7, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(("workers", "first"), [(1, 20), (3, 6), (20, 1), (100, 1)])
def test_a_shard_is_half_of_a_workers_share(workers, first):
    assert guided_size(40 / workers, 0.0, workers) == pytest.approx(20 / workers)
    assert len(Search(compiled_study(), workers=workers).assign().indices) == first


@pytest.mark.parametrize(
    ("share", "overhead", "workers", "size"),
    [
        (8, 0.0, 4, 4),  # costs nothing
        (8, 0.1, 4, 4),
        (2, 0.5, 2, 5),  # an individual takes twice what handing it out costs
        (2, 0.1, 32, 2),  # a coordinator that serves many
        (5, 0.1, 32, 3.2),
        (20, 0.1, 32, 10),
    ],
)
def test_a_shard_is_worth_handing_out(share, overhead, workers, size):
    assert guided_size(share, overhead, workers) == pytest.approx(size)


def test_a_share_is_of_the_time_that_all_studies_take():
    search = Search(compiled_study(1, 20), compiled_study(2, 20), workers=2)
    assert len(search.assign().indices) == 10  # a quarter of all individuals
    search.complete(seconds=10.0)
    assert (search.assign().study, len(search.shards["one"].indices)) == (2, 7)  # of 30: nothing is known of this study
    search.complete(seconds=70.0)
    # Left are 10 individuals of 1 s and 13 of 10 s: 140 s, of which a quarter is 3.5 individuals.
    assert (search.assign().study, len(search.shards["one"].indices)) == (2, 3)


def test_the_number_of_workers_may_change():
    search = Search(compiled_study(), workers=2)
    assert len(search.assign("one").indices) == 10
    search.coordinator.num_workers = 5
    assert len(search.assign("two").indices) == 3


@pytest.mark.parametrize(
    ("population", "workers", "studies", "size"),
    [
        *[(16, 1, 1, 16), (16, 4, 1, 4), (16, 3, 1, 6), (5, 8, 1, 1)],
        *[(16, 4, 2, 8), (16, 4, 3, 8), (6, 9, 3, 2), (16, 4, 4, 16), (16, 4, 9, 16)],
    ],
)
def test_studies_divide_the_workers_and_workers_divide_a_generation(population, workers, studies, size):
    assert lockstep_size(population, workers, studies) == size


@pytest.mark.parametrize(("studies", "workers", "size"), [(1, 2, 3), (2, 4, 3), (2, 6, 2), (3, 2, 6), (2, 2, 6)])
def test_in_lockstep_each_worker_of_a_study_has_an_equal_part(studies, workers, size):
    search = Search(*(lockstep_study(number) for number in range(studies)), workers=workers)
    shards = []
    while (shard := search.assign(str(len(shards)))) is not None:
        shards.append(shard)
    assert sizes(shards) == [size] * (studies * 6 // size)


@pytest.mark.parametrize("study", [compiled_study, lockstep_study])
def test_no_shard_is_larger_than_the_task_can_train(monkeypatch, study):
    monkeypatch.setattr(TASKS.load("quadratic"), "max_population", 3)
    monkeypatch.setattr(TASKS.load("rosenbrock"), "max_population", 3)
    search = Search(study(population=8), workers=1)
    search.coordinator.shard_overhead = 1.0
    assert max(sizes(search.generation())) == 3


def test_cheap_shards_take_ten_times_what_handing_them_out_costs():
    search = Search(compiled_study(), workers=20)
    search.coordinator.shard_overhead = 0.5
    assert len(search.assign().indices) == 1  # nothing is known
    search.complete(seconds=0.25)
    assert sizes(search.generation(0.25)) == [20, 19]
    # Individuals of the next generation take twice as many steps.
    assert sizes(search.generation(0.5)) == [10] * 4
    search.coordinator.shard_overhead = 0.01
    assert sizes(search.generation(1.0)) == [1] * 40


# Order


@pytest.mark.parametrize("slow", [1, 2])
@pytest.mark.parametrize("study", [compiled_study, lockstep_study])
def test_the_study_that_takes_longest_comes_first(study, slow):
    search = Search(study(1, 6), study(2, 6), workers=1)
    quick, waiting = 3 - slow, {1, 2}
    while waiting:  # until something is known of both
        number = search.assign().study
        waiting.discard(number)
        search.complete(seconds=60.0 if number == slow else 1.0)
    # The slow one, until it is as near to its end as the other.
    order = []
    while (shard := search.assign()) is not None:
        order.append(shard.study)
        search.complete(seconds=len(shard.indices) * shard.training.steps * (1.0 if shard.study == slow else 0.1))
    assert order[0] == slow
    assert order.index(quick) > order.count(slow) // 2


def test_a_study_of_which_nothing_is_known_comes_before_the_others():
    search = Search(lockstep_study(1), lockstep_study(2), lockstep_study(3), workers=3)
    first = search.assign()
    search.complete(seconds=1e6)
    assert {first.study, search.assign("two").study, search.assign("three").study} == {1, 2, 3}


def test_a_study_waits_for_its_generation_while_the_other_goes_on():
    search = Search(lockstep_study(1), lockstep_study(2), workers=2)
    assert [search.assign(worker).study for worker in ("one", "two")] == [1, 2]
    for generation in range(3):
        assert (search.shards["two"].study, search.shards["two"].generation) == (2, generation)
        search.complete("two")
        search.assign("two")
    assert search.shards["two"] is None
    search.complete("one")
    assert (search.assign("two").study, search.shards["two"].generation) == (1, 1)


# Activity


def test_what_the_workers_do_is_reported():
    search = Search(lockstep_study(), workers=3)
    search.clock.now = 10.0
    nothing = search.activity
    assert (nothing.num_workers, nothing.num_started, nothing.num_busy, nothing.num_individuals) == (3, 0, 0, 0)
    assert math.isnan(nothing.individuals_per_second) and math.isnan(nothing.seconds_left)
    for worker in ("one", "two"):
        search.assign(worker)
    busy = search.activity
    assert (busy.num_workers, busy.num_started, busy.num_busy, busy.num_individuals) == (3, 2, 2, 4)
    search.complete("one", seconds=10.0)  # the first two individuals, in 10 steps
    # They took 0.5 s for each step; left are 4 individuals of 10 steps, 6 of 20 and 6 of 40.
    assert search.activity == SearchActivity(3, 2, 1, 2, 2 / 20, 0.5 * (4 * 10 + 6 * 20 + 6 * 40) / 3)
    search.coordinator.num_workers = 4
    assert search.activity.seconds_left == 50.0
    search.coordinator.lose("two", "was lost")
    lost = search.activity
    assert (lost.num_started, lost.num_busy, lost.num_individuals) == (2, 0, 0)


def test_the_time_left_is_unknown_while_it_is_of_one_study():
    search = Search(lockstep_study(1), lockstep_study(2), workers=2)
    search.assign()
    search.complete()
    assert math.isnan(search.activity.seconds_left)
    search.assign()
    search.complete()
    assert math.isfinite(search.activity.seconds_left)


def test_the_speed_is_that_of_the_last_half_minute():
    search = Search(lockstep_study(), workers=3)
    for seconds in (1.0, 1.0, 58.0):
        search.assign()
        search.complete(seconds=seconds)
    assert search.activity.individuals_per_second == 2 / 30
    search.clock.now += 31.0
    assert math.isnan(search.activity.individuals_per_second)


def test_at_the_end_no_time_is_left():
    search = Search(lockstep_study(), workers=1)
    while search.assign() is not None:
        search.complete()
    done = search.activity
    assert (done.num_busy, done.num_individuals, done.seconds_left) == (0, 0, 0.0)
