"""Statistics of runs, as pure functions of values; docs/statistics.md explains them to readers of reports."""

from lodo_bench.analysis.statistics.effect import Effect
from lodo_bench.analysis.statistics.interval import Interval, confidence_interval
from lodo_bench.analysis.statistics.judging import MAX_TIED_RATIO, judge
from lodo_bench.analysis.statistics.judgment import Judgment, Standing, State
from lodo_bench.analysis.statistics.sample import Kind, Sample
from lodo_bench.analysis.statistics.simes import LEVEL
from lodo_bench.analysis.statistics.summary import Summary, majority_mean, mean, median, summarize

__all__ = [
    "LEVEL",
    "MAX_TIED_RATIO",
    "Effect",
    "Interval",
    "Judgment",
    "Kind",
    "Sample",
    "Standing",
    "State",
    "Summary",
    "confidence_interval",
    "judge",
    "majority_mean",
    "mean",
    "median",
    "summarize",
]
