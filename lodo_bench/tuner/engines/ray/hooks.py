"""The adapters between Ray Tune and the pool of workers: a searcher, a callback and a stopper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher
from typing_extensions import override

from lodo_bench.tuner.engines.ray.pool import WorkerPool
from lodo_bench.tuner.engines.ray.trainable import INDIVIDUALS, MAILBOX, PROBLEM

# Ray's marker for "no more trials", which its own annotation of `suggest` leaves out.
_FINISHED: dict[str, Any] = cast(Any, Searcher.FINISHED)


class Hooks:
    """The common part of the adapters.

    Ray turns an exception in a searcher or a callback into a failed trial and continues. Therefore the first one is
    kept, which ends the search, and the driver raises it when Ray has finished.

    Args:
        pool: the workers.

    Attributes:
        error: the first exception.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.error: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray keeps a copy to restore the search from; ours is restored from the database

    @property
    def over(self) -> bool:
        """True once Ray is to stop."""
        return self.error is not None or self.pool.finished

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep an exception of the block instead of raising it."""
        try:
            yield
        except BaseException as error:
            self.error = self.error or error


class WorkerSearcher(Searcher):
    """A Tune searcher that asks for as many trials as workers are wanted.

    Args:
        hooks: the pool, and where exceptions are kept.
        dispatcher: the name of the dispatcher's actor.
        files: for `user_code.provide`.
    """

    def __init__(self, hooks: Hooks, dispatcher: str, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._hooks, self._config = hooks, {"dispatcher": dispatcher, "files": files}

    @override
    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        if self._hooks.over:
            return _FINISHED
        with self._hooks.guarded():
            if self._hooks.pool.add(trial_id):
                return dict(self._config)
        return None

    @override
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pass  # a worker ends when the search does

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pass  # the callback receives it

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {}  # as for `Hooks`

    @override
    def save(self, checkpoint_path: str) -> None:
        pass  # a search is resumed from the database

    @override
    def restore(self, checkpoint_path: str) -> None:
        pass  # a search is resumed from the database


class WorkerCallback(tune.Callback):
    """A Tune callback that passes on what becomes of the workers."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    @override
    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if not self._hooks.over:
            with self._hooks.guarded():
                self._hooks.pool.tick()

    @override
    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self._hooks.over:
            return
        with self._hooks.guarded():
            pool = self._hooks.pool
            if MAILBOX in result:
                pool.introduce(trial.trial_id, result[MAILBOX], result["pid"], result["hostname"], _killer(trial))
            elif INDIVIDUALS in result:
                # Taken out, as Tune keeps and stores a trial's last result.
                pool.complete(trial.trial_id, result.pop(INDIVIDUALS))
            elif PROBLEM in result:
                pool.report(trial.trial_id, result[PROBLEM])

    @override
    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if not self._hooks.over:
            with self._hooks.guarded():
                self._hooks.pool.lose(trial.trial_id, _cause(trial))


class SearchStopper(tune.Stopper):
    """A Tune stopper that ends the search although workers wait for room in the cluster."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    @override
    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    @override
    def stop_all(self) -> bool:
        return self._hooks.over


def _cause(trial: Trial) -> str:
    """Return why a trial has failed: the last line of what Ray says about it."""
    lines = str(trial.get_error() or "its process has ended").strip().splitlines()
    return lines[-1].strip().rstrip(".")


def _killer(trial: Trial) -> Callable[[], None]:
    actor = trial.temporary_state.ray_actor

    def kill() -> None:
        if actor is not None:
            ray.kill(actor, no_restart=True)

    return kill
