"""The actor through which shards reach the workers. Imports no PyTorch, so that it starts quickly."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping


class Dispatcher:
    """A mailbox for each worker: the driver puts shards in, and workers wait for theirs.

    It runs as an asynchronous actor, in which any number of workers can wait at the same time.
    """

    def __init__(self) -> None:
        self._mailboxes: defaultdict[str, asyncio.Queue[bytes | None]] = defaultdict(asyncio.Queue)
        self._stopped = False

    async def put(self, shards: Mapping[str, bytes]) -> None:
        """Put pickled shards into the mailboxes of workers."""
        for worker, shard in shards.items():
            self._mailboxes[worker].put_nowait(shard)

    async def next(self, worker: str) -> bytes | None:
        """Wait for the next shard of `worker`; None if there will be no more."""
        return None if self._stopped else await self._mailboxes[worker].get()

    async def forget(self, worker: str) -> None:
        """Drop the mailbox of a worker that is gone."""
        self._mailboxes.pop(worker, None)

    async def stop(self) -> None:
        """Tell all workers that there will be no more shards."""
        self._stopped = True
        for mailbox in self._mailboxes.values():
            mailbox.put_nowait(None)
