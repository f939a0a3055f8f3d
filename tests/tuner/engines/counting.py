"""A coordinator without studies."""

import time


class Counting:
    """A coordinator of `count` shards, which are numbers.

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

    def use_workers(self, number):
        self.num_workers = number

    def recall(self):
        self.left += [shard for shard, _ in self.taken.values()]
        self.taken.clear()

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

    def lose(self, worker, reason, *, blame=True):
        self.losses.append((worker, reason, blame))
        if worker in self.taken:
            self.left.append(self.taken.pop(worker)[0])

    def overdue(self):
        now = time.monotonic()
        return [worker for worker, (_, start) in self.taken.items() if now - start > self.patience]

    def notice(self, message):
        self.notices.append(message)
