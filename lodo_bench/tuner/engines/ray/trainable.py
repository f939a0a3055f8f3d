"""The worker: a Ray actor that evaluates shards for as long as the search lasts."""

from __future__ import annotations

import pickle
from typing import Any
from uuid import uuid4

import ray
from ray import tune
from typing_extensions import override

from lodo_bench.tuner.worker import evaluate
from lodo_bench.user_code import provide

MAILBOX, INDIVIDUALS, PROBLEM = "mailbox", "individuals", "problem"


class SearchWorker(tune.Trainable):
    """A Tune trial that is a worker. Each of its results holds the individuals of a shard.

    The first result only introduces the worker: it names the mailbox in which it waits for shards, which no other has,
    not even the same trial after a restart. Shards and individuals are pickled, as Tune need not look into them.
    """

    @override
    def setup(self, config: dict[str, Any]) -> None:
        provide(config["files"])
        self._dispatcher = ray.get_actor(config["dispatcher"])
        self._mailbox = ""

    @override
    def step(self) -> dict[str, Any]:
        if not self._mailbox:
            self._mailbox = uuid4().hex
            return {MAILBOX: self._mailbox}
        shard: Any = ray.get(self._dispatcher.next.remote(self._mailbox))
        if shard is None:
            return {tune.result.DONE: True}
        try:
            return {INDIVIDUALS: pickle.dumps(evaluate(pickle.loads(shard)))}
        except Exception as error:  # such as a module that this machine lacks
            return {PROBLEM: f"{type(error).__name__}: {error}"}
