"""The Ray engine: Ray Tune places the workers on a cluster, and replaces those that are lost."""

from lodo_bench.tuner.engines.ray.run import run_on_ray

__all__ = ["run_on_ray"]
