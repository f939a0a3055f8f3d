"""Two run sets side by side: their settings, their losses seed by seed, and their speeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lodo_bench.analysis.comparison import summarize_run_set
from lodo_bench.analysis.settings import run_set_settings
from lodo_bench.analysis.statistics import Interval, Summary, confidence_interval
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunSetRecord

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """The losses of the seeds that two run sets have in common, at the longest step milestone of both.

    Attributes:
        milestone: where they are measured.
        by_seed: the two losses; not finite for a run that diverged.
    """

    milestone: Milestone
    by_seed: Mapping[int, tuple[float, float]]

    @property
    def differences(self) -> list[float]:
        """The second loss minus the first, of the seeds of which neither run diverged."""
        return [b - a for a, b in self.by_seed.values() if math.isfinite(a) and math.isfinite(b)]

    @property
    def interval(self) -> Interval:
        """The confidence interval of the mean difference."""
        return confidence_interval(self.differences)


@dataclass(frozen=True, slots=True)
class RunSetDifference:
    """Two run sets, compared.

    Attributes:
        settings: those that differ, by title: the first and the second.
        hyperparameters: the values that differ, by name; NaN where there is no such hyperparameter.
        provenance: hosts, machines, versions and commits, where they differ, by title.
        losses: by milestone of both, the losses of the first and of the second; empty if their tasks differ.
        speeds: steps per second of the timed runs of the first and of the second; None if none was timed.
        pairs: seed by seed, if the two have random numbers in common.
        unpaired: why they have not, as a sentence; else empty.
    """

    settings: Mapping[str, Pair]
    hyperparameters: Mapping[str, tuple[float, float]]
    provenance: Mapping[str, Pair]
    losses: Mapping[Milestone, tuple[Summary, Summary]] = field(default_factory=dict)
    speeds: tuple[Summary | None, Summary | None] = (None, None)
    pairs: PairedLosses | None = None
    unpaired: str = ""


def compare_two(first: RunSetRecord, second: RunSetRecord) -> RunSetDifference:
    """Compare two run sets, which need not have any run.

    Losses are compared on one task only, and seed by seed only on one device in one dtype, where equal seeds have equal
    random numbers.
    """
    unpaired = _why_unpaired(first, second)
    same_task = first.spec.task.key == second.spec.task.key
    rows = [summarize_run_set(record) if record.runs else None for record in (first, second)]
    losses = [row.losses if row else {} for row in rows]
    a, b = first.spec.hyperparameters.values, second.spec.hyperparameters.values
    return RunSetDifference(
        settings=_different(run_set_settings(first.spec), run_set_settings(second.spec)),
        hyperparameters={
            name: (a.get(name, math.nan), b.get(name, math.nan)) for name in {**a, **b} if a.get(name) != b.get(name)
        },
        provenance=_different(*(_provenance(record) for record in (first, second))),
        losses={at: (losses[0][at], losses[1][at]) for at in sorted(losses[0]) if same_task and at in losses[1]},
        speeds=(rows[0].speed if rows[0] else None, rows[1].speed if rows[1] else None),
        pairs=None if unpaired else _pairs(first, second),
        unpaired=unpaired,
    )


def _why_unpaired(first: RunSetRecord, second: RunSetRecord) -> str:
    one, other = first.spec, second.spec
    if one.task.key != other.task.key:
        return f"The losses are not compared: {one.task.label} and {other.task.label} are different tasks."
    for name in ("device", "dtype"):
        found = getattr(one.compute, name), getattr(other.compute, name)
        if found[0] != found[1]:
            return f"The losses are not paired: with {found[0]} and {found[1]}, seeds have other random numbers."
    return ""


def _different(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, Pair]:
    pairs = {name: (first.get(name, ""), second.get(name, "")) for name in {**first, **second}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _provenance(record: RunSetRecord) -> dict[str, str]:
    def each(describe: Callable[[Provenance], str]) -> str:
        return "; ".join(dict.fromkeys(filter(None, map(describe, record.provenances))))

    names = dict.fromkeys(name for provenance in record.provenances for name in provenance.versions)
    return {
        "database": each(lambda p: p.database),
        "host": each(lambda p: p.host),
        "machine": each(
            lambda p: ", ".join(
                [p.machine.device] * (p.machine.device != "cpu")
                + [p.machine.cpu, f"{p.machine.cores} cores", f"{p.machine.threads} threads"]
            )
        ),
        **{name: each(lambda p, name=name: p.versions.get(name, "")) for name in names},  # type: ignore[misc]
        "commit": each(lambda p: p.commit[:12]),
    }


def _pairs(first: RunSetRecord, second: RunSetRecord) -> PairedLosses | None:
    losses = [_losses(record) for record in (first, second)]
    common = [at for at in losses[0] if at in losses[1] and losses[0][at].keys() & losses[1][at].keys()]
    if not common:
        return None
    at = max(common)
    seeds = sorted(losses[0][at].keys() & losses[1][at].keys())
    return PairedLosses(at, {seed: (losses[0][at][seed], losses[1][at][seed]) for seed in seeds})


def _losses(record: RunSetRecord) -> dict[Milestone, dict[int, float]]:
    found: dict[Milestone, dict[int, float]] = {}
    for run in record.runs:
        if run.status in (Status.COMPLETED, Status.DIVERGED):
            for at, loss in run.milestones.items():
                if at.unit == "steps":
                    found.setdefault(at, {})[run.seed] = loss
    return found
