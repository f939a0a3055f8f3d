"""Workers for the Ray engine that evaluate nothing."""

import os
import signal
import time

import ray

from lodo_bench.tuner.engines.ray import trainable


def describe(shard):
    """Return where this worker is instead of individuals, after a while."""
    time.sleep(0.05)
    return {
        "shard": shard,
        "gpus": ray.get_gpu_ids(),
        "node": ray.get_runtime_context().get_node_id(),
        "process": os.getpid(),
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
