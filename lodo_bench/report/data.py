"""Everything that a report shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.targets import Targets
from lodo_bench.charts.series import CurveSource
from lodo_bench.results.damage import Damage
from lodo_bench.spec.options import Kind
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord, StudySummary


@dataclass(frozen=True, slots=True)
class ReportData:
    """Comparisons, and the records behind them that the HTML page shows as well.

    Attributes:
        comparisons: one for each task, with its steps and seconds to a target loss if there is one.
        run_sets: final runs.
        studies: hyperparameter searches, also of tasks without final runs.
        load_study: returns a search with its individuals, by its number.
        kinds_of: returns the kinds of the hyperparameters of a search, by name.
        curves: source of learning curves.
        damaged: returns the damaged rows that were left out so far; all of them once everything else was read.
    """

    comparisons: Sequence[tuple[Comparison, Targets | None]]
    run_sets: Sequence[RunSetRecord]
    studies: Sequence[StudySummary]
    load_study: Callable[[int], StudyRecord]
    kinds_of: Callable[[StudyRecord], Mapping[str, Kind]]
    curves: CurveSource
    damaged: Callable[[], Sequence[Damage]]
