"""Reading and writing run sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lodo_bench.results.code_changes import check_code, has_version
from lodo_bench.results.codecs.curves import decode_curve, decode_metrics
from lodo_bench.results.codecs.facts import encode_facts
from lodo_bench.results.codecs.run_sets import decode_run, decode_run_set, encode_run
from lodo_bench.results.codecs.specifications import encode_run_set_spec, run_set_identity
from lodo_bench.results.queries import check_number, latest, like, of_task, unused_number
from lodo_bench.results.run_rows import stored_curves, stored_metrics, stored_runs
from lodo_bench.results.schema import RunRow, RunSetRow, StudyRow, now
from lodo_bench.results.store_base import StoreBase
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec


class RunSetStore(StoreBase):
    """Run sets in a database; see `StoreBase`."""

    def open_run_set(self, spec: RunSetSpec, *, fresh: bool = False, facts: Facts | None = None) -> RunSetRecord:
        """Return the latest run set of exactly this specification, finished or not, or a new one.

        It is a new one if there is none, if `fresh` is set, or if the latest is finished and runs of it failed.

        Args:
            spec: the specification.
            fresh: whether to open a new one in any case.
            facts: those of its optimizer and task, which are stored with a new one.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
            UnknownNameError: if its hyperparameters are those of a study that is not in this database.
        """
        with self._database.writing() as session:
            if spec.hyperparameters.study_id is not None:
                check_number(session, "study", spec.hyperparameters.study_id, StudyRow.id)
            record = None if fresh else self._latest_run_set(session, spec)
            if record is not None and (record.missing_seeds or not record.has_failed):
                return record
            if not fresh and has_version(spec):
                for other in self._decoded(session, like(RunSetRow, spec)):
                    if other.missing_seeds:
                        check_code("run set", other.id, other.spec, spec)
            row = RunSetRow(
                id=unused_number(session, RunSetRow),
                identity=run_set_identity(spec),
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=encode_run_set_spec(spec),
                study_id=spec.hyperparameters.study_id,
                created=now(),
                facts=encode_facts(facts),
                runs=[],
            )
            session.add(row)
            session.flush()
            return decode_run_set(row, (), self._damages)

    def find_run_set(self, spec: RunSetSpec) -> RunSetRecord | None:
        """Return the latest run set of exactly this specification, finished or not; None if there is none."""
        with self._database.reading() as session:
            return self._latest_run_set(session, spec)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Store a run, in place of an interrupted or damaged one with the same seed."""
        with self._writing_results() as (session, provenance):
            former = session.scalar(_run(run_set, run.seed))
            if former is not None and (former.status == Status.INTERRUPTED or not self._is_sound(session, former)):
                session.delete(former)
                session.flush()
            session.add(encode_run(run, curve, run_set, provenance))

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return all run sets without their curves, oldest first, or those of one task."""
        with self._database.reading() as session:
            self._note_orphans(session, RunSetRow)
            return list(self._decoded(session, of_task(RunSetRow, task)))

    def run_set_numbers(self) -> list[int]:
        """Return the numbers of all run sets."""
        with self._database.reading() as session:
            return list(session.scalars(select(RunSetRow.id).order_by(RunSetRow.id)))

    def run_set(self, number: int) -> RunSetRecord:
        """Return one run set by its number.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            check_number(session, "run set", number, RunSetRow.id)
            self._note_orphans(session, RunSetRow)
            found = self._decoded(session, select(RunSetRow).where(RunSetRow.id == number))
            return self._only("run set", number, found)

    def metrics(self, run_set: int) -> dict[int, dict[str, MetricHistory]]:
        """Return the metrics of the runs of a run set, by seed and name."""
        with self._database.reading() as session:
            runs = stored_metrics(session, run_set)
            return {run.row.seed: decode_metrics(run, self._damages) for run in runs}

    def curve(self, run_set: int, seed: int) -> Curve | None:
        """Return the whole curve of one run; None if it is damaged, or was deleted meanwhile."""
        return self.curves(run_set, [seed]).get(seed)

    def curves(self, run_set: int, seeds: Sequence[int]) -> dict[int, Curve]:
        """Return the whole curves of runs of a run set by seed, without those that are damaged or deleted."""
        with self._database.reading() as session:
            found = ((r.row.seed, decode_curve(r, self._damages)) for r in stored_curves(session, run_set, seeds))
            return {seed: curve for seed, curve in found if curve is not None}

    def _decoded(self, session: Session, query: Select[RunSetRow]) -> Iterator[RunSetRecord]:
        """Yield the sound run sets among the rows of a query."""
        rows = session.scalars(query).all()
        runs = stored_runs(session, RunRow.run_set_id.in_(query.with_only_columns(RunSetRow.id).order_by(None)))
        return self._damages.sound(rows, lambda row: decode_run_set(row, runs.get(row.id, ()), self._damages))

    def _is_sound(self, session: Session, row: RunRow) -> bool:
        """Return True for a run that becomes a record; a damaged one is counted."""
        stored = stored_runs(session, RunRow.id == row.id)
        return bool(list(self._damages.sound(stored[row.run_set_id], decode_run)))

    def _latest_run_set(self, session: Session, spec: RunSetSpec) -> RunSetRecord | None:
        """Return the latest sound run set of a specification; None if there is none."""
        return next(self._decoded(session, latest(RunSetRow, run_set_identity(spec))), None)


def _run(run_set: int, seed: int) -> Select[RunRow]:
    return select(RunRow).where(RunRow.run_set_id == run_set, RunRow.seed == seed)
