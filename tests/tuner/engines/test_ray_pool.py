"""The workers of a Ray search, without Ray."""

import pickle

import pytest

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.capacity import room_for_workers
from lodo_bench.tuner.engines.ray import pool as pool_module
from lodo_bench.tuner.engines.ray.pool import WorkerPool
from tests.tuner.engines.counting import Counting


class Mail:
    def __init__(self):
        self.boxes, self.stopped = {}, False

    def put(self, shards):
        for mailbox, shard in shards.items():
            self.boxes.setdefault(mailbox, []).append(pickle.loads(shard))

    def forget(self, mailbox):
        self.boxes.pop(mailbox, None)

    def stop(self):
        self.stopped = True


class Cluster:
    """A pool on a cluster that grows and shrinks at will."""

    def __init__(self, count=100, requested=None, room=2, **changes):
        self.coordinator, self.mail, self.room, self.killed = Counting(count, **changes), Mail(), room, []
        self.pool = WorkerPool(self.coordinator, self.mail, requested, lambda: self.room)

    def start(self, trial):
        assert self.pool.add(trial)
        self.introduce(trial)

    def introduce(self, trial, mailbox=None):
        mailbox = mailbox or f"box of {trial}"
        self.pool.introduce(trial, mailbox, 7, "there", lambda: self.killed.append(trial))

    def complete(self, trial):
        shard = self.mail.boxes[f"box of {trial}"][-1]
        self.pool.complete(trial, pickle.dumps({"shard": shard}))


@pytest.fixture(autouse=True)
def at_every_tick(monkeypatch):
    for name in ("_OVERDUE_SECONDS", "_CAPACITY_SECONDS"):
        monkeypatch.setattr(pool_module, name, 0)


def test_workers_are_started_for_all_cpus_or_as_many_as_were_requested():
    for requested, started in ((None, 2), (3, 3), (1, 1)):
        cluster = Cluster(requested=requested)
        assert [cluster.pool.add(trial) for trial in "abcd"].count(True) == started
        assert cluster.coordinator.num_workers == min(2, started)


def test_no_more_workers_are_started_than_there_are_individuals():
    cluster = Cluster(count=3, room=8)
    assert [cluster.pool.add(trial) for trial in "abcd"] == [True, True, True, False]


def test_a_cluster_without_cpus_is_asked_for_one_worker_and_joining_nodes_get_more():
    cluster = Cluster(room=0)
    assert [cluster.pool.add(trial) for trial in "ab"] == [True, False]
    cluster.room = 3
    cluster.pool.tick()
    assert cluster.coordinator.num_workers == 3
    assert [cluster.pool.add(trial) for trial in "bcd"] == [True, True, False]


def test_every_result_is_stored_before_its_worker_gets_another_shard():
    cluster = Cluster(count=3)
    cluster.start("a")
    cluster.start("b")
    assert cluster.mail.boxes == {"box of a": [0], "box of b": [1]}
    cluster.complete("b")
    assert [result["shard"] for result in cluster.coordinator.results] == [1]
    assert cluster.mail.boxes["box of b"] == [1, 2]
    cluster.complete("b")
    assert not cluster.mail.stopped
    cluster.complete("a")
    assert cluster.mail.stopped
    assert {result["worker"] for result in cluster.coordinator.results} == {
        "worker 1 (process 7 on there)",
        "worker 2 (process 7 on there)",
    }


def test_the_shard_of_a_lost_worker_goes_to_an_idle_one_at_once():
    cluster = Cluster(count=1)
    assert cluster.pool.add("a")
    cluster.introduce("a")
    cluster.pool._numbers["b"] = 2
    cluster.introduce("b")
    assert "box of b" not in cluster.mail.boxes
    cluster.pool.lose("a", "killed")
    assert cluster.mail.boxes == {"box of b": [0]}
    assert cluster.coordinator.losses == [("worker 1 (process 7 on there)", "was lost", True)]
    cluster.complete("b")
    assert cluster.pool.finished


