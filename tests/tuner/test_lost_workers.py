"""Workers that are lost or overdue, and what becomes of their individuals."""

import pytest

from lodo_bench.spec.outcome import Status
from tests.tuner.helpers import Clock, coordinate, fake_evaluate, new_study, run

HOUR = 3600.0


class Search:
    """A study of six individuals that are handed out by twos, with its clock."""

    def __init__(self):
        self.clock = Clock()
        self.coordinator, self.writer, self.callback = coordinate(new_study(), workers=3, clock=self.clock)

    def assign(self, worker):
        return self.coordinator.assign(worker).indices

    def lose(self, worker):
        self.coordinator.lose(worker, "was lost")

    def complete(self, worker, shard):
        self.coordinator.complete({worker: fake_evaluate(shard)})

    def learn(self, seconds):
        """Complete a shard of two that takes so long."""
        shard = self.coordinator.assign("teacher")
        self.clock.now += seconds
        self.complete("teacher", shard)
        self.coordinator.overdue()

    def wait(self, seconds, tick=1.0):
        """Let time pass in ticks, and return who is overdue at its end."""
        found = []
        for _ in range(round(seconds / tick)):
            self.clock.now += tick
            found = self.coordinator.overdue()
        return found

    @property
    def stored(self):
        return {index: record for (_, _, index), record in self.writer.individuals.items()}


def test_the_individuals_of_a_lost_worker_come_back_first_and_each_alone():
    search = Search()
    assert [search.assign(worker) for worker in "ab"] == [(0, 1), (2, 3)]
    search.lose("b")
    assert search.coordinator.num_pending == 4
    assert [search.assign(worker) for worker in "bcd"] == [(2,), (3,), (4, 5)]
    assert search.coordinator.assign("e") is None
    assert search.callback.notices == ["momentum: b was lost; its individuals are trained again."]


def test_individuals_that_are_not_to_blame_are_handed_out_as_before():
    search = Search()
    for worker in "abcd":
        assert search.assign(worker) == (0, 1)
        search.coordinator.lose(worker, "cannot train", blame=False)
    assert search.stored == {}


def test_an_individual_that_lost_its_worker_three_times_has_failed_and_the_others_go_on():
    search = Search()
    assert search.assign("first") == (0, 1)
    search.lose("first")
    for worker in ("second", "third"):
        assert search.stored == {}
        assert search.assign(worker) == (0,)
        search.coordinator.lose(worker, "did not respond")
    (failed,) = search.stored.values()
    assert (failed.index, failed.status, failed.reason) == (0, Status.FAILED, "third did not respond")
    assert failed.hyperparameters == new_study().generation.individuals[0]
    assert search.callback.reports[-1].failed == 1
    rest = [search.coordinator.assign(worker) for worker in "abc"]
    assert [shard.indices for shard in rest] == [(1,), (2, 3), (4, 5)]
    for worker, shard in zip("abc", rest, strict=True):
        search.complete(worker, shard)
    assert {index for index, record in search.stored.items() if record.status is Status.FAILED} == {0}
    assert search.coordinator.num_pending == 6  # the next generation is open
    assert search.assign("a") == (0, 1)


def test_the_last_of_a_generation_may_fail_so():
    search = Search()
    shards = [search.coordinator.assign(worker) for worker in "abc"]
    for worker, shard in zip("ab", shards, strict=False):
        search.complete(worker, shard)
    search.lose("c")
    for _ in range(2):
        assert [search.assign(worker) for worker in "cd"] == [(4,), (5,)]
        search.lose("d")
        search.lose("c")
    assert [record.status for _, record in sorted(search.stored.items())][4:] == [Status.FAILED] * 2
    assert (1, 1) in search.writer.generations


def test_after_two_losses_a_result_is_as_good_as_any():
    expected = run([new_study()])
    search = Search()
    while (shard := search.coordinator.assign("a")) is not None:
        search.lose("a")
        for _ in shard.indices:
            search.assign("a")
            search.lose("a")
            search.complete("a", search.coordinator.assign("a"))
    assert search.writer.results == expected.results


