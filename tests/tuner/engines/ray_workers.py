"""Workers for the Ray engine that evaluate nothing, and a coordinator for them."""

import os
import signal
import time

import ray

import lodo_bench
from lodo_bench.tuner.engines.ray import trainable


def describe(shard):
    """Return where this worker is instead of individuals, after a while."""
    time.sleep(0.05)
    return {
        "shard": shard,
        "gpus": ray.get_gpu_ids(),
        "node": ray.get_runtime_context().get_node_id(),
        "process": os.getpid(),
        "package": lodo_bench.__file__,
    }


class DescribingWorker(trainable.SearchWorker):
    """A worker that tells where it is."""

    def setup(self, config):
        trainable.evaluate = describe
        super().setup(config)


class CrashingWorker(trainable.SearchWorker):
    """A worker that ends at its start."""

    def setup(self, config):
        os.kill(os.getpid(), signal.SIGKILL)


class Counting:
    """A coordinator of so many shards, which are numbers.

    Args:
        count: the number of shards.
        patience: the seconds that one may take.
    """

    def __init__(self, count, patience=60):
        self.left, self.patience = list(range(count)), patience
        self.num_workers, self.shard_overhead = 1, 0.0
        self.taken, self.results, self.notices, self.losses = {}, [], [], []

    @property
    def num_pending(self):
        return len(self.left)

    @property
    def finished(self):
        return not self.left and not self.taken

    def assign(self, worker):
        assert worker not in self.taken
        if not self.left:
            return None
        shard = self.left.pop(0)
        self.taken[worker] = shard, time.monotonic()
        return shard

    def complete(self, results):
        for worker, result in results.items():
            shard, _ = self.taken.pop(worker)
            assert result["shard"] == shard
            self.results.append({**result, "worker": worker})

    def lose(self, worker, reason):
        self.losses.append((worker, reason))
        if worker in self.taken:
            self.left.append(self.taken.pop(worker)[0])

    def overdue(self):
        now = time.monotonic()
        return [worker for worker, (_, start) in self.taken.items() if now - start > self.patience]

    def notice(self, message):
        self.notices.append(message)
