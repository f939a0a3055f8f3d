"""The adapter between the coordinator and Ray Tune: a trial is a shard."""

from __future__ import annotations

from typing import Any, cast

from ray import tune
from ray.tune.search import Searcher

from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.study import Shard
from lodo_bench.tuner.worker import evaluate

# Ray's mark for "there will be no more"; its own annotation of `suggest` forgets it.
_FINISHED: dict[str, Any] = cast(Any, Searcher.FINISHED)


class ShardSearcher(Searcher):
    """Lets Ray Tune ask the coordinator for shards, and tells the coordinator what became of them.

    Ray turns an exception in here into a failed trial and goes on; so the first one is kept in `error`, nothing more
    is handed out, and the driver raises it when Ray has finished.

    Args:
        coordinator: who knows what is to be done.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        super().__init__()
        self._coordinator = coordinator
        self._in_flight: dict[str, Shard] = {}
        self.error: BaseException | None = None

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next shard as a trial's configuration; None to be asked again later."""
        try:
            if self.error is not None or self._coordinator.finished:
                return _FINISHED
            shard = self._coordinator.next_shard()
        except BaseException as error:
            self.error = error
            return _FINISHED
        if shard is None:
            return None
        self._in_flight[trial_id] = shard
        return {"shard": shard}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take in a shard's result; a trial without one has lost its worker."""
        if trial_id not in self._in_flight:
            return
        shard = self._in_flight.pop(trial_id)
        try:
            if error or result is None:
                self._coordinator.requeue(shard, "a worker was lost")
            else:
                self._coordinator.complete(shard, result["individuals"])
        except BaseException as problem:
            self.error = self.error or problem

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: a trial has one result, its last."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray keeps a copy to restore a search from, and ours is restored from the database."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the database is what a search is continued from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, see `save`."""


class ShardTrainable(tune.Trainable):
    """Evaluates a shard in a Ray actor, which is then used for the next one: starting an actor costs over a second."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first shard."""
        self._shard: Shard = config["shard"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another shard; an evaluation leaves nothing behind."""
        self._shard = new_config["shard"]
        return True

    def step(self) -> dict[str, Any]:
        """Evaluate it; that is all there is to this trial."""
        return {"individuals": evaluate(self._shard), tune.result.DONE: True}
