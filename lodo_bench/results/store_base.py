"""The common part of reading and writing studies and run sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.orm import Session

from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.results.codecs.provenances import encode_provenance
from lodo_bench.results.counted import note_orphans
from lodo_bench.results.damage import Damage, Damages
from lodo_bench.results.database import Database
from lodo_bench.results.schema import (
    GenerationRow,
    IndividualRow,
    MetaTrainingStateRow,
    MetricHistoryRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetAnnotationRow,
    RunSetRow,
    ScoreRow,
    StudyAnnotationRow,
    StudyRow,
    now,
)
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord, StudySummary

_Record = TypeVar("_Record", StudyRecord, StudySummary, RunSetRecord)

_OWNED = {
    StudyRow: (GenerationRow, IndividualRow, MetaTrainingStateRow, StudyAnnotationRow),
    RunSetRow: (RunSetRow, RunRow, MilestoneRow, ScoreRow, MetricHistoryRow, RunSetAnnotationRow),
}
"""The tables whose rows belong to a study or a run set, but for curves: a run whose curve is missing tells of it."""


class StoreBase:
    """The common part of studies and run sets in a database. Every call is one transaction.

    Args:
        database: the open database.
        provenance: of this process, stored with everything that it writes; None for a store that is only read.
    """

    def __init__(self, database: Database, provenance: Provenance | None = None) -> None:
        self._database = database
        self._provenance = provenance
        self._provenance_id: int | None = None
        self._searched: set[type[StudyRow] | type[RunSetRow]] = set()

    @property
    def location(self) -> str:
        """The file or URL of the database, without a password."""
        return self._database.location

    @property
    def folder(self) -> Path | None:
        """The folder of files that belong to the database; None for a database in memory."""
        return self._database.folder

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """The damaged rows that were come upon and left out so far."""
        return self._damages.found

    @property
    def _damages(self) -> Damages:
        return self._database.damages

    def _only(self, kind: str, number: int, found: Iterable[_Record]) -> _Record:
        """Return the one record that is found."""
        for record in found:
            return record
        reasons = [str(each) for each in self._damages.found if each.number == number]
        self._damages.tell()
        raise DatabaseError(
            f"{kind} {number} is damaged in '{self.location}': {'; '.join(reasons)}.", remedy=Remedy.DELETE_DAMAGED
        )

    def _note_orphans(self, session: Session, owner: type[StudyRow] | type[RunSetRow]) -> None:
        """Count the rows of studies or run sets that belong to none, once: nothing shows them."""
        if owner not in self._searched:
            self._searched.add(owner)
            note_orphans(session, self._damages, *_OWNED[owner])

    @contextmanager
    def _writing_results(self) -> Iterator[tuple[Session, int]]:
        """Open a session for writing, with the number of this process's provenance, which ends with its last write."""
        if self._provenance is None:
            raise ValueError("a store without provenance is for reading only")
        with self._database.writing() as session:
            if self._provenance_id is None:
                row = encode_provenance(self._provenance, ended=now())
                session.add(row)
                session.flush()
                number = row.id
            else:
                number = self._provenance_id
                session.execute(update(ProvenanceRow).where(ProvenanceRow.id == number).values(ended=now()))
            yield session, number
        self._provenance_id = number
