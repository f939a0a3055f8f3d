"""The engine and the device that follow from what is asked for."""

import pytest

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.cluster import Cluster


@pytest.mark.parametrize(
    ("asked", "engine", "reason"),
    [
        ({}, "processes", "no GPUs or cluster needed"),
        ({"workers": 3}, "processes", "no GPUs or cluster needed"),
        ({"choice": "processes"}, "processes", "as requested"),
        ({"choice": "ray"}, "ray", "as requested"),
        ({"gpus_per_worker": 0.5}, "ray", "for workers with 0.5 GPU each"),
        ({"gpus_per_worker": 1.0, "choice": "ray"}, "ray", "for workers with 1 GPU each"),
        ({"address": "auto"}, "ray", "for the cluster at 'auto'"),
        ({"address": "auto", "gpus_per_worker": 1.0}, "ray", "for the cluster at 'auto'"),
        ({"workers": 0}, "inline", "0 workers"),
        ({"workers": 0, "choice": "processes"}, "inline", "0 workers"),
        ({"workers": 0, "gpus_per_worker": 1.0}, "inline", "0 workers"),
    ],
    ids=str,
)
def test_the_engine_is_the_simplest_that_serves(asked, engine, reason):
    cluster = Cluster(**asked)
    assert (cluster.engine, cluster.reason) == (engine, reason)
    assert cluster.device == ("cuda" if asked.get("gpus_per_worker") else "cpu")


@pytest.mark.parametrize(
    ("asked", "problem", "remedy"),
    [
        ({"workers": 0, "address": "auto"}, "cannot use the Ray cluster at 'auto'", Remedy.USE_WORKERS),
        ({"workers": 0, "choice": "ray"}, "cannot use Ray", Remedy.USE_WORKERS),
        ({"workers": 0, "gpus_per_worker": 2.0}, "one GPU at most, not 2", Remedy.FEWER_GPUS),
        (
            {"choice": "processes", "address": "auto"},
            "'processes' uses the CPUs of this machine only, not the cluster at 'auto'",
            Remedy.USE_RAY,
        ),
        (
            {"choice": "processes", "gpus_per_worker": 0.5},
            "'processes' uses the CPUs of this machine only, not workers with 0.5 GPU",
            Remedy.USE_RAY,
        ),
    ],
    ids=str,
)
def test_what_no_engine_can_serve_is_refused(asked, problem, remedy):
    with pytest.raises(UsageError, match=problem) as caught:
        Cluster(**asked)
    assert caught.value.remedy is remedy