@pytest.mark.parametrize("worker", ["idle", "unknown"])
def test_a_worker_without_a_shard_is_lost_without_a_trace(worker):
    search = Search()
    shard = search.coordinator.assign("idle")
    search.complete("idle", shard)
    busy, events, reports = search.assign("busy"), list(search.writer.events), list(search.callback.reports)
    search.lose(worker)
    assert (search.coordinator.num_pending, search.callback.notices) == (2, [])
    assert (search.writer.events, search.callback.reports) == (events, reports)
    assert (busy, search.assign(worker)) == ((2, 3), (4, 5))


def test_a_worker_is_lost_once():
    search = Search()
    search.assign("a")
    for _ in range(5):
        search.lose("a")
    assert (search.coordinator.num_pending, len(search.callback.notices), search.stored) == (6, 1, {})


# Patience


def test_while_nothing_is_known_a_worker_has_an_hour():
    search = Search()
    search.assign("a")
    assert search.wait(HOUR) == []
    assert search.wait(1) == ["a"]
    search.lose("a")
    search.assign("a")
    assert search.wait(2 * HOUR) == []
    assert search.wait(1) == ["a"]


def test_a_worker_that_hangs_while_nothing_is_known_is_overdue_once_others_have_finished():
    search = Search()
    search.assign("hanging")
    search.wait(5)
    search.learn(7.0)
    assert search.wait(57) == []
    assert search.wait(6) == ["hanging"]


def test_what_workers_had_that_were_lost_together_is_handed_out_as_before():
    search = Search()
    assert [search.assign(worker) for worker in "abc"] == [(0, 1), (2, 3), (4, 5)]
    search.coordinator.recall()
    assert search.coordinator.num_pending == 6
    assert sorted(search.assign(worker) for worker in "abc") == [(0, 1), (2, 3), (4, 5)]
    for worker in "abc":
        search.lose(worker)
    assert search.stored == {}


def test_a_worker_has_ten_times_what_its_shard_should_take():
    search = Search()
    search.learn(7.0)
    search.assign("a")
    assert search.wait(70) == []
    assert search.wait(1) == search.wait(1) == ["a"]


def test_a_generation_with_more_steps_has_more_time():
    search = Search()
    for _ in range(3):
        search.learn(7.0)
    assert len(search.writer.generations) == 2
    search.assign("a")
    assert search.wait(140) == []
    assert search.wait(1) == ["a"]


def test_a_quick_shard_has_half_a_minute():
    search = Search()
    search.learn(0.01)
    search.assign("a")
    assert search.wait(30) == []
    assert search.wait(1) == ["a"]


def test_who_got_a_shard_later_is_overdue_later():
    search = Search()
    search.learn(7.0)
    search.assign("a")
    search.wait(20)
    search.assign("b")
    assert search.wait(51) == ["a"]
    assert search.wait(20) == ["a", "b"]
    search.lose("a")
    assert search.wait(1) == ["b"]


def test_patience_doubles_with_each_loss():
    search = Search()
    search.learn(0.01)
    assert search.assign("a") == (2, 3)
    for patience in (30, 60, 120):
        assert search.wait(patience) == []
        assert search.wait(1) == ["a"]
        search.lose("a")
        if patience < 120:
            assert search.assign("a") == (2,)
    assert search.stored[2].status is Status.FAILED
    # What has not been lost has the usual patience, and what has been lost once the double.
    assert [search.assign(worker) for worker in "ab"] == [(3,), (4, 5)]
    assert search.wait(31) == ["b"]
    assert search.wait(30) == ["a", "b"]


@pytest.mark.parametrize("suspended", [60.0, 8 * HOUR])
def test_time_in_which_the_search_was_suspended_does_not_count(suspended):
    search = Search()
    search.learn(0.01)
    search.assign("a")
    search.wait(20)
    assert search.wait(suspended, tick=suspended) == []  # counts as 5 s
    assert search.wait(5) == []
    assert search.wait(1) == ["a"]


def test_who_looks_for_the_overdue_reports_what_the_workers_do():
    search = Search()
    search.assign("a")
    search.wait(3)
    assert [activity.num_busy for activity in search.callback.activities] == [1, 1, 1]
