"""Meta-training in seconds, where its length is not what is tested."""

from contextlib import contextmanager

import pytest

from lodo_bench.training import meta
from lodo_bench.tuner import schedule


@contextmanager
def short_epochs(runs=2):
    """Epochs of 2 runs, and as many to validate with, instead of 20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "RUNS", runs)
        patch.setattr(meta, "VALIDATION_RUNS", runs)
        yield
