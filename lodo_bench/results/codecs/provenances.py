"""Invocations of the program."""

from __future__ import annotations

from dataclasses import asdict, replace

from lodo_bench.results.damage import Damages, Fields, is_text
from lodo_bench.results.run_rows import StoredRun
from lodo_bench.results.schema import ProvenanceRow, RunRow
from lodo_bench.spec.provenance import Machine, Provenance

_UNKNOWN = Provenance("", {}, "", "", Machine("", "", 0, 0), "", "")


def encode_provenance(provenance: Provenance, ended: str) -> ProvenanceRow:
    """Return the row of an invocation of the program."""
    values = asdict(replace(provenance, ended=ended))
    del values["database"]
    return ProvenanceRow(**values.pop("machine"), **values)


def decode_provenance(row: ProvenanceRow) -> Provenance:
    """Return an invocation of the program."""
    fields = Fields(row)
    versions = fields.document("versions")
    if not all(is_text(text) for item in versions.items() for text in item):
        raise fields.damaged("its versions are not texts by name")
    return Provenance(
        fields.text("command"),
        versions,
        fields.text("commit"),
        fields.text("host"),
        Machine(fields.text("device"), fields.text("cpu"), fields.count("cores"), fields.count("threads")),
        fields.time("started"),
        fields.text("ended") and fields.time("ended"),
    )


def provenance_of(run: StoredRun, known: dict[ProvenanceRow, Provenance], damages: Damages) -> Provenance:
    """Return where a run was made; an empty one if that is damaged or missing, as no result depends on it.

    What is `known` is not decoded again: all runs of a command have the same.
    """
    row = run.provenance
    if row is None:
        damages.add(Fields(run.row, RunRow).damaged("its provenance_id is none of the provenances").damage)
        return _UNKNOWN
    if row not in known:
        known[row] = next(damages.sound([row], decode_provenance), _UNKNOWN)
    return known[row]
