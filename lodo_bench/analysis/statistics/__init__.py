"""Statistics of runs, as pure functions of values; docs/statistics.md explains them to readers of reports."""

from lodo_bench.analysis.statistics.interval import Interval, confidence_interval
from lodo_bench.analysis.statistics.significance import LEVEL, ComparisonResult, Sample, compare_with_all
from lodo_bench.analysis.statistics.summary import Summary, summarize

__all__ = [
    "LEVEL",
    "ComparisonResult",
    "Interval",
    "Sample",
    "Summary",
    "compare_with_all",
    "confidence_interval",
    "summarize",
]
