"""The adapter between the coordinator and Ray Tune, in which a trial is a shard."""

from __future__ import annotations

from typing import Any, cast

from ray import tune
from ray.tune.search import Searcher
from typing_extensions import override

from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.study import Shard
from lodo_bench.tuner.worker import evaluate

# Ray's marker for "no more trials", which its own annotation of `suggest` leaves out.
_FINISHED: dict[str, Any] = cast(Any, Searcher.FINISHED)


class ShardSearcher(Searcher):
    """A Ray Tune searcher that takes shards from the coordinator and hands their results back to it.

    Ray turns an exception in a searcher into a failed trial and continues. Therefore the first one is kept in `error`,
    no more shards are handed out, and the driver raises it when Ray has finished.

    Args:
        coordinator: schedules the shards.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        super().__init__()
        self._coordinator = coordinator
        self._in_flight: dict[str, Shard] = {}
        self.error: BaseException | None = None

    @override
    def suggest(self, trial_id: str) -> dict[str, Any] | None:
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

    @override
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self._in_flight:
            return
        shard = self._in_flight.pop(trial_id)
        try:
            if error or result is None:  # a trial without a result has lost its worker
                self._coordinator.requeue(shard, "a worker was lost")
            else:
                self._coordinator.complete(shard, result["individuals"])
        except BaseException as problem:
            self.error = self.error or problem

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pass  # each trial reports once, which `on_trial_complete` receives

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray keeps a copy to restore the search from; ours is restored from the database

    @override
    def save(self, checkpoint_path: str) -> None:
        pass  # a search is resumed from the database

    @override
    def restore(self, checkpoint_path: str) -> None:
        pass  # a search is resumed from the database


class ShardTrainable(tune.Trainable):
    """A Ray actor that evaluates one shard after another, since starting an actor takes over a second."""

    @override
    def setup(self, config: dict[str, Any]) -> None:
        self._shard: Shard = config["shard"]

    @override
    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._shard = new_config["shard"]
        return True

    @override
    def step(self) -> dict[str, Any]:
        return {"individuals": evaluate(self._shard), tune.result.DONE: True}