def test_a_worker_that_hangs_is_killed_and_what_it_still_says_is_ignored():
    cluster = Cluster(count=1, patience=-1)
    cluster.start("a")
    cluster.coordinator.patience = 60
    cluster.pool.tick()
    assert cluster.killed == []
    cluster.coordinator.patience = -1
    cluster.pool.tick()
    assert cluster.killed == ["a"]
    assert cluster.coordinator.losses == [("worker 1 (process 7 on there)", "did not respond and was replaced", True)]
    cluster.pool.complete("a", pickle.dumps({"shard": 0}))
    cluster.pool.lose("a", "killed")
    assert cluster.coordinator.results == []
    assert len(cluster.coordinator.losses) == 1
    cluster.introduce("a", "box of a")
    cluster.complete("a")
    assert cluster.pool.finished


def test_a_worker_that_cannot_train_gets_nothing_else_while_others_can():
    cluster = Cluster(count=3)
    for trial in "ab":
        cluster.start(trial)
    cluster.pool.report("a", "no module 'mine'")
    assert cluster.coordinator.losses == [("worker 1 (process 7 on there)", "cannot train: no module 'mine'", False)]
    for _ in range(3):
        cluster.complete("b")
    assert cluster.coordinator.finished
    assert cluster.mail.boxes["box of a"] == [0]


def test_a_search_ends_when_no_worker_can_train():
    cluster = Cluster()
    for trial in "ab":
        cluster.start(trial)
    cluster.pool.report("a", "no data")
    with pytest.raises(UsageError, match=r"no worker can train. Worker 1 \(process 7 on there\): no data\.$"):
        cluster.pool.report("b", "no data")


def test_a_worker_that_is_starting_may_be_able_to_train(monkeypatch):
    cluster = Cluster()
    cluster.start("a")
    assert cluster.pool.add("b")
    cluster.pool.report("a", "no data")
    cluster.pool.tick()
    monkeypatch.setattr(pool_module, "_START_PATIENCE_SECONDS", -1.0)
    with pytest.raises(UsageError, match="no data"):
        cluster.pool.tick()


def test_workers_that_end_at_every_start_are_given_up_unless_others_run():
    cluster = Cluster()
    cluster.start("a")
    assert cluster.pool.add("b")
    for _ in range(5):
        cluster.pool.lose("b", "no torch")
    cluster.pool.lose("a", "killed")
    with pytest.raises(UsageError, match=r"worker 2 has ended at each of 6 starts: no torch\.") as caught:
        cluster.pool.lose("b", "no torch")
    assert caught.value.remedy is Remedy.USE_ONE_PROCESS


def test_waiting_for_room_is_told_once(monkeypatch):
    monkeypatch.setattr(pool_module, "_PATIENCE_SECONDS", -1)
    cluster = Cluster(requested=3, room=1)
    cluster.start("a")
    cluster.pool.tick()
    assert cluster.coordinator.notices == []
    assert cluster.pool.add("b")
    for _ in range(3):
        cluster.pool.tick()
    assert cluster.coordinator.notices == [
        "1 of 2 workers wait for room: the cluster has room for 1, without other programs."
    ]


def test_workers_that_are_starting_do_not_wait_for_room(monkeypatch):
    monkeypatch.setattr(pool_module, "_PATIENCE_SECONDS", -1)
    cluster = Cluster()
    assert cluster.pool.add("a")
    cluster.pool.tick()
    assert cluster.coordinator.notices == []


@pytest.mark.parametrize(
    ("share", "nodes", "room"),
    [
        (0, [{"CPU": 4.0}, {"CPU": 2.5, "GPU": 1.0}], 6),
        (0, [{"GPU": 1.0}], 0),
        (1, [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 1.0, "GPU": 4.0}, {"CPU": 8.0}], 3),
        (0.5, [{"CPU": 8.0, "GPU": 2.0}], 4),
        (0.3, [{"CPU": 8.0, "GPU": 2.0}], 6),
        (0.1, [{"CPU": 64.0, "GPU": 1.0}], 10),
        (2, [{"CPU": 8.0, "GPU": 3.0}, {"CPU": 8.0, "GPU": 4.0}], 3),
    ],
)
def test_room_for_workers(share, nodes, room):
    alive = [{"Resources": resources, "Alive": True} for resources in nodes]
    assert room_for_workers([*alive, {"Resources": {"CPU": 99.0, "GPU": 99.0}, "Alive": False}], share) == room
